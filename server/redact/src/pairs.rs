//! Objects that say a name and a value in two members, as lists of headers and variables do:
//! `{"name": "Authorization", "value": "…"}`, in any order and with anything beside them. And lists of two that are a name
//! and its value: `["x-api-key", "…"]`, by itself or in a list of such. Lists of names have the same form (`["password",
//! "email"]`), so that by itself one counts whose second element is no name.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;
use wire::json::{Kind, Token};

use super::{
    credentials::is_no_secret,
    escapes::{inside, unescape},
    names::is_secret_key,
    words::{WORDS, pattern},
};

/// Texts without a match have no such pair.
static MAY_HAVE_PAIR: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r#"(?i-u:val)|\\u|\[\s*"[^"]*{WORDS}"#)));
/// The longest name that is looked at, in bytes as it is written.
const LONGEST_NAME: usize = 200;

/// What a member says of the pair.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Says {
    Nothing,
    Name,
    Value,
}

/// An object or a list that is open.
struct Open {
    /// What the member that is being read says.
    says: Says,
    /// Where the value that is being read begins.
    from: usize,
    /// Its name was read, and looks secret.
    is_secret: bool,
    /// How many values were kept when it began.
    before: usize,
    /// What is known of its elements, if it is a list.
    list: Option<List>,
}

/// A list that is open.
struct List {
    /// It is an element of a list itself.
    is_nested: bool,
    /// How many elements it has so far.
    elements: usize,
    /// The second one, where it may be a value.
    second: Option<Range<usize>>,
}

/// The pairs of a text, which is handed over token by token.
#[derive(Default)]
pub(super) struct Pairs {
    open: Vec<Open>,
    /// Values of objects that are open: their names may come yet.
    kept: Vec<Range<usize>>,
    secret: Vec<Range<usize>>,
}

impl Pairs {
    /// `None` where the text has none.
    pub(super) fn of(json: &str) -> Option<Self> {
        MAY_HAVE_PAIR.is_match(json).then(Self::default)
    }

    /// The next token of the text; `is_secret` judges a name as it is written.
    pub(super) fn read<'a>(&mut self, token: Token<'a>, is_secret: impl FnOnce(&'a str) -> bool) {
        match token.kind {
            Kind::BeginObject | Kind::BeginArray => {
                self.begins(token.start);
                let is_nested = self.open.last().is_some_and(|open| open.list.is_some());
                let is_list = matches!(token.kind, Kind::BeginArray);
                let list = is_list.then_some(List { is_nested, elements: 0, second: None });
                self.open.push(Open { says: Says::Nothing, from: 0, is_secret: false, before: self.kept.len(), list });
            }
            Kind::EndObject | Kind::EndArray => {
                if let Some(ended) = self.open.pop() {
                    let kept = self.kept.drain(ended.before..);
                    if ended.is_secret {
                        self.secret.extend(kept);
                        let pair = ended.list.filter(|list| list.elements == 2);
                        self.secret.extend(pair.and_then(|list| list.second));
                    }
                }
                self.ends(token.end());
            }
            Kind::Key => {
                if let Some(open) = self.open.last_mut() {
                    open.says = says(inside(token));
                }
            }
            Kind::String => {
                let name = inside(token);
                if let Some(open) = self.open.last_mut() {
                    let names = open.says == Says::Name || open.list.as_ref().is_some_and(|list| list.elements == 0);
                    if names && name.len() <= LONGEST_NAME {
                        open.is_secret |= is_secret(name);
                    }
                    open.keep_second(token, |list| is_value(name, list.is_nested));
                }
                self.begins(token.start);
                self.ends(token.end());
            }
            Kind::Number | Kind::Literal => {
                if let Some(open) = self.open.last_mut() {
                    open.keep_second(token, |_| matches!(token.kind, Kind::Number));
                }
                self.begins(token.start);
                self.ends(token.end());
            }
        }
    }

    /// The value of the last key was taken out already.
    pub(super) fn skip(&mut self) {
        if let Some(open) = self.open.last_mut() {
            open.says = Says::Nothing;
        }
    }

    /// Where the values stand whose names look secret. One may stand in another.
    pub(super) fn found(self) -> Vec<Range<usize>> {
        self.secret
    }

    fn begins(&mut self, at: usize) {
        if let Some(open) = self.open.last_mut() {
            open.from = at;
        }
    }

    fn ends(&mut self, at: usize) {
        if let Some(open) = self.open.last_mut() {
            if open.says == Says::Value {
                self.kept.push(open.from..at);
            }
            open.says = Says::Nothing;
            if let Some(list) = &mut open.list {
                list.elements = list.elements.saturating_add(1);
            }
        }
    }
}

impl Open {
    /// Keeps where a list's second element stands, if its first is the name of a secret and this may be the value.
    fn keep_second(&mut self, token: Token<'_>, is_value: impl FnOnce(&List) -> bool) {
        if let Some(list) = &mut self.list
            && list.elements == 1
            && self.is_secret
            && is_value(list)
        {
            list.second = Some(token.start..token.end());
        }
    }
}

/// Whether the second element of a list of two may be the value of the first; by itself it may be a name or a sentence.
fn is_value(raw: &str, is_nested: bool) -> bool {
    if is_no_secret(raw) || is_secret_key(raw) {
        return false;
    }
    let is_name = !raw.contains(|character: char| !(character.is_alphabetic() || matches!(character, '_' | '-' | '.')));
    is_nested || !(is_name || raw.contains(char::is_whitespace))
}

fn says(key: &str) -> Says {
    /// As long as the longest of them is when all of it is escaped.
    const LONGEST: usize = 60;
    if key.len() > LONGEST {
        return Says::Nothing;
    }
    let key = if key.contains('\\') { unescape(key) } else { key.to_owned() };
    match key.to_ascii_lowercase().as_str() {
        "name" | "key" | "header" | "field" | "param" | "parameter" | "variable" => Says::Name,
        "value" | "values" | "val" => Says::Value,
        _ => Says::Nothing,
    }
}
