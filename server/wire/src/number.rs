//! One spelling for each decimal value.
//!
//! RFC 8785 (section 3.2.2.3) writes a number as ECMAScript prints the nearest
//! double, so two values that share a double become one. Here the layout of
//! ECMAScript's `Number::toString` is applied to the exact decimal value instead: a
//! number that a double keeps comes out as RFC 8785 says, any other keeps its value,
//! and no double is ever made for it.
//!
//! Beside it stands which numbers a caller may send: [`problem`].

use std::cmp::Ordering;

/// Exponents of up to this many digits are added as machine integers.
const SHORT: usize = 18;
const TEN_TO_SHORT: i64 = 1_000_000_000_000_000_000;

/// The longest number that can be used, in characters: the smallest double has 1,077 when it is written out.
const LONGEST: usize = 1_100;

/// Why a number cannot be used as a caller's. The texts are public.
///
/// RFC 8259 section 6 lets a number be anything and expects of no reader more than the range of a double (IEEE 754
/// binary64). Beyond it some would read infinity or zero: something other than what was compared and approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberProblem {
    /// Readers would make it infinite.
    #[error("is too large: numbers go from -1.7976931348623157e308 to 1.7976931348623157e308")]
    TooLarge,
    /// Readers would make it zero, and it is not.
    #[error("is too close to zero: the smallest number beside it is 5e-324")]
    TooSmall,
    /// So many digits say nothing that a reader would keep.
    #[error("is too long: it has {0} characters, and a number has at most {LONGEST}")]
    TooLong(usize),
}

/// Why a JSON number cannot be used, if it cannot. Its digits may be more than a double keeps: they are kept as they are.
pub(crate) fn problem(text: &str) -> Option<NumberProblem> {
    if text.len() > LONGEST {
        return Some(NumberProblem::TooLong(text.len()));
    }
    // Without an exponent it takes 309 digits to leave the range.
    if text.len() < 300 && !text.contains(['e', 'E']) {
        return None;
    }
    let double: f64 = text.parse().ok()?;
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    if double.is_infinite() {
        Some(NumberProblem::TooLarge)
    } else if double == 0.0 && mantissa.contains(|digit: char| matches!(digit, '1'..='9')) {
        Some(NumberProblem::TooSmall)
    } else {
        None
    }
}

/// Appends the canonical spelling of a JSON number.
///
/// Its length is at most that of `text` plus 30 bytes: exponents are never expanded.
pub(crate) fn push_number(text: &str, out: &mut String) {
    let is_short_integer = text.len() <= 15 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_short_integer {
        return out.push_str(text);
    }
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, text),
    };
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, ""));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = [whole, fraction].concat();
    let digits = all.trim_start_matches('0');
    let leading_zeros = all.len() - digits.len();
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() {
        return out.push('0');
    }
    if negative {
        out.push('-');
    }
    // The exponent of the first digit, as in d.ddd × 10^x.
    let shift = whole.len() as i64 - leading_zeros as i64 - 1;
    let exponent = Exponent::parse(exponent).plus(shift);
    match exponent.small() {
        Some(x @ -6..0) => {
            out.push_str("0.");
            push_zeros(-1 - x, out);
            out.push_str(digits);
        }
        Some(x @ 0..=20) => push_positional(digits, x as usize + 1, out),
        _ => push_scientific(digits, &exponent, out),
    }
}

fn push_zeros(count: i64, out: &mut String) {
    (0..count).for_each(|_| out.push('0'));
}

/// `digits` with the decimal point after the first `whole` of them, 1 to 21.
fn push_positional(digits: &str, whole: usize, out: &mut String) {
    match digits.split_at_checked(whole) {
        None | Some((_, "")) => {
            out.push_str(digits);
            push_zeros(whole as i64 - digits.len() as i64, out);
        }
        Some((whole, fraction)) => {
            out.push_str(whole);
            out.push('.');
            out.push_str(fraction);
        }
    }
}

fn push_scientific(digits: &str, exponent: &Exponent, out: &mut String) {
    let (first, rest) = digits.split_at(1);
    out.push_str(first);
    if !rest.is_empty() {
        out.push('.');
        out.push_str(rest);
    }
    out.push('e');
    out.push(if exponent.negative { '-' } else { '+' });
    out.push_str(&exponent.digits);
}

/// A decimal exponent of any length: JSON bounds it as little as anything else.
struct Exponent {
    negative: bool,
    /// Without leading zeros; empty is zero.
    digits: String,
}

impl Exponent {
    fn parse(text: &str) -> Self {
        let negative = text.starts_with('-');
        let digits = text.trim_start_matches(['+', '-']).trim_start_matches('0');
        let digits = digits.to_owned();
        Self { negative, digits }
    }

    fn from_integer(value: i64) -> Self {
        let digits = match value {
            0 => String::new(),
            _ => value.unsigned_abs().to_string(),
        };
        let negative = value < 0;
        Self { negative, digits }
    }

    /// The value, if it is so short that the layout may depend on it.
    fn small(&self) -> Option<i64> {
        if self.digits.len() > SHORT {
            return None;
        }
        let value = self.digits.bytes();
        let value = value.fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
        Some(if self.negative { -value } else { value })
    }

    /// `self + shift`. The shift is a number of digits in memory and therefore far
    /// below the 10^18 where the long form starts: it cannot change that one's sign.
    fn plus(self, shift: i64) -> Self {
        if let Some(value) = self.small() {
            return Self::from_integer(value + shift);
        }
        let (high, low) = self.digits.split_at(self.digits.len() - SHORT);
        let low = low.bytes();
        let low = low.fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
        let low = low + if self.negative { -shift } else { shift };
        let high = match low.div_euclid(TEN_TO_SHORT).cmp(&0) {
            Ordering::Less => step(high, b'0', b'9', |digit| digit - 1),
            Ordering::Equal => high.to_owned(),
            Ordering::Greater => step(high, b'9', b'0', |digit| digit + 1),
        };
        let low = low.rem_euclid(TEN_TO_SHORT);
        let digits = format!("{high}{low:018}");
        let digits = digits.trim_start_matches('0').to_owned();
        Self { digits, ..self }
    }
}

/// Counts the decimal `digits` one up or down: from the right, each digit `from`
/// turns into `to` and carries, the first other one is changed by `change`.
fn step(digits: &str, from: u8, to: u8, change: impl Fn(u8) -> u8) -> String {
    let kept = digits.trim_end_matches(char::from(from));
    let carried = digits.len() - kept.len();
    let mut result = String::with_capacity(digits.len() + 1);
    // All nines: the carry becomes a new first digit.
    let (last, head) = kept.as_bytes().split_last().unwrap_or((&b'0', &[]));
    result.extend(head.iter().copied().map(char::from));
    result.push(char::from(change(*last)));
    result.extend(std::iter::repeat_n(char::from(to), carried));
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> String {
        let mut out = String::new();
        push_number(text, &mut out);
        out
    }

    /// RFC 8785 appendix B; the two rows that are no numbers are not JSON.
    const APPENDIX_B: [(u64, &str); 24] = [
        (0x0000_0000_0000_0000, "0"),
        (0x8000_0000_0000_0000, "0"),
        (0x0000_0000_0000_0001, "5e-324"),
        (0x8000_0000_0000_0001, "-5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0xc340_0000_0000_0000, "-9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"),
        (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
        (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
        (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"),
        (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5553, "333333333.3333332"),
        (0x41b3_de43_5555_5554, "333333333.33333325"),
        (0x41b3_de43_5555_5555, "333333333.3333333"),
        (0x41b3_de43_5555_5556, "333333333.3333334"),
        (0x41b3_de43_5555_5557, "333333333.33333343"),
        (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ];

    #[test]
    fn the_doubles_of_rfc_8785_appendix_b_are_written_as_it_says() {
        for (bits, expected) in APPENDIX_B {
            let double = f64::from_bits(bits);
            // ryu-js prints as ECMAScript does (`{}` breaks the last row's tie otherwise).
            assert_eq!(ryu_js::Buffer::new().format(double), expected);
            assert_eq!(number(expected), expected);
        }
    }

    #[test]
    fn one_value_has_one_spelling() {
        for (spellings, expected) in [
            (&["100", "1e2", "1.0e2", "1.00E+02", "0.1e3", "10000e-2"][..], "100"),
            (&["0", "-0", "0.0", "-0e5", "0e99999999999999999999999"], "0"),
            (&["1.5", "1.50", "15e-1", "0.15E1"], "1.5"),
            (&["-0.001", "-1e-3", "-0.1e-2"], "-0.001"),
            (&["1e400", "10e399", "0.1e401", "1.0E+400"], "1e+400"),
            (&["1e-400", "0.01e-398"], "1e-400"),
            (
                &["123456789012345678901234567890", "12345678901234567890123456789e1"],
                "1.2345678901234567890123456789e+29",
            ),
        ] {
            for spelling in spellings {
                assert_eq!(number(spelling), expected, "{spelling}");
            }
        }
    }

    #[test]
    fn a_value_that_a_double_would_change_is_kept() {
        for text in [
            "9007199254740993",
            "9007199254740992",
            "-18446744073709551617",
            "0.1000000000000000055511151231257827",
            "333333333.33333329",
            "123456789012345678901",
            "1.234567890123456789012e+21",
        ] {
            assert_eq!(number(text), text);
        }
    }

    #[test]
    fn exponents_too_long_for_a_machine_word_are_exact() {
        let nines = "9".repeat(30);
        for (text, expected) in [
            (format!("10e{nines}"), format!("1e+1{}", "0".repeat(30))),
            (format!("0.1e1{}", "0".repeat(30)), format!("1e+{nines}")),
            (format!("0.1e-{nines}"), format!("1e-1{}", "0".repeat(30))),
            (format!("12e-1{}", "0".repeat(30)), format!("1.2e-{nines}")),
            ("1e0001000000000000000000".into(), "1e+1000000000000000000".into()),
            ("0.1e1000000000000000000".into(), "1e+999999999999999999".into()),
            ("10e999999999999999999".into(), "1e+1000000000000000000".into()),
            ("0.1e1999999999999999999".into(), "1e+1999999999999999998".into()),
        ] {
            assert_eq!(number(&text), expected, "{text}");
            assert_eq!(number(&expected), expected);
        }
    }
}
