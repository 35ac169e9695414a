//! Sealing: AES-256-GCM with a random nonce and a key for each purpose. Bytes sealed for one purpose and row open for
//! no other, and only unaltered.
//!
//! Sealed bytes are: version (1 byte, 1), id of the master key (4), nonce (12), ciphertext, tag (16). The whole head is
//! authenticated. The id distinguishes a wrong master key from damage, and allows keys to be rotated.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use secrecy::ExposeSecret;

use super::keys::{KeyUse, MasterKey};

const VERSION: u8 = 1;
const KEY_ID: std::ops::Range<usize> = 1..5;
const HEAD: usize = KEY_ID.end;
const TAG: usize = 16;

/// What is sealed. Each purpose has a key of its own, so that random nonces stay far from the 2^32 messages that one
/// key may seal (NIST SP 800-38D, section 8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The arguments of an approval, bound to the approval's id.
    ApprovalArguments,
    /// The stored answer of an approval, bound to the approval's id.
    ApprovalResult,
    /// The configuration of a connection, bound to the connection's id.
    ConnectionConfig,
    /// A value that is injected into calls, bound to the secret's id.
    Secret,
    /// What an agent returns with the input that it was asked for, bound to its caller and call.
    RequestState,
    /// The answer of a call with an idempotency key, bound to the key, its caller and its toolkit.
    IdempotentAnswer,
}

impl Purpose {
    /// All purposes.
    pub const ALL: [Self; 6] = [
        Self::ApprovalArguments,
        Self::ApprovalResult,
        Self::ConnectionConfig,
        Self::Secret,
        Self::RequestState,
        Self::IdempotentAnswer,
    ];

    /// The name used in the key's derivation; it never changes.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ApprovalArguments => "approval-arguments",
            Self::ApprovalResult => "approval-result",
            Self::ConnectionConfig => "connection-config",
            Self::Secret => "secret",
            Self::RequestState => "request-state",
            Self::IdempotentAnswer => "idempotent-answer",
        }
    }
}

/// Why sealed bytes do not open. Says nothing about what is in them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Too short, or of a version that this binary does not know.
    #[error("not sealed by this version")]
    Unknown,
    /// Sealed under another master key.
    #[error("sealed under the master key {sealed} but this is {mine}: PERMESSO_MASTER_KEY is not the one it was")]
    OtherKey {
        /// The id of the key that sealed the bytes, in hex.
        sealed: String,
        /// The id of the present key, in hex.
        mine: String,
    },
    /// Altered, or sealed for another purpose or row.
    #[error("does not open: altered, or it belongs to another row")]
    Refused,
}

/// Seals and opens with the keys of one master key.
pub struct Sealer {
    key_id: [u8; 4],
    keys: [RandomizedNonceKey; Purpose::ALL.len()],
}

impl Sealer {
    /// A sealer that uses this master key.
    pub fn new(master: &MasterKey) -> Self {
        let keys = Purpose::ALL.map(|purpose| {
            let key = master.derive(KeyUse::Seal(purpose));
            RandomizedNonceKey::new(&AES_256_GCM, key.expose_secret()).expect("AES-256 takes 32 bytes")
        });
        Self { key_id: master.id(), keys }
    }

    /// Seals `plain`. It opens again with the same purpose and the same `aad`: the bytes of the id of the row that it
    /// is stored in, or of what else it belongs to. The result is 33 bytes longer than `plain`.
    ///
    /// # Panics
    /// When the operating system has no random numbers, or above 64 GiB.
    pub fn seal(&self, purpose: Purpose, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut text = Vec::with_capacity(plain.len() + TAG);
        text.extend_from_slice(plain);
        let mut sealed = Vec::with_capacity(HEAD + NONCE_LEN + plain.len() + TAG);
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.key_id);
        let aad = Aad::from([sealed.as_slice(), aad].concat());
        let nonce = self.key(purpose).seal_in_place_append_tag(aad, &mut text).expect("AES-GCM seals");
        sealed.extend_from_slice(nonce.as_ref());
        sealed.extend_from_slice(&text);
        sealed
    }

    /// Opens what [`seal`](Self::seal) gave for the same purpose and `aad`.
    ///
    /// # Errors
    /// If the bytes are not sealed bytes, or were sealed for another purpose, row or master key.
    pub fn open(&self, purpose: Purpose, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        if sealed.first() != Some(&VERSION) || sealed.len() < HEAD + NONCE_LEN + TAG {
            return Err(OpenError::Unknown);
        }
        let (head, rest) = sealed.split_at(HEAD);
        if head[KEY_ID] != self.key_id {
            let (sealed, mine) = (hex::encode(&head[KEY_ID]), hex::encode(self.key_id));
            return Err(OpenError::OtherKey { sealed, mine });
        }
        let (nonce, text) = rest.split_at(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| OpenError::Unknown)?;
        let mut text = text.to_vec();
        let aad = Aad::from([head, aad].concat());
        let length = self.key(purpose).open_in_place(nonce, aad, &mut text).map_err(|_| OpenError::Refused)?.len();
        text.truncate(length);
        Ok(text)
    }

    fn key(&self, purpose: Purpose) -> &RandomizedNonceKey {
        &self.keys[purpose as usize]
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").field("key_id", &hex::encode(self.key_id)).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

    use secrecy::SecretBox;

    use super::*;

    const ROW: &[u8] = b"row 1";
    const PLAIN: &[u8] = b"{\"amount\": 1.0e2}";

    fn sealer() -> Sealer {
        Sealer::new(&MasterKey::development())
    }

    #[test]
    fn what_is_sealed_opens_byte_for_byte_for_every_purpose() {
        for (place, purpose) in Purpose::ALL.into_iter().enumerate() {
            assert_eq!(purpose as usize, place);
            for plain in [b"".as_slice(), PLAIN, &[0; 5_000]] {
                let sealed = sealer().seal(purpose, ROW, plain);
                assert_eq!(sealed.len(), plain.len() + 33);
                assert_eq!(sealer().open(purpose, ROW, &sealed).unwrap(), plain);
            }
        }
    }

    #[test]
    fn sealing_twice_gives_different_bytes_that_do_not_show_the_plain_ones() {
        let sealed = [sealer().seal(Purpose::Secret, ROW, PLAIN), sealer().seal(Purpose::Secret, ROW, PLAIN)];
        assert_ne!(sealed[0], sealed[1]);
        assert!(!sealed[0].windows(6).any(|part| PLAIN.windows(6).any(|plain| plain == part)));
    }

    #[test]
    fn another_row_or_purpose_does_not_open_it() {
        let sealed = sealer().seal(Purpose::ApprovalArguments, ROW, PLAIN);
        assert_eq!(sealer().open(Purpose::ApprovalArguments, b"row 2", &sealed), Err(OpenError::Refused));
        assert_eq!(sealer().open(Purpose::ApprovalResult, ROW, &sealed), Err(OpenError::Refused));
    }

    #[test]
    fn one_changed_bit_anywhere_or_a_missing_byte_does_not_open() {
        let sealed = sealer().seal(Purpose::Secret, ROW, PLAIN);
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(sealer().open(Purpose::Secret, ROW, &changed).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(sealer().open(Purpose::Secret, ROW, &sealed[..length]).is_err(), "length {length}");
        }
    }

    #[test]
    fn another_master_key_is_named_as_the_cause() {
        let other = MasterKey::new(&SecretBox::new(Box::new([7; 32])));
        let sealed = sealer().seal(Purpose::Secret, ROW, PLAIN);
        let error = Sealer::new(&other).open(Purpose::Secret, ROW, &sealed).unwrap_err();
        let (sealed, mine) = (hex::encode(MasterKey::development().id()), hex::encode(other.id()));
        assert_eq!(error, OpenError::OtherKey { sealed, mine });
        assert!(error.to_string().contains("PERMESSO_MASTER_KEY"));
    }

    #[test]
    fn an_unknown_version_is_told_from_damage() {
        let mut sealed = sealer().seal(Purpose::Secret, ROW, PLAIN);
        sealed[0] = 2;
        assert_eq!(sealer().open(Purpose::Secret, ROW, &sealed), Err(OpenError::Unknown));
    }
}
