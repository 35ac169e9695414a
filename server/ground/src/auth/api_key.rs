//! API keys: `mmcp_`, 43 random characters (256 bits), 6 characters of checksum. Prefix and checksum
//! let scanners find leaked keys, and let a mistyped or made-up one be refused without a look-up.
//! Only letters and digits, so that a double click selects the whole.

use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};

use crate::random;

const PREFIX: &str = "mmcp_";
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62^43 is more than 2^256.
const RANDOM: usize = 43;
/// 62^6 is more than 2^32.
const CHECKSUM: usize = 6;
const LENGTH: usize = PREFIX.len() + RANDOM + CHECKSUM;
/// How much of a key is shown: the prefix and 6 characters; 220 random bits stay hidden.
const SHOWN: usize = PREFIX.len() + 6;

/// The text is no API key. Whether it once was, or nearly is, is not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an API key")]
pub struct InvalidApiKey;

/// A whole API key, well-formed but not known to be valid. Wiped when dropped; `Debug` hides it.
#[derive(Clone, Debug)]
pub struct ApiKey(SecretString);

impl ApiKey {
    /// A new key.
    ///
    /// # Panics
    /// When the operating system has no random numbers.
    pub fn generate() -> Self {
        let mut key = Zeroizing::new(String::with_capacity(LENGTH));
        key.push_str(PREFIX);
        let mut bytes = Zeroizing::new([0; 64]);
        while key.len() < PREFIX.len() + RANDOM {
            random::fill(bytes.as_mut());
            // Of 64 values the last two are drawn again, so that every character is equally likely.
            let drawn = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 63)));
            let missing = PREFIX.len() + RANDOM - key.len();
            key.extend(drawn.take(missing).map(|character| char::from(*character)));
        }
        let checksum = checksum(&key);
        key.extend(checksum.map(char::from));
        Self(SecretString::from(key.as_str()))
    }

    /// Reads a key: its shape and checksum, not whether anybody has it.
    ///
    /// # Errors
    /// The same for everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, InvalidApiKey> {
        let is_shaped = text.len() == LENGTH
            && text.starts_with(PREFIX)
            && text.bytes().skip(PREFIX.len()).all(|byte| byte.is_ascii_alphanumeric());
        if !is_shaped {
            return Err(InvalidApiKey);
        }
        let (body, given) = text.split_at(LENGTH - CHECKSUM);
        if given.as_bytes() != checksum(body) {
            return Err(InvalidApiKey);
        }
        Ok(Self(SecretString::from(text)))
    }

    /// The key itself: shown once, when it is made.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The first 11 characters, by which people tell keys apart.
    pub fn prefix(&self) -> &str {
        &self.expose()[..SHOWN]
    }

    /// What is stored instead of the key and looked up. 256 random bits need no slow hash and no
    /// salt, and a look-up by hash gives nothing away by its time.
    pub fn sha256(&self) -> [u8; 32] {
        wire::canonical::sha256(self.expose().as_bytes())
    }
}

/// CRC-32 of everything before it, as six digits of base 62.
fn checksum(body: &str) -> [u8; CHECKSUM] {
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut digits = [0; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// Made once and written down: keys in use must stay readable.
    const KNOWN: &str = "mmcp_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg0duBeV";

    #[test]
    fn a_generated_key_is_54_letters_and_digits_and_reads_back() {
        let key = ApiKey::generate();
        assert_eq!(key.expose().len(), 54);
        assert!(key.expose().starts_with("mmcp_"));
        let read = ApiKey::parse(key.expose()).unwrap();
        assert_eq!(read.expose(), key.expose());
        assert_eq!(read.sha256(), key.sha256());
    }

    #[test]
    fn generated_keys_differ_and_use_the_whole_alphabet() {
        let keys: Vec<ApiKey> = (0..200).map(|_| ApiKey::generate()).collect();
        assert_eq!(keys.iter().map(ApiKey::expose).collect::<HashSet<_>>().len(), 200);
        let body = |key: &ApiKey| key.expose()[5..48].to_owned();
        let used: HashSet<char> = keys.iter().flat_map(|key| body(key).chars().collect::<Vec<_>>()).collect();
        assert_eq!(used.len(), 62);
    }

    #[test]
    fn a_key_written_down_long_ago_still_reads_and_hashes_the_same() {
        let key = ApiKey::parse(KNOWN).unwrap();
        assert_eq!(key.prefix(), "mmcp_012345");
        assert_eq!(hex::encode(key.sha256()), "03a4d5e24c2bdcc6330d0420e6ff68bb041c01edbf687a64b27076aa79d5c583");
    }

    #[test]
    fn every_single_mistyped_character_is_noticed() {
        for at in 0..KNOWN.len() {
            for other in ALPHABET.iter().map(|byte| char::from(*byte)).filter(|c| !KNOWN[at..].starts_with(*c)) {
                let mut mistyped = KNOWN.to_owned();
                mistyped.replace_range(at..=at, &other.to_string());
                assert_eq!(ApiKey::parse(&mistyped).unwrap_err(), InvalidApiKey, "{mistyped}");
            }
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        let made_up = format!("mmcp_{}", "a".repeat(49));
        let wide = format!("mmcp_{}", "é".repeat(24));
        for text in ["", "mmcp_", &KNOWN[..53], &format!("{KNOWN}0"), &format!(" {KNOWN}"), &made_up, &wide] {
            assert_eq!(ApiKey::parse(text).unwrap_err(), InvalidApiKey, "{text}");
        }
        assert!(ApiKey::parse(&KNOWN.replace("mmcp_", "MMCP_")).is_err());
    }

    #[test]
    fn debug_hides_the_key() {
        assert!(!format!("{:?}", ApiKey::parse(KNOWN).unwrap()).contains(&KNOWN[5..10]));
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_a_key_panic(text in "(mmcp_)?.{0,60}") {
            prop_assert!(ApiKey::parse(&text).is_err());
        }
    }
}
