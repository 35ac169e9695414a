//! Which members of an object are amounts of money, and of which currency: told by their names. An amount is shown as it
//! was sent, never converted: what is counted in cents keeps its name.

use std::borrow::Cow;

use serde_json::value::RawValue;
use wire::json::unquote;

use super::text::named;

/// The last word of an amount's name.
const AMOUNTS: [&str; 14] = [
    "amount", "amt", "balance", "budget", "cost", "fee", "gross", "net", "price", "subtotal", "sum", "tax", "total",
    "value",
];
/// What may follow such a word: `amountDue`.
const AFTER: [&str; 3] = ["due", "owed", "paid"];
/// A word in the name of what is counted in a smaller unit than the currency's.
const MINOR: [&str; 6] = ["cent", "cents", "micros", "minor", "pence", "pennies"];
/// The longest amount that is shown with its currency, in characters.
const LONGEST: usize = 30;

/// The currency that an object names, if it names one.
pub(super) struct Currency<'a> {
    code: Cow<'a, str>,
    /// The words before `currency` in its name: it is the currency of amounts whose names begin with them.
    of: Vec<String>,
    /// Which member it is.
    pub(super) at: usize,
}

impl<'a> Currency<'a> {
    /// The one member of an object that is a currency.
    pub(super) fn of(members: &[(Cow<'_, str>, &'a RawValue)]) -> Option<Self> {
        let named = members.iter().enumerate().filter_map(|(at, (name, value))| Some((at, currency(name)?, value)));
        let mut named = named.fuse();
        let (Some((at, of, value)), None) = (named.next(), named.next()) else { return None };
        let code = unquote(value.get()).ok()?;
        let is_code = (3..=5).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphabetic());
        is_code.then_some(Self { code, of, at })
    }

    /// Whether the member is an amount of it.
    pub(super) fn joins(&self, member: &(Cow<'_, str>, &RawValue)) -> bool {
        is_amount(&member.0) && words(&member.0).starts_with(&self.of) && digits(member.1).is_some()
    }

    /// The member with it, if it is an amount: `4180.00 EUR`, or `amount_cents: 418000 EUR`.
    pub(super) fn with(&self, member: &(Cow<'_, str>, &RawValue)) -> Option<String> {
        let amount = format!("{} {}", digits(member.1).filter(|_| self.joins(member))?, self.code);
        Some(if is_minor(&member.0) { named(&member.0, &amount) } else { amount })
    }
}

/// An object that is an amount and its currency, and nothing else.
pub(super) fn alone(members: &[(Cow<'_, str>, &RawValue)]) -> Option<String> {
    let currency = Currency::of(members).filter(|_| members.len() == 2)?;
    let (name, value) = members.iter().enumerate().find(|(at, _)| *at != currency.at)?.1;
    currency.with(&(name.clone(), value))
}

/// Whether a text could pass for an amount with its currency.
pub(super) fn passes_for_one(text: &str) -> bool {
    text.rsplit_once(' ').is_some_and(|(amount, code)| {
        (3..=5).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphabetic()) && is_decimal(amount)
    })
}

/// Whether what has this name is counted in cents or the like: `amount_cents`, `centAmount`.
pub(super) fn is_minor(name: &str) -> bool {
    words(name).iter().any(|word| MINOR.contains(&word.as_str()))
}

fn is_amount(name: &str) -> bool {
    let words = words(name);
    let among = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let last = words.last().map_or("", String::as_str);
    AMOUNTS.contains(&last) || MINOR.contains(&last) || among(&AMOUNTS) && (AFTER.contains(&last) || among(&MINOR))
}

/// Of the name of a currency, the words before it; `None` for any other name.
fn currency(name: &str) -> Option<Vec<String>> {
    let mut words = words(name);
    if words.last().is_some_and(|word| word == "code") {
        words.pop();
    }
    words.pop().filter(|word| word == "currency" || word == "ccy").map(|_| words)
}

/// A number of JSON, or a text that is a number, as it was sent.
pub(super) fn digits(value: &RawValue) -> Option<Cow<'_, str>> {
    let json = value.get();
    let is_number = json.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    let text = if is_number { Cow::Borrowed(json) } else { unquote(json).ok()? };
    (text.len() <= LONGEST && (is_number || is_decimal(&text))).then_some(text)
}

/// Whether a text is a number as people write it: `-1.290,00`, and no date and no telephone number.
fn is_decimal(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let Some(last) = text.rfind(['.', ',']) else { return is_digits(text) };
    let (whole, end) = (&text[..last], &text[last + 1..]);
    let (point, groups) =
        if text.starts_with(['.', ',']) { return false } else { (&text[last..=last], whole.split(['.', ','])) };
    let grouped = groups.enumerate().all(|(at, group)| is_digits(group) && (at == 0 || group.len() == 3));
    // A sign that stands twice parts thousands.
    grouped && is_digits(end) && (!whole.contains(point) || end.len() == 3)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The words of a name, in lower case: of `unitPrice` and `unit_price` both `unit` and `price`, of `USDCents` `usd` and
/// `cents`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    // No name of an amount is longer.
    let mut characters = name.chars().take(100).peekable();
    while let Some(character) = characters.next() {
        let next_is_lower = characters.peek().is_some_and(char::is_ascii_lowercase);
        let upper = character.is_ascii_uppercase()
            && (before.is_ascii_lowercase() || before.is_ascii_uppercase() && next_is_lower);
        if (!character.is_ascii_alphanumeric() || upper) && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if character.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(character.to_ascii_lowercase());
        }
        before = character;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_by_their_words() {
        for amount in
            ["amount", "Amount", "TOTAL", "unitPrice", "unit_price", "net-total", "amountDue", "value", "cents"]
        {
            assert!(is_amount(amount), "{amount}");
        }
        for other in
            ["amounts", "price_id", "totalItems", "paramount", "", "--", "evaluate", "due", "payment", "minor_version"]
        {
            assert!(!is_amount(other), "{other}");
        }
        for (name, of) in
            [("currency", ""), ("ccy", ""), ("currencyCode", ""), ("target_currency", "target"), ("CURRENCY_CODE", "")]
        {
            assert_eq!(currency(name).map(|words| words.concat()).as_deref(), Some(of), "{name}");
        }
        for other in ["code", "currency_rate", "currencies", "concurrency", ""] {
            assert_eq!(currency(other), None, "{other}");
        }
        for minor in [
            "amount_cents",
            "amountMinor",
            "centAmount",
            "minor_amount",
            "amountUSDCents",
            "amount_in_minor_units",
            "minorUnitAmount",
        ] {
            assert!(is_minor(minor) && is_amount(minor), "{minor}");
        }
        assert!(!is_minor("recent") && !is_minor("percent") && !is_minor("centre"));
    }

    #[test]
    fn a_number_is_no_date_and_no_other_row_of_digits() {
        for number in ["1", "-1", "1250", "1.5", "0,19", "1.290,00", "1,290.00", "1.290.000", "12.345.678,9"] {
            assert!(is_decimal(number), "{number}");
        }
        for other in [
            "",
            "-",
            ".",
            "1.",
            ".5",
            "2026-12-01",
            "2026.12.01",
            "4711-22",
            "1.2.3",
            "1,2,3",
            "1.29,000,00",
            "1 2",
            "--1",
        ] {
            assert!(!is_decimal(other), "{other}");
        }
        assert!(
            passes_for_one("1.00 EUR")
                && !passes_for_one("Ada EUR")
                && !passes_for_one("1.00")
                && !passes_for_one("5 EUR or 50")
        );
    }
}
