//! Properties of the canonical form.

use proptest::prelude::*;
use wire::canonical::{CanonicalError, arguments_sha256, canonical};

use super::model::{choices, json};

proptest! {
    #[test]
    fn one_value_has_one_canonical_form_however_it_is_written(
        value in json(), mut one in choices(), mut other in choices(),
    ) {
        let (one, other) = (value.spell(&mut one), value.spell(&mut other));
        prop_assert_eq!(canonical(&one).unwrap(), canonical(&other).unwrap());
        // A number is refused in every spelling, though each is named as it is written.
        prop_assert_eq!(arguments_sha256(&one).ok(), arguments_sha256(&other).ok());
    }

    #[test]
    fn another_value_has_another_canonical_form(
        value in json(), mut place in choices(), mut one in choices(), mut other in choices(),
    ) {
        let changed = value.changed(&mut place);
        prop_assert_ne!(&value, &changed);
        let (one, other) = (value.spell(&mut one), changed.spell(&mut other));
        prop_assert_ne!(canonical(&one).unwrap(), canonical(&other).unwrap());
    }

    #[test]
    fn the_canonical_form_is_its_own(value in json(), mut choices in choices()) {
        let once = canonical(&value.spell(&mut choices)).unwrap();
        prop_assert_eq!(canonical(&once).unwrap(), once);
    }

    #[test]
    fn a_double_is_written_as_ecmascript_writes_it(double in any::<f64>()) {
        prop_assume!(double.is_finite());
        let mut buffer = ryu_js::Buffer::new();
        let expected = buffer.format_finite(double);
        prop_assert_eq!(canonical(expected).unwrap(), expected);
        // Another spelling of the same decimal: digits first, then the exponent.
        let (mantissa, exponent) = expected.split_once('e').unwrap_or((expected, "0"));
        let decimals = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len() as i64);
        let exponent = exponent.parse::<i64>().unwrap() - decimals;
        let digits = mantissa.replace('.', "");
        let digits = match digits.strip_prefix('-') {
            Some(digits) => format!("-0.0{digits}"),
            None => format!("0.0{digits}"),
        };
        let exponent = exponent + digits.trim_start_matches('-').len() as i64 - 2;
        prop_assert_eq!(canonical(&format!("{digits}E{exponent}")).unwrap(), expected);
    }

    #[test]
    fn an_integer_of_any_machine_size_is_itself(integer in any::<i64>()) {
        let text = integer.to_string();
        prop_assert_eq!(canonical(&text).unwrap(), text);
    }

    #[test]
    fn a_duplicate_key_is_refused_wherever_it_stands(
        value in json(), mut one in choices(), mut other in choices(), before in "[a-c]{0,2}",
    ) {
        let (one, other) = (value.spell(&mut one), value.spell(&mut other));
        let text = format!(r#"[{{"{before}x":0,"twice":{one},"z":1,"twic\u0065":{other}}}]"#);
        let pointer = "/0/twice".to_owned();
        prop_assert_eq!(canonical(&text), Err(CanonicalError::DuplicateKey { pointer }));
    }

    #[test]
    fn what_a_json_parser_refuses_is_refused_and_nothing_panics(
        text in r#"[\[\]{}",:\\u08dD eE+.tlrunf-]{0,40}"#,
    ) {
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        let is_syntax = matches!(canonical(&text), Err(CanonicalError::Syntax { .. }));
        prop_assert_eq!(is_json, !is_syntax);
    }
}
