//! Objects that say a name and a value in two members, as lists of headers and variables do:
//! `{"name": "Authorization", "value": "…"}`, in any order and with anything beside them.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;
use wire::json::{Kind, Token};

use super::{escapes::unescape, inside, pattern};

/// Texts without a match have no such pair.
static MAY_HAVE_PAIR: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i-u:val)|\\u"));
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
                self.open.push(Open { says: Says::Nothing, from: 0, is_secret: false, before: self.kept.len() });
            }
            Kind::EndObject | Kind::EndArray => {
                if let Some(ended) = self.open.pop() {
                    let kept = self.kept.drain(ended.before..);
                    if ended.is_secret {
                        self.secret.extend(kept);
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
                if let Some(open) = self.open.last_mut()
                    && open.says == Says::Name
                    && name.len() <= LONGEST_NAME
                {
                    open.is_secret |= is_secret(name);
                }
                self.begins(token.start);
                self.ends(token.end());
            }
            Kind::Number | Kind::Literal => {
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
        }
    }
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
