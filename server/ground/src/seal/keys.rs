//! The master key and the keys derived from it. The master key itself seals and signs nothing: each use has a key of
//! its own by HKDF-SHA256 (RFC 5869), so that no key reveals another.

use std::borrow::Cow;

use aws_lc_rs::hkdf;
use base64::{Engine, alphabet, engine};
use secrecy::{ExposeSecret, SecretBox, zeroize::Zeroizing};
use uuid::Uuid;

use crate::config::Config;

/// The key of `permesso dev`. Published with the source, so it protects nothing.
const DEVELOPMENT: [u8; 32] = *b"permesso development master key!";

/// Base64 with or without padding: both are in use.
const LENIENT: engine::GeneralPurposeConfig =
    engine::GeneralPurposeConfig::new().with_decode_padding_mode(engine::DecodePaddingMode::Indifferent);
const STANDARD: engine::GeneralPurpose = engine::GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: engine::GeneralPurpose = engine::GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Why there is no master key. The text is one line for the operator and never shows the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// None was given.
    #[error("PERMESSO_MASTER_KEY: is not set; set it to 32 random bytes, for example from `openssl rand -base64 32`")]
    Missing,
    /// The value is not 32 bytes.
    #[error("PERMESSO_MASTER_KEY: is not 32 bytes in base64 or hex; make one with `openssl rand -base64 32`")]
    Malformed,
    /// The development key was given as if it were a secret.
    #[error(
        "PERMESSO_MASTER_KEY: is the published development key; make one with `openssl rand -base64 32`, \
         or set PERMESSO_ALLOW_DEV_MASTER_KEY=1 if nothing needs protection"
    )]
    Development,
}

/// What a derived key is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyUse {
    /// Signing login tokens of the installation with this id, which is random and secret: the development key is
    /// published, so without the id the tokens of one installation would be valid at every other.
    LoginToken(Uuid),
    /// Marking the cookies by which browsers are known, of the installation with this id.
    KnownDevice(Uuid),
    /// Signing the cursors of lists, so that a client cannot write its own.
    Cursor,
    /// Sealing what belongs to one purpose.
    Seal(super::Purpose),
}

impl KeyUse {
    /// The name used in the derivation. Changing one invalidates everything made with it.
    fn label(self) -> [Cow<'static, str>; 2] {
        match self {
            Self::LoginToken(instance) => ["login-token".into(), instance.to_string().into()],
            Self::KnownDevice(instance) => ["known-device".into(), instance.to_string().into()],
            Self::Cursor => ["cursor".into(), "".into()],
            Self::Seal(purpose) => ["seal".into(), purpose.name().into()],
        }
    }
}

/// The 32 bytes on which every secret depends. Wiped when dropped; `Debug` hides them.
pub struct MasterKey {
    root: hkdf::Prk,
    id: [u8; 4],
}

impl MasterKey {
    /// The key from the configuration or, where that is allowed, the development key.
    ///
    /// # Errors
    /// If there is none, or it is not 32 bytes, or it is the development key where that is not allowed.
    pub fn from_config(config: &Config) -> Result<Self, KeyError> {
        match &config.master_key {
            Some(text) => Self::parse(text.expose_secret(), config.allow_dev_master_key),
            None if config.allow_dev_master_key => Ok(Self::development()),
            None => Err(KeyError::Missing),
        }
    }

    /// The development key, for `permesso dev` and tests.
    pub fn development() -> Self {
        Self::new(&SecretBox::new(Box::new(DEVELOPMENT)))
    }

    /// The key with these bytes.
    pub fn new(bytes: &SecretBox<[u8; 32]>) -> Self {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"permesso master key v1").extract(bytes.expose_secret());
        let mut id = [0; 4];
        expand(&root, &["key-id".into(), "".into()], &mut id);
        Self { root, id }
    }

    /// Identifies this key without revealing anything about it: stored with sealed bytes, so that opening them with
    /// another key gives a clear error.
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    /// The key for one use: always the same for the same master key.
    pub fn derive(&self, key_use: KeyUse) -> SecretBox<[u8; 32]> {
        SecretBox::init_with_mut(|key: &mut [u8; 32]| expand(&self.root, &key_use.label(), key))
    }

    fn parse(text: &str, allow_development: bool) -> Result<Self, KeyError> {
        let text = text.trim();
        // 64 hex digits would be 48 bytes of base64, so the length tells the two apart.
        let bytes = match text.len() {
            64 => hex::decode(text).ok(),
            _ => STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok(),
        };
        let bytes = Zeroizing::new(bytes.ok_or(KeyError::Malformed)?);
        let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| KeyError::Malformed)?;
        if key == DEVELOPMENT && !allow_development {
            return Err(KeyError::Development);
        }
        Ok(Self::new(&SecretBox::new(Box::new(key))))
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MasterKey").field("id", &hex::encode(self.id)).finish_non_exhaustive()
    }
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand(root: &hkdf::Prk, label: &[Cow<'static, str>; 2], out: &mut [u8]) {
    let info = [b"permesso/v1/".as_slice(), label[0].as_bytes(), b"/", label[1].as_bytes()];
    // HKDF refuses only more than 255 blocks of 32 bytes.
    root.expand(&info, Length(out.len())).and_then(|okm| okm.fill(out)).expect("HKDF gives 32 bytes");
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

    use std::collections::HashSet;

    use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE};

    use super::{super::Purpose, *};

    /// Has `+` and `/` in base64, so that the alphabets differ.
    const BYTES: [u8; 32] = [0xfb; 32];

    fn given(master_key: Option<&str>, allow_dev: bool) -> Result<MasterKey, KeyError> {
        let config = Config::from_vars(|name| match name {
            "PERMESSO_MASTER_KEY" => master_key.map(str::to_owned),
            "PERMESSO_ALLOW_DEV_MASTER_KEY" => allow_dev.then(|| "1".to_owned()),
            _ => None,
        });
        MasterKey::from_config(&config.unwrap())
    }

    #[test]
    fn every_usual_spelling_of_the_same_bytes_is_the_same_key() {
        let key = MasterKey::new(&SecretBox::new(Box::new(BYTES)));
        let spellings = [
            hex::encode(BYTES),
            hex::encode_upper(BYTES),
            BASE64_STANDARD.encode(BYTES),
            BASE64_STANDARD_NO_PAD.encode(BYTES),
            BASE64_URL_SAFE.encode(BYTES),
            format!(" {}\n", BASE64_STANDARD.encode(BYTES)),
        ];
        for text in spellings {
            assert_eq!(given(Some(&text), false).unwrap().id(), key.id(), "{text}");
        }
    }

    #[test]
    fn what_is_not_32_bytes_is_refused_without_being_shown() {
        let too_long = "ab".repeat(33);
        for text in
            ["hunter2", "correct horse battery staple", &BASE64_STANDARD.encode([1; 31]), &too_long, &"g".repeat(64)]
        {
            let error = given(Some(text), true).unwrap_err();
            assert_eq!(error, KeyError::Malformed);
            assert!(!error.to_string().contains(text));
        }
    }

    #[test]
    fn the_development_key_serves_only_where_it_is_allowed_by_name() {
        assert_eq!(given(None, false).unwrap_err(), KeyError::Missing);
        assert_eq!(given(None, true).unwrap().id(), MasterKey::development().id());
        assert_eq!(given(Some(&hex::encode(DEVELOPMENT)), false).unwrap_err(), KeyError::Development);
    }

    #[test]
    fn a_given_key_wins_over_the_development_key() {
        let key = given(Some(&hex::encode(BYTES)), true).unwrap();
        assert_ne!(key.id(), MasterKey::development().id());
    }

    #[test]
    fn each_use_and_each_master_key_has_its_own_key() {
        let installations = [Uuid::from_u128(1), Uuid::from_u128(2)];
        let mut uses = vec![KeyUse::Cursor];
        uses.extend(installations.map(KeyUse::LoginToken));
        uses.extend(installations.map(KeyUse::KnownDevice));
        uses.extend(Purpose::ALL.map(KeyUse::Seal));
        let masters = [MasterKey::development(), MasterKey::new(&SecretBox::new(Box::new(BYTES)))];
        let keys = masters.iter().flat_map(|master| uses.iter().map(|u| *master.derive(*u).expose_secret()));
        let distinct: HashSet<[u8; 32]> = keys.collect();
        assert_eq!(distinct.len(), 2 * uses.len());
    }

    #[test]
    fn derivation_never_changes_because_stored_secrets_depend_on_it() {
        let key = MasterKey::development();
        assert_eq!(hex::encode(key.id()), "ca1aff14");
        assert_eq!(
            hex::encode(key.derive(KeyUse::Cursor).expose_secret()),
            "daecf03c8340688240dd2c522d4bc4bab87a0b5ffd61441c2478f78102cb2ab0"
        );
        assert_eq!(
            hex::encode(key.derive(KeyUse::Seal(Purpose::Secret)).expose_secret()),
            "4c2fab8a80edb088221822186fbfcf16d2501f7d3b8bafbb9c15fcadcdda2137"
        );
    }

    #[test]
    fn debug_shows_only_the_id() {
        let text = format!("{:?}", MasterKey::new(&SecretBox::new(Box::new(BYTES))));
        assert!(!text.contains("251") && !text.contains("fbfb"), "{text}");
    }
}
