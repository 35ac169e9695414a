//! The values of a call's arguments, for a row of a list: `4180.00 EUR`, `Brightwater Ltd`, `lines: 2 items`.
//!
//! A text stands without its name, and without quotes unless it could pass for another value; a number does so, too. A value
//! that says nothing by itself has its name before it: `dry_run: true`. Digits are those that were sent. Nothing is hidden but
//! empty lines around a text: what cannot be seen ([`domain::marks`]) stands as its JSON escape, and what is left out is said
//! with `…`, or as `+3 more`.

use std::{borrow::Cow, collections::HashMap};

use serde_json::value::RawValue;
use wire::{
    canonical::canonical,
    json::{fields, unquote},
};

use super::{
    amount::{self, Currency},
    arguments_in, elements, members, size,
    text::{Escapes, LONGEST, cut, named, written},
};

/// How many values a row has at most.
const MOST: usize = 6;
/// From this length on a text's size says more than its beginning, in bytes.
const SIZED: usize = 1_000;

/// What stands in the record in place of a secret: nobody knows whether it is another one now.
const REDACTED: &str = "\"[redacted]\"";

/// A member of the arguments: its name, and its value as JSON.
type Member<'a> = (Cow<'a, str>, &'a RawValue);

/// At most six values of these arguments, each in at most 60 characters; where there are more, the sixth says how many.
/// Those that are not what they were in `last`, the caller's last approved call of the tool, come first, then what was there
/// and is not any more (`dry_run: not set`, `4 not set`); else their order is that of the arguments. Empty for what is no JSON object.
pub fn values(arguments: &str, last: Option<&str>) -> Vec<String> {
    let Some(members) = object(arguments) else { return Vec::new() };
    let last = last.and_then(object);
    let before: Option<HashMap<&str, &str>> =
        last.as_ref().map(|last| last.iter().map(|(name, value)| (name.as_ref(), value.get())).collect());
    let differs = |(name, value): &Member<'_>| {
        let same = |before: &HashMap<&str, &str>| {
            before.get(name.as_ref()).is_some_and(|was| *was == REDACTED || same(was, value.get()))
        };
        before.as_ref().is_some_and(|before| !same(before))
    };
    let currency = Currency::of(&members);
    let joined = |member: &Member<'_>| currency.as_ref().is_some_and(|currency| currency.joins(member));
    let spoken_for = currency.as_ref().filter(|_| members.iter().any(joined));
    let other_currency = spoken_for.is_some_and(|currency| differs(&members[currency.at]));
    let shown = members.iter().enumerate().filter(|(at, _)| spoken_for.is_none_or(|currency| currency.at != *at));
    let (first, rest): (Vec<_>, Vec<_>) =
        shown.map(|(_, member)| member).partition(|member| differs(member) || other_currency && joined(member));
    let here = |name: &str| members.iter().any(|(other, _)| other == name);
    let gone: Vec<_> = last.iter().flatten().map(|(name, _)| name.as_ref()).filter(|name| !here(name)).collect();
    let gone = match gone.as_slice() {
        few @ ([] | [_] | [_, _]) => few.iter().map(|name| named(name, "not set")).collect(),
        many => vec![format!("{} not set", many.len())],
    };
    let count = first.len() + gone.len() + rest.len();
    let shown = |member: &Member<'_>| said(member, currency.as_ref());
    let all = first.into_iter().map(shown).chain(gone).chain(rest.into_iter().map(shown));
    if count <= MOST {
        return all.collect();
    }
    let left = count - (MOST - 1);
    all.take(MOST - 1).chain([format!("+{left} more")]).collect()
}

/// The values of a call as it is on record, given its recorded `params`, in the order of the arguments.
pub fn recorded(params: &str) -> Vec<String> {
    arguments_in(params).map(|arguments| values(arguments, None)).unwrap_or_default()
}

fn object(json: &str) -> Option<Vec<Member<'_>>> {
    fields(serde_json::from_str(json).ok()?).ok()
}

/// Whether two JSON texts have one value. What cannot be told is not the same.
fn same(one: &str, other: &str) -> bool {
    one == other || canonical(one).is_ok_and(|one| canonical(other).is_ok_and(|other| one == other))
}

fn said(member: &Member<'_>, currency: Option<&Currency<'_>>) -> String {
    let (name, value) = (member.0.as_ref(), member.1.get());
    if let Some(amount) = currency.and_then(|currency| currency.with(member)) {
        return amount;
    }
    match value.as_bytes().first() {
        Some(b'"') => match unquote(value) {
            Ok(text) if amount::is_minor(name) && amount::digits(member.1).is_some() => named(name, &text),
            Ok(text) => line(name, &text),
            // Half a surrogate pair is no text; its escape can be shown.
            Err(_) => cut(value, Escapes::Hidden, LONGEST),
        },
        Some(b'{') => match object(value).and_then(|members| amount::alone(&members)) {
            Some(amount) if amount::is_minor(name) => named(name, &amount),
            Some(amount) => amount,
            None => named(name, &counted(members(value), "field")),
        },
        Some(b'[') => named(name, &counted(elements(value), "item")),
        Some(b't' | b'f' | b'n') => named(name, value),
        _ if amount::is_minor(name) => named(name, value),
        _ => cut(value, Escapes::Hidden, LONGEST),
    }
}

/// A text: its first line that has something, or its size.
fn line(name: &str, text: &str) -> String {
    if text.is_empty() {
        return named(name, "\"\"");
    }
    if text.len() >= SIZED {
        return named(name, &size(text.len()));
    }
    let mut lines = text.split(['\n', '\r']).filter(|line| !line.trim().is_empty());
    let (shown, more) = match (lines.next(), lines.next()) {
        (Some(first), Some(_)) => (first.trim_end_matches([' ', '\t']), true),
        (Some(only), None) if only.len() < text.len() => (only.trim_end_matches([' ', '\t']), false),
        _ => (text, false),
    };
    if passes_for_another(shown) {
        let (shown, whole) = written(shown, Escapes::Quoted, LONGEST - 3);
        return format!("\"{shown}{}\"", if more || !whole { "…" } else { "" });
    }
    if more {
        let (shown, _) = written(shown, Escapes::Bare, LONGEST - 1);
        return format!("{shown}…");
    }
    cut(shown, Escapes::Bare, LONGEST)
}

/// Whether a text could be taken for several values, for a value with its name or its currency, or for what says that more was
/// left out.
fn passes_for_another(text: &str) -> bool {
    text.contains(['·', '…', '"']) || text.contains(": ") || text.starts_with('+') || amount::passes_for_one(text)
}

fn counted(count: usize, of: &str) -> String {
    format!("{count} {of}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(arguments: &str) -> Vec<String> {
        values(arguments, None)
    }

    fn changed(arguments: &str, last: &str) -> Vec<String> {
        values(arguments, Some(last))
    }

    #[test]
    fn texts_and_numbers_stand_by_themselves_and_everything_else_behind_its_name() {
        assert_eq!(shown(r#"{"to":"Brightwater Ltd","n":4180.00}"#), ["Brightwater Ltd", "4180.00"]);
        assert_eq!(
            shown(r#"{"ok":true,"no":null,"lines":[1,{}],"one":[0],"deep":{"a":1},"none":[]}"#),
            ["ok: true", "no: null", "lines: 2 items", "one: 1 item", "deep: 1 field", "none: 0 items"]
        );
        assert_eq!(
            shown(r#"{"n":-1.50e+07,"big":123456789012345678901234567890}"#),
            ["-1.50e+07", "123456789012345678901234567890"]
        );
        assert_eq!(
            shown(r#"{"note":"","due in":false,"":1,"ja: 1, b":null}"#),
            ["note: \"\"", "\"due in\": false", "1", "\"ja: 1, b\": null"]
        );
        assert_eq!(shown("{}"), [""; 0]);
        for nothing in ["[1]", "1", "", "{", r#"{"a":1,"a":2}"#] {
            assert_eq!(shown(nothing), [""; 0], "{nothing}");
        }
    }

    #[test]
    fn an_amount_stands_with_its_currency_and_keeps_its_digits() {
        assert_eq!(shown(r#"{"to":"Ada","currency":"EUR","amount":4180.00}"#), ["Ada", "4180.00 EUR"]);
        assert_eq!(shown(r#"{"unitPrice":"1.290,00","currencyCode":"eur"}"#), ["1.290,00 eur"]);
        assert_eq!(shown(r#"{"total":{"value":"10.00","currency_code":"USD"},"ccy":"EUR"}"#), ["10.00 USD", "EUR"]);
        assert_eq!(shown(r#"{"net_total":1,"tax":0.19,"ccy":"CHF"}"#), ["1 CHF", "0.19 CHF"]);
        // Nobody reads 418000 cents as so many euros.
        assert_eq!(shown(r#"{"amount_cents":418000,"currency":"EUR"}"#), ["amount_cents: 418000 EUR"]);
        assert_eq!(shown(r#"{"cents":1250,"to":"Ada"}"#), ["cents: 1250", "Ada"]);
        assert_eq!(shown(r#"{"amount_cents":"418000","to":"Ada"}"#), ["amount_cents: 418000", "Ada"]);
        assert_eq!(shown(r#"{"centAmount":418000,"currencyCode":"EUR"}"#), ["centAmount: 418000 EUR"]);
        assert_eq!(shown(r#"{"total_cents":{"value":418000,"currency":"EUR"}}"#), ["total_cents: 418000 EUR"]);
        assert_eq!(
            shown(r#"{"total_amount_of_the_invoice_cents":418000,"currency":"EUR"}"#),
            ["total_amou…oice_cents: 418000 EUR"]
        );
        // The currency of another amount, and digits that are no amount.
        assert_eq!(shown(r#"{"source_amount":100,"target_currency":"USD"}"#), ["100", "USD"]);
        assert_eq!(shown(r#"{"target_amount":100,"target_currency":"USD"}"#), ["100 USD"]);
        assert_eq!(
            shown(r#"{"amount":100,"due":"2026-12-01","payment":"4711-22","currency":"EUR"}"#),
            ["100 EUR", "2026-12-01", "4711-22"]
        );
        // What only sounds like money.
        assert_eq!(shown(r#"{"price_id":7,"total_items":3,"currency":"EUR"}"#), ["7", "3", "EUR"]);
        assert_eq!(shown(r#"{"amount":5,"currency":"EUR to Bob"}"#), ["5", "EUR to Bob"]);
        assert_eq!(shown(r#"{"amount":"5 EUR, or 50","currency":"USD"}"#), ["5 EUR, or 50", "USD"]);
        assert_eq!(shown(r#"{"amount":1,"currency":"EUR","ccy":"USD"}"#), ["1", "EUR", "USD"], "which one?");
    }

    #[test]
    fn what_differs_from_the_last_approved_call_comes_first() {
        let last = r#"{"to":"Ada","iban":"DE1","amount":1.50,"currency":"EUR","tags":["a","b"],"dry_run":false}"#;
        assert_eq!(changed(last, last), ["Ada", "DE1", "1.50 EUR", "tags: 2 items", "dry_run: false"]);
        let other = last.replace("DE1", "DE2").replace("false", "true");
        assert_eq!(changed(&other, last)[..2], ["DE2", "dry_run: true"]);
        assert_eq!(changed(&last.replace("EUR", "USD"), last)[0], "1.50 USD");
        assert_eq!(changed(&last.replace("1.50", "15.0"), last)[0], "15.0 EUR");
        assert_eq!(
            changed(r#"{"to":"Ada","bcc":"Eve"}"#, last),
            ["Eve", "5 not set", "Ada"],
            "what was not there before"
        );
        assert_eq!(
            changed(r#"{"to":"\u0041da","amount":1.5,"tags":[ "a" , "b" ]}"#, last),
            ["3 not set", "Ada", "1.5", "tags: 2 items"],
            "spelled otherwise"
        );
        assert_eq!(changed(r#"{"a":1}"#, "nonsense"), ["1"]);
        let many = |n: usize| json!({"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6, "g": 7, "h": n}).to_string();
        assert_eq!(changed(&many(9), &many(8)), ["9", "1", "2", "3", "4", "+3 more"]);
        let last = r#"{"to":"Ada","dry_run":true,"password":"[redacted]"}"#;
        assert_eq!(changed(r#"{"to":"Ada"}"#, last), ["dry_run: not set", "password: not set", "Ada"]);
        assert_eq!(changed(r#"{"to":"Ada","dry_run":false,"password":"x"}"#, last), ["dry_run: false", "Ada", "x"]);
    }

    #[test]
    fn of_many_lines_the_first_is_shown_and_of_much_the_size() {
        assert_eq!(shown(r#"{"sql":"DELETE FROM sessions\n  WHERE true"}"#), ["DELETE FROM sessions…"]);
        assert_eq!(shown(r#"{"sql":"\n\r\n \nDELETE \r\nFROM x"}"#), ["DELETE…"]);
        assert_eq!(shown(r#"{"to":"Ada\n"}"#), ["Ada"]);
        assert_eq!(shown(r#"{"to":"\n\n"}"#), [r"\n\n"]);
        assert_eq!(shown(&json!({"content": "x".repeat(2_100)}).to_string()), ["content: 2.1 kB"]);
        let long = shown(&json!({"content": "é".repeat(100)}).to_string());
        assert_eq!(long, [format!("{}…", "é".repeat(59))]);
        assert_eq!(shown(&json!({"content": "é".repeat(60)}).to_string()), ["é".repeat(60)]);
    }

    #[test]
    fn what_cannot_be_seen_is_escaped() {
        assert_eq!(shown("{\"to\":\"a\u{202e}b\u{200b}\\u0000\\t\\\"\"}"), [r#""a\u202eb\u200b\u0000\t\"""#]);
        assert_eq!(shown(r#"{"path":"C:\\u202e"}"#), [r"C:\\u202e"], "no text looks like an escape");
        assert_eq!(shown("{\"to\":\"\u{200b}\\nAda\"}"), [r"\u200b…"], "not even on a line of its own");
        assert_eq!(shown("{\"to\":\"\u{202e}\\ud800\"}"), [r#""\u202e\ud800""#]);
        assert_eq!(shown("{\"a\u{202e}\":true,\"a\\\"b\":null}"), [r#""a\u202e": true"#, r#""a\"b": null"#]);
        assert_eq!(shown("{\"to\":\" Ada \"}"), [r"\u0020Ada\u0020"]);
        assert_eq!(shown("{\"to\":\"👩🏽\u{200d}💻\"}"), ["👩🏽\u{200d}💻"], "an emoji is seen whole");
    }

    #[test]
    fn a_text_that_could_pass_for_other_values_stands_in_quotes() {
        for (text, written) in [
            ("Ada · 1.00 EUR", r#""Ada · 1.00 EUR""#),
            ("dry_run: true", r#""dry_run: true""#),
            ("418.00 EUR", r#""418.00 EUR""#),
            ("Ada…", r#""Ada…""#),
            ("+3 more", r#""+3 more""#),
            (r#""Ada""#, r#""\"Ada\"""#),
            ("Re: hello\nsecond", r#""Re: hello…""#),
            ("Ada", "Ada"),
        ] {
            assert_eq!(shown(&json!({ "to": text }).to_string()), [written], "{text}");
        }
    }

    #[test]
    fn hostile_arguments_give_few_short_values() {
        let deep = format!(r#"{{"deep":{}{}}}"#, "[".repeat(8_000), "]".repeat(8_000));
        let wide: Vec<_> = (0..1_500).map(|n| format!(r#""m{n}":{n}"#)).collect();
        let wide = format!("{{{}}}", wide.join(","));
        let hidden = format!(r#"{{"{}":true,"b":"{}"}}"#, "\\u200b".repeat(90), "\\u202e".repeat(90));
        let digits = format!(r#"{{"n":{0},"amount":{0},"amount_cents":{0},"currency":"EUR"}}"#, "9".repeat(5_000));
        let names = format!(r#"{{"{0}":false,"{0}é":null,"{0}_cents":1}}"#, "n".repeat(5_000));
        let lines = json!({"a": "\n".repeat(900), "b": "x\n".repeat(400), "c": "\u{200b}".repeat(300)}).to_string();
        for hostile in [&deep, &wide, &hidden, &digits, &names, &lines] {
            for last in [None, Some(deep.as_str()), Some(wide.as_str()), Some(hostile.as_str())] {
                let shown = values(hostile, last);
                assert!(!shown.is_empty() && shown.len() <= MOST, "{shown:?}");
                for value in shown {
                    assert!(value.chars().count() <= LONGEST && !value.is_empty(), "{value}");
                    assert!(!value.contains(['\n', '\u{200b}', '\u{202e}']), "{value}");
                }
            }
        }
        assert_eq!(shown(&wide)[5], "+1495 more");
    }

    #[test]
    fn a_recorded_call_is_shown_as_far_as_it_is_on_record() {
        assert_eq!(
            recorded(r#"{"name":"pay","arguments":{"to":"Ada","password":"[redacted]"}}"#),
            ["Ada", "[redacted]"]
        );
        assert_eq!(recorded(r#"{"name":"pay"}"#), [""; 0]);
        assert_eq!(recorded(r#"{"begins":"{\"name\":\"pay\"","bytes":5000000,"cut":true}"#), [""; 0]);
        assert_eq!(
            recorded(r#"{"name":"pay","arguments":{"to":"Ada"},"cut":true}"#),
            ["Ada"],
            "a caller hides nothing"
        );
        assert_eq!(recorded("nonsense"), [""; 0]);
    }
}
