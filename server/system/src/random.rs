//! Random bytes of the operating system, for what nobody may guess.

use aws_lc_rs::rand;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

/// Fills `bytes`.
///
/// # Panics
/// When the operating system has no random numbers: nothing could be kept secret.
#[allow(clippy::disallowed_methods, reason = "this is what is used instead")]
pub fn fill(bytes: &mut [u8]) {
    rand::fill(bytes).expect("the operating system gives random numbers");
}

/// `BYTES` random bytes as text that fits a URL, a header and a line: base64url without padding (RFC 4648,
/// section 5), 43 characters for 32 bytes.
///
/// # Panics
/// As [`fill`] does.
pub fn text<const BYTES: usize>() -> String {
    let mut bytes = [0; BYTES];
    fill(&mut bytes);
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_all_their_bits_share_them_with_no_other_and_fit_a_url_and_a_header() {
        let (one, two) = (text::<32>(), text::<32>());
        assert_eq!(one.len(), 43);
        assert_ne!(one, two);
        assert!(one.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
    }
}
