//! Which members of an object are amounts of money, and of which currency: told by their names. An amount is shown as it
//! was sent, never converted: what is counted in cents keeps its name.

use std::borrow::Cow;

use serde_json::value::RawValue;
use wire::json::unquote;

use super::text::named;

/// The last word of an amount's name.
const AMOUNTS: [&str; 19] = [
    "amount", "amt", "balance", "budget", "charge", "cost", "due", "fee", "gross", "net", "paid", "payment", "price",
    "refund", "subtotal", "sum", "tax", "total", "value",
];
/// The last word of the name of what is counted in a smaller unit than the currency's.
const MINOR: [&str; 6] = ["cent", "cents", "micros", "minor", "pence", "pennies"];
/// The longest amount that is shown with its currency, in characters.
const LONGEST: usize = 30;

/// The currency that an object names, if it names one.
pub(super) struct Currency<'a> {
    code: Cow<'a, str>,
    /// Which member it is.
    pub(super) at: usize,
}

impl<'a> Currency<'a> {
    /// The one member of an object that is a currency.
    pub(super) fn of(members: &[(Cow<'_, str>, &'a RawValue)]) -> Option<Self> {
        let mut named = members.iter().enumerate().filter(|(_, (name, _))| is_currency(name));
        let ((at, (_, value)), None) = (named.next()?, named.next()) else { return None };
        let code = unquote(value.get()).ok()?;
        let is_code = (3..=5).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphabetic());
        is_code.then_some(Self { code, at })
    }

    /// Whether the member is an amount of it.
    pub(super) fn joins(&self, member: &(Cow<'_, str>, &RawValue)) -> bool {
        (is_amount(&member.0) || is_minor(&member.0)) && digits(member.1).is_some()
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

/// Whether what has this name is counted in cents or the like.
pub(super) fn is_minor(name: &str) -> bool {
    last_word(name).is_some_and(|word| MINOR.contains(&word.as_str()))
}

fn is_amount(name: &str) -> bool {
    last_word(name).is_some_and(|word| AMOUNTS.contains(&word.as_str()))
}

fn is_currency(name: &str) -> bool {
    let words = words(name);
    let last = words.iter().rev().find(|word| *word != "code");
    last.is_some_and(|word| word == "currency" || word == "ccy")
}

/// The digits of a number, or of a text that is one.
fn digits(value: &RawValue) -> Option<Cow<'_, str>> {
    let json = value.get();
    let is_number = json.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    let text = if is_number { Cow::Borrowed(json) } else { unquote(json).ok()? };
    let written = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '-');
    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    (has_digit && text.len() <= LONGEST && (is_number || text.chars().all(written))).then_some(text)
}

fn last_word(name: &str) -> Option<String> {
    words(name).pop()
}

/// The words of a name, in lower case: of `unitPrice` and `unit_price` both `unit` and `price`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower = false;
    // No name of an amount is longer.
    for character in name.chars().take(100) {
        let begins = !character.is_ascii_alphanumeric() || lower && character.is_ascii_uppercase();
        if begins && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if character.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(character.to_ascii_lowercase());
        }
        lower = character.is_ascii_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_by_their_words() {
        for amount in ["amount", "Amount", "TOTAL", "unitPrice", "unit_price", "net-total", "amountDue", "value"] {
            assert!(is_amount(amount), "{amount}");
        }
        for other in ["amounts", "price_id", "totalItems", "paramount", "", "--", "evaluate"] {
            assert!(!is_amount(other), "{other}");
        }
        for currency in ["currency", "ccy", "currencyCode", "target_currency", "CURRENCY_CODE"] {
            assert!(is_currency(currency), "{currency}");
        }
        for other in ["code", "currency_rate", "currencies", "concurrency", ""] {
            assert!(!is_currency(other), "{other}");
        }
        assert!(is_minor("amount_cents") && is_minor("amountMinor") && !is_minor("recent") && !is_minor("percent"));
    }
}
