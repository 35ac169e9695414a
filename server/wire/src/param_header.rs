//! Tool arguments that a client repeats in headers, `Mcp-Param-{name}` (MCP 2026-07-28,
//! Streamable HTTP, "Custom Headers from Tool Parameters").
//!
//! A tool's `inputSchema` says by `x-mcp-header` which ones. Here the schema is read, the
//! value to be sent is made, and what was sent is held against the body.

use serde_json::value::RawValue;

use crate::{
    canonical::MAX_DEPTH,
    header,
    json::{Kind, fields, tokens, unquote},
    number::push_number,
    shape::{Object, ShapeError},
};

/// How many arguments of a tool may be repeated: HTTP servers take about a hundred headers
/// in all, and each is looked up in the arguments for itself.
pub const MAX_PARAM_HEADERS: usize = 64;

/// The key in a schema that names the header of an argument.
pub const ANNOTATION: &str = "x-mcp-header";

/// Where values stand that are data: what looks like an annotation in there is none.
const DATA: [&str; 4] = ["const", "default", "enum", "examples"];
/// Where the keys are names of the author, not keywords.
const NAMED_SCHEMAS: [&str; 5] = ["$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties"];

/// One argument that a client repeats in a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamHeader {
    /// The header's name after `Mcp-Param-`, as the schema spells it: a token of RFC 9110
    /// (section 5.6.2). Case makes no difference in it.
    pub name: String,
    /// The keys that lead from the arguments to the value; never empty.
    pub path: Vec<String>,
}

impl ParamHeader {
    /// The whole name of the header.
    #[must_use]
    pub fn header_name(&self) -> String {
        format!("Mcp-Param-{}", self.name)
    }

    /// The text that a client must send, to be put through
    /// [`header::encode`](crate::header::encode); `None` where it must send nothing:
    /// no value, `null`, or an array or object, which is for the tool to refuse.
    ///
    /// A number is written as ECMAScript does.
    ///
    /// # Errors
    /// Names the value: an object on the way to it has a key twice, a string is not
    /// Unicode, an integer lies outside ±(2⁵³ − 1).
    pub fn value(&self, arguments: &RawValue) -> Result<Option<String>, ShapeError> {
        Ok(match self.find(arguments)? {
            Some(Found::Text(text) | Found::Number(text)) => Some(text),
            None => None,
        })
    }

    fn find(&self, arguments: &RawValue) -> Result<Option<Found>, ShapeError> {
        let mut place = "params.arguments".to_owned();
        let Some((last, way)) = self.path.split_last() else {
            return Ok(None);
        };
        let mut value = arguments;
        for key in way {
            let Some(inner) = step(&place, value)?.and_then(|object| object.get(key)) else {
                return Ok(None);
            };
            value = inner;
            place = format!("{place}.{key}");
        }
        let Some(object) = step(&place, value)? else {
            return Ok(None);
        };
        let Some(value) = object.get(last) else {
            return Ok(None);
        };
        let text = value.get();
        Ok(match text.as_bytes().first() {
            Some(b'"') => object.text(last)?.map(|text| Found::Text(text.into_owned())),
            Some(b't' | b'f') => Some(Found::Text(text.to_owned())),
            Some(b'-' | b'0'..=b'9') => {
                let number = canonical_number(text);
                if !is_safe(&number) {
                    return Err(object.wrong(last, "an integer within ±(2^53 - 1)"));
                }
                Some(Found::Number(number))
            }
            _ => None,
        })
    }

    fn check(&self, arguments: &RawValue, sent: &[&[u8]]) -> Result<(), String> {
        let header = self.header_name();
        let place = || format!("params.arguments.{}", self.path.join("."));
        let found = self.find(arguments).map_err(|error| format!("the header {header} cannot be checked: {error}"))?;
        let (found, sent) = match (found, sent) {
            (None, []) => return Ok(()),
            (_, [_, _, ..]) => return Err(format!("the header {header} stands there twice")),
            (None, _) => return Err(format!("the header {header} must be left out: {} has no value for it", place())),
            (Some(_), []) => return Err(format!("the header {header} is missing: {} has a value", place())),
            (Some(found), [sent]) => (found, *sent),
        };
        let sent = header::decode(sent).map_err(|error| format!("the header {header} {error}"))?;
        let equal = match &found {
            Found::Text(text) => *text == sent,
            Found::Number(number) => *number == sent || (is_decimal(&sent) && *number == canonical_number(&sent)),
        };
        match equal {
            true => Ok(()),
            false => Err(format!("the header {header} does not match {}", place())),
        }
    }
}

/// A value as a header carries it.
enum Found {
    Text(String),
    /// In canonical spelling; compared as a number.
    Number(String),
}

/// The members of an object on the way; `None` for what is no object.
fn step<'a>(place: &str, value: &'a RawValue) -> Result<Option<Object<'a>>, ShapeError> {
    let is_object = value.get().starts_with('{');
    is_object.then(|| Object::read(place, value)).transpose()
}

fn canonical_number(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_number(text, &mut out);
    out
}

/// Whether a canonical number is a fraction or an integer of at most 2⁵³ − 1.
fn is_safe(number: &str) -> bool {
    if number.contains("e-") || (number.contains('.') && !number.contains("e+")) {
        return true;
    }
    let digits = number.strip_prefix('-').unwrap_or(number);
    digits.parse::<u64>().is_ok_and(|integer| integer < 1 << 53)
}

/// Digits as a header may have them: no exponent, no plus sign, no needless zero in front.
fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    all_digits(whole) && all_digits(fraction) && (whole == "0" || !whole.starts_with('0'))
}

/// Holds the headers of a `tools/call` against its arguments (MCP 2026-07-28, Streamable
/// HTTP, "Server Validation"). `sent` gives all values of the header with this name, case
/// ignored.
///
/// # Errors
/// One sentence that names the first header that is wrong and repeats no value: missing,
/// sent twice, not decodable, differing (numbers are compared as numbers), or sent though
/// the body has no value for it.
pub fn check<'s>(
    headers: &[ParamHeader],
    arguments: &RawValue,
    sent: impl Fn(&str) -> Vec<&'s [u8]>,
) -> Result<(), String> {
    headers.iter().try_for_each(|header| header.check(arguments, &sent(&header.header_name())))
}

/// The arguments that the `inputSchema` of a tool wants repeated in headers, in its order.
///
/// # Errors
/// One sentence for what makes the tool unusable over HTTP ("Schema Extension"): a name
/// that is no token or stands there twice, case ignored; an argument that is neither
/// integer, string nor boolean; an annotation anywhere but on a property that a chain of
/// `properties` leads to; more than [`MAX_PARAM_HEADERS`]; and in a schema with
/// annotations a key that stands there twice or more than [`MAX_DEPTH`] levels.
pub fn param_headers(input_schema: &RawValue) -> Result<Vec<ParamHeader>, String> {
    let is_annotation = |key: &str| unquote(key).is_ok_and(|key| key == ANNOTATION);
    let mut found = Vec::new();
    // Most schemas have none: one pass says so.
    if tokens(input_schema.get()).any(|token| token.kind == Kind::Key && is_annotation(token.text)) {
        walk(input_schema, Place { path: Some(Vec::new()), depth: 0 }, &mut found)?;
    }
    Ok(found)
}

/// Where a schema stands in the whole one.
struct Place {
    /// The properties that lead to it; `None` if something else does too.
    path: Option<Vec<String>>,
    depth: usize,
}

impl Place {
    fn property(&self, name: &str) -> Self {
        let path = self.path.as_ref().map(|path| path.iter().cloned().chain([name.to_owned()]).collect());
        Self { path, depth: self.depth + 2 }
    }

    fn elsewhere(&self, levels: usize) -> Self {
        Self { path: None, depth: self.depth + levels }
    }
}

fn walk(schema: &RawValue, place: Place, found: &mut Vec<ParamHeader>) -> Result<(), String> {
    if place.depth > MAX_DEPTH {
        return Err(format!("inputSchema is nested more than {MAX_DEPTH} levels deep"));
    }
    if schema.get().starts_with('[') {
        let elements: Vec<&RawValue> = serde_json::from_str(schema.get()).map_err(|error| error.to_string())?;
        return elements.into_iter().try_for_each(|element| walk(element, place.elsewhere(1), found));
    }
    if !schema.get().starts_with('{') {
        return Ok(());
    }
    let members = fields(schema).map_err(|error| format!("inputSchema cannot be read: {error}"))?;
    if let Some((_, name)) = members.iter().find(|(key, _)| key == ANNOTATION) {
        let kind = members.iter().find(|(key, _)| key == "type").map(|(_, kind)| *kind);
        annotate(name, kind, &place, found)?;
    }
    for (key, value) in members {
        let key = key.as_ref();
        let has_names = key == "properties" || NAMED_SCHEMAS.contains(&key);
        if DATA.contains(&key) {
            continue;
        }
        if !has_names || !value.get().starts_with('{') {
            walk(value, place.elsewhere(1), found)?;
            continue;
        }
        for (name, inner) in fields(value).map_err(|error| format!("inputSchema cannot be read: {error}"))? {
            let there = if key == "properties" { place.property(&name) } else { place.elsewhere(2) };
            walk(inner, there, found)?;
        }
    }
    Ok(())
}

fn annotate(
    name: &RawValue,
    kind: Option<&RawValue>,
    place: &Place,
    found: &mut Vec<ParamHeader>,
) -> Result<(), String> {
    let Some(path) = place.path.as_ref().filter(|path| !path.is_empty()) else {
        return Err(format!("{ANNOTATION} is only allowed on what a chain of properties leads to"));
    };
    let argument = path.join(".");
    let name = unquote(name.get()).ok().filter(|name| !name.is_empty() && name.bytes().all(is_token_byte));
    let Some(name) = name else {
        return Err(format!("{ANNOTATION} of {argument} is not a header's name (RFC 9110, token)"));
    };
    let kind = kind.and_then(|kind| unquote(kind.get()).ok());
    if !matches!(kind.as_deref(), Some("integer" | "string" | "boolean")) {
        return Err(format!("{ANNOTATION} of {argument} is only allowed on type integer, string or boolean"));
    }
    if found.iter().any(|other| other.name.eq_ignore_ascii_case(&name)) {
        return Err(format!("{ANNOTATION} of {argument} is the name of another argument's header too"));
    }
    if found.len() == MAX_PARAM_HEADERS {
        return Err(format!("inputSchema has more than {MAX_PARAM_HEADERS} arguments with {ANNOTATION}"));
    }
    found.push(ParamHeader { name: name.into_owned(), path: path.clone() });
    Ok(())
}

/// `tchar` of RFC 9110 section 5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
