//! Words of others reach the page only by way of `Said`, `Marked`, `Sentence`, `Words` and `plain`: this reads
//! the source for the ways around them that are taken by accident.
//!
//! It knows names, not types. What it does not see, the types of news, dialogs, labels and titles refuse.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What others write, as fields and variables are called that hold it.
const OTHERS: &[&str] = &[
    "action",
    "actor_name",
    "address",
    "because",
    "changed",
    "caller_name",
    "caller_prefix",
    "client",
    "command",
    "detail",
    "email",
    "invited_by",
    "message",
    "name",
    "note",
    "org",
    "org_name",
    "owner_email",
    "raw",
    "reason",
    "role",
    "rule",
    "slug",
    "summary",
    "taken_back_by_email",
    "taken_back_reason",
    "tool",
    "toolkit",
    "url",
    "why",
];

/// What a place in a view may call on the way to its text.
const PASSING: &[&str] =
    &["as_deref", "as_ref", "clone", "get", "get_untracked", "into_any", "to_owned", "to_string", "unwrap_or_default"];

/// Attributes that take a text and show or speak it.
const SPOKEN: &[&str] = &["title=", "aria-label=", "placeholder=", "alt="];

/// Values of such attributes that are ours, or have been through `plain`. This list may only shrink.
const OURS: &[&str] =
    &["exact(at)", "format!(\"Approval", "label", "label.map(|label|", "mark.name.clone()", "name", "means", "words"];

/// Places that look like others' words and are ours: file and text. This list may only shrink.
const ALLOWED: &[(&str, &str)] = &[("decide/reject.rs", "{name}")];

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("the source is there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("foreign_tests.rs") {
            found.push(path);
        }
    }
}

/// The source without comments, and with nothing in its strings but letters.
fn code(source: &str) -> String {
    let source = source.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let mut code = String::new();
    for line in source.lines() {
        let (mut quoted, mut before) = (false, ' ');
        for (at, c) in line.char_indices() {
            if !quoted && line[at..].starts_with("//") {
                break;
            }
            if c == '"' && before != '\\' && !(before == '\'' && line[at..].starts_with("\"'")) {
                quoted = !quoted;
            }
            code.push(if quoted && !c.is_alphanumeric() && c != '"' { ' ' } else { c });
            before = if before == '\\' { ' ' } else { c };
        }
        code.push('\n');
    }
    code
}

/// `{member.email}` and the like, as children of elements; and `role.into_any()`.
fn unmarked(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices('{') {
        let inner = code[at + 1..].split(['{', '}']).next().unwrap_or_default();
        let is_attribute = code[..at].ends_with('=');
        let is_import = code[..at].ends_with("::");
        if !is_attribute && !is_import && code[at + 1 + inner.len()..].starts_with('}') && is_others(inner) {
            found.push(format!("{{{inner}}}"));
        }
    }
    for name in OTHERS {
        let rendered = format!("{name}.into_any()");
        found.extend(
            code.match_indices(&rendered)
                .filter(|(at, _)| !code[..*at].ends_with('_'))
                .map(|(_, text)| text.to_owned()),
        );
    }
    found
}

/// Whether it is nothing but a place, or a call without arguments, that holds others' words.
fn is_others(expression: &str) -> bool {
    let is_place = expression.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '(' | ')'));
    let mut steps = expression.split('.').map(|step| step.trim_end_matches("()")).rev();
    is_place && steps.find(|step| !PASSING.contains(step)).is_some_and(|step| OTHERS.contains(&step))
}

/// Attributes of elements (components have types) whose value is neither a literal nor made plain.
fn unspoken(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for attribute in SPOKEN {
        for (at, _) in code.match_indices(attribute) {
            let value = code[at + attribute.len()..].split([' ', '>', '\n']).next().unwrap_or_default();
            let opened = code[..at].rmatch_indices('<').filter_map(|(open, _)| code[open + 1..].chars().next());
            let tag = { opened }.find(char::is_ascii_alphabetic);
            let is_ours = value.starts_with('"') || value.contains("plain") || OURS.contains(&value);
            let spaced = code[..at].ends_with([' ', '\n']);
            if spaced && !is_ours && tag.is_some_and(|first| first.is_ascii_lowercase()) {
                found.push(format!("{attribute}{value}"));
            }
        }
    }
    found
}

#[test]
fn words_of_others_reach_the_page_only_marked() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut found, mut strays) = (Vec::new(), Vec::new());
    files(&src, &mut found);
    assert!(found.len() > 80, "the test reads the source");
    for path in &found {
        let name = path.strip_prefix(&src).expect("below src").to_string_lossy().into_owned();
        let code = code(&fs::read_to_string(path).expect("UTF-8"));
        if code.contains(".set_title(") && name != "shell/guard.rs" {
            strays.push(format!("{name}: the window's title is set by `shell::title` only"));
        }
        for stray in unmarked(&code).into_iter().chain(unspoken(&code)) {
            if !ALLOWED.contains(&(name.as_str(), stray.as_str())) {
                strays.push(format!("{name}: {stray}"));
            }
        }
    }
    assert!(
        strays.is_empty(),
        "others' words without marks; use `Said`, `Sentence` or `plain`:\n{}",
        strays.join("\n")
    );
}

#[test]
fn the_usual_slips_are_seen() {
    let slips = "<td>{member.email}</td> {org.slug} {client.unwrap_or_default()} Some(role) => role.into_any(),";
    assert_eq!(unmarked(&code(slips)).len(), 4);
    assert_eq!(unspoken(&code("<span title=session.client.clone()>")), ["title=session.client.clone()"]);
    assert_eq!(unspoken(&code("<Dialog title=words.clone()>")), [""; 0]);
    let fine = "<Said text=member.email /> format!(\"{name}\") use crate::{name}; view! { <p title=\"x\">{words}</p> } // {email}";
    assert_eq!(unmarked(&code(fine)), [""; 0]);
}
