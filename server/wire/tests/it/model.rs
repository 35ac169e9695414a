//! JSON values as a model, and the many ways to write one of them down.

use std::collections::BTreeMap;

use proptest::{collection, prelude::*};

/// A JSON value; equal models are equal values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(Decimal),
    Text(String),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

/// ± digits × 10^exponent; the digits neither begin nor end with a zero.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

/// Any JSON value, four levels deep at most.
pub(crate) fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        decimal().prop_map(Json::Number),
        text().prop_map(Json::Text),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..5).prop_map(Json::List),
            collection::btree_map(text(), inner, 0..5).prop_map(Json::Object),
        ]
    })
}

/// Text with a good part of what needs care: escapes, controls, all planes.
fn text() -> impl Strategy<Value = String> {
    let c = prop_oneof![
        prop::char::range('a', 'd'),
        prop::sample::select(vec!['"', '\\', '/', '\0', '\n', '\u{1f}', '\u{7f}', 'é', '€']),
        prop::sample::select(vec!['\u{d7ff}', '\u{e000}', '\u{ffff}', '\u{10000}', '😀']),
        any::<char>(),
    ];
    collection::vec(c, 0..6).prop_map(String::from_iter)
}

fn decimal() -> impl Strategy<Value = Decimal> {
    let exponent =
        prop_oneof![-30..30_i64, -400..400_i64, Just(999_999_999_999_999_999), Just(-1_000_000_000_000_000_000),];
    let digits = prop_oneof!["[1-9]", "[1-9][0-9]{0,3}[1-9]", "[1-9][0-9]{0,28}[1-9]"];
    (any::<bool>(), digits, exponent).prop_map(|(negative, digits, exponent)| Decimal { negative, digits, exponent })
}

/// Choices, taken one after the other and over again.
#[derive(Debug, Clone)]
pub(crate) struct Choices(Vec<u8>, usize);

/// Any run of choices.
pub(crate) fn choices() -> impl Strategy<Value = Choices> {
    collection::vec(any::<u8>(), 1..200).prop_map(|bytes| Choices(bytes, 0))
}

impl Choices {
    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.1 += 1;
        usize::from(self.0[self.1 % self.0.len()]) % bound
    }
}

impl Json {
    /// One of the texts that mean this value.
    pub(crate) fn spell(&self, choices: &mut Choices) -> String {
        let mut out = String::new();
        self.write(choices, &mut out);
        out
    }

    fn write(&self, choices: &mut Choices, out: &mut String) {
        space(choices, out);
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(&value.to_string()),
            Self::Number(value) => value.write(choices, out),
            Self::Text(value) => write_text(value, choices, out),
            Self::List(values) => {
                out.push('[');
                for (i, value) in values.iter().enumerate() {
                    out.push_str(if i == 0 { "" } else { "," });
                    value.write(choices, out);
                }
                space(choices, out);
                out.push(']');
            }
            Self::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                for i in 1..members.len() {
                    members.swap(i, choices.below(i + 1));
                }
                out.push('{');
                for (i, (key, value)) in members.into_iter().enumerate() {
                    out.push_str(if i == 0 { "" } else { "," });
                    space(choices, out);
                    write_text(key, choices, out);
                    space(choices, out);
                    out.push(':');
                    value.write(choices, out);
                }
                space(choices, out);
                out.push('}');
            }
        }
        space(choices, out);
    }

    /// The same value but for one place in it.
    pub(crate) fn changed(&self, choices: &mut Choices) -> Self {
        match self {
            Self::Null => Self::Bool(false),
            Self::Bool(value) => Self::Bool(!value),
            Self::Number(value) => Self::Number(value.changed(choices)),
            Self::Text(value) => Self::Text(format!("{value}\u{301}")),
            Self::List(values) => {
                let mut values = values.clone();
                match choices.below(values.len() + 1) {
                    at if at < values.len() => values[at] = values[at].changed(choices),
                    _ => values.push(Self::Null),
                }
                Self::List(values)
            }
            Self::Object(members) => {
                let mut members = members.clone();
                let at = choices.below(members.len() + 1);
                match members.values_mut().nth(at) {
                    Some(value) => *value = value.changed(choices),
                    None => drop(members.insert("not there before".into(), Self::Null)),
                }
                Self::Object(members)
            }
        }
    }
}

impl Decimal {
    fn write(&self, choices: &mut Choices, out: &mut String) {
        out.push_str(if self.negative { "-" } else { "" });
        let mut digits = self.digits.clone();
        let mut exponent = self.exponent;
        for _ in 0..choices.below(4) {
            digits.push('0');
            exponent -= 1;
        }
        if (0..40).contains(&exponent) && choices.below(2) == 0 {
            digits.extend(std::iter::repeat_n('0', exponent as usize));
            exponent = 0;
        }
        match choices.below(3) {
            // 0.00ddd
            0 => {
                let zeros = choices.below(4);
                out.push_str("0.");
                out.extend(std::iter::repeat_n('0', zeros));
                out.push_str(&digits);
                exponent += (digits.len() + zeros) as i64;
            }
            // dd.d
            1 if digits.len() > 1 => {
                let (whole, fraction) = digits.split_at(1 + choices.below(digits.len() - 1));
                out.push_str(&format!("{whole}.{fraction}"));
                exponent += fraction.len() as i64;
            }
            _ => out.push_str(&digits),
        }
        if exponent != 0 || choices.below(4) == 0 {
            out.push(['e', 'E'][choices.below(2)]);
            out.push_str(match exponent {
                0.. => ["", "+"][choices.below(2)],
                _ => "-",
            });
            out.push_str(["", "000"][choices.below(2)]);
            out.push_str(&exponent.unsigned_abs().to_string());
        }
    }

    fn changed(&self, choices: &mut Choices) -> Self {
        let mut changed = self.clone();
        match choices.below(3) {
            0 => changed.negative = !changed.negative,
            1 => changed.exponent += 1,
            // One more digit, beyond what a double holds if there were many.
            _ => {
                changed.digits.push('1');
                changed.exponent -= 1;
            }
        }
        changed
    }
}

fn space(choices: &mut Choices, out: &mut String) {
    out.push_str(["", "", "", " ", "\n\t", "\r\n"][choices.below(6)]);
}

fn write_text(value: &str, choices: &mut Choices, out: &mut String) {
    out.push('"');
    for c in value.chars() {
        let short = match c {
            '"' | '\\' | '/' => Some(c),
            '\u{8}' => Some('b'),
            '\u{c}' => Some('f'),
            '\n' => Some('n'),
            '\r' => Some('r'),
            '\t' => Some('t'),
            _ => None,
        };
        let must = c < ' ' || matches!(c, '"' | '\\');
        match (choices.below(3), short) {
            (0, Some(short)) => out.extend(['\\', short]),
            (1, _) if !must => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    match choices.below(2) {
                        0 => out.push_str(&format!("\\u{unit:04x}")),
                        _ => out.push_str(&format!("\\u{unit:04X}")),
                    }
                }
            }
        }
    }
    out.push('"');
}
