//! Keys as the gateway makes them, so that it takes them although they were put into its database behind its back.

use std::iter;

/// How many characters are random.
const RANDOM: usize = 43;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A new key: `mmcp_`, random letters and digits, a checksum of six characters. Good enough for a database that goes
/// with the run, not for anything else.
pub(super) fn make() -> String {
    let random = iter::repeat_with(fastrand::alphanumeric).take(RANDOM);
    let body: String = "mmcp_".chars().chain(random).collect();
    let checksum = checksum(&body);
    body + &checksum
}

/// CRC-32 of everything before it, as six digits of base 62.
fn checksum(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut digits = ['0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = char::from(DIGITS[(rest % 62) as usize]);
        rest /= 62;
    }
    digits.iter().collect()
}

#[cfg(test)]
mod tests {
    use super::{checksum, make};

    #[test]
    fn the_checksum_is_that_of_a_key_that_a_gateway_made() {
        assert_eq!(checksum("mmcp_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg"), "0duBeV");
    }

    #[test]
    fn a_key_has_54_characters_and_ends_in_the_checksum_of_the_others() {
        let key = make();
        assert_eq!(key.len(), 54);
        assert!(key.starts_with("mmcp_") && key.ends_with(&checksum(&key[..48])), "{key}");
    }
}
