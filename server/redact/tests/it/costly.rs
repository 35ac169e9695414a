//! Texts that may cost much, made of a few bytes. The fuzz target `redact` makes its texts here too.

use std::iter;

/// What redaction looks for, what it nearly looks for, and what stands between, as JSON strings spell it. The last few
/// end the string.
const PIECES: [&str; 64] = [
    "eyJ",
    "basic ",
    r"\u0065yJ",
    "eyJhbGciOiJIUzI1NiJ9",
    "aaaa",
    "A",
    ".",
    "-",
    "_",
    "=",
    "/",
    "sk-ant-",
    "mmcp_",
    "ghp_",
    "0123456789abcdef",
    r"mmcp\u005f",
    "bearer",
    "Bearer",
    "-----BEGIN",
    " ",
    r"\t",
    "-----END",
    "token",
    "abc",
    "://",
    r":\/\/",
    r":/\/",
    ":",
    "@",
    "?",
    "#",
    "PRIVATE KEY-----",
    "é",
    "😀",
    "\u{a0}",
    "İ",
    "password",
    "secret",
    "key",
    "name",
    "value",
    "pin",
    "auth",
    "session",
    "Token",
    "Key",
    "count",
    "at",
    r"\n",
    r"\r",
    r"\u0022",
    r#"\""#,
    r"\\",
    r"\/",
    r"\u005c",
    r"\ud83d",
    r"\ud83d\ude00",
    "{",
    "[",
    "}",
    r#"","#,
    r#"":""#,
    r#"":[""#,
    r#""],""#,
];

/// A text of about so many bytes, or more where escapes are escaped. The first byte of a program says what stands around, each other one is a piece and
/// how often it stands there; all of it is repeated.
pub(crate) fn text(program: &[u8], bytes: usize) -> String {
    let (around, pieces) = program.split_first().unwrap_or((&0, &[]));
    let unit: String = pieces.iter().map(|byte| PIECES[usize::from(byte & 63)].repeat(1 << (byte >> 6 << 1))).collect();
    let (before, between, after) = match around & 3 {
        0 => ("[\"", "", "\"]"),
        1 => ("[\"", "\",\"", "\"]"),
        2 => ("{\"", "\":0,\"", "\":0}"),
        _ => ("{\"token\":[\"", "\"],\"", "\":0}"),
    };
    let depth = usize::from(around >> 2 & 7);
    // Each time, a quote takes twice as much.
    let times = 1 + (bytes >> depth) / (unit.len() + between.len()).max(1);
    let units = iter::repeat_n(unit.as_str(), times).collect::<Vec<_>>().join(between);
    in_strings(&format!("{before}{units}{after}"), depth)
}

/// The `text` as JSON in a string, in a string …, so many times.
pub(crate) fn in_strings(text: &str, times: usize) -> String {
    let quote = |text: &str| format!("[\"{}\"]", text.replace('\\', r"\\").replace('"', r#"\""#));
    (0..times).fold(text.to_owned(), |text, _| quote(&text))
}
