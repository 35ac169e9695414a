//! Passwords: argon2id with the crate's defaults (19 MiB, 2 passes: OWASP's recommendation). Length is
//! the only rule, as NIST SP 800-63B-4 section 3.1.1.2 asks: no composition, no expiry.
//!
//! Hashing takes 17 ms and 19 MiB, so it runs off the async threads and two at a time: a flood of
//! log-ins waits in a queue that it cannot turn into memory.

use std::time::Duration;

use argon2::{
    Argon2,
    password_hash::{self, PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;

/// The fewest characters a password may have.
pub const MIN_CHARACTERS: usize = *api_types::PASSWORD_CHARACTERS.start();
/// The most characters a password may have.
pub const MAX_CHARACTERS: usize = *api_types::PASSWORD_CHARACTERS.end();

/// Hashes under way at once.
static TURNS: Semaphore = Semaphore::const_new(2);
/// How long one waits for its turn: by then some 500 others stand in line.
const PATIENCE: Duration = Duration::from_secs(5);

/// What nobody's password is compared with: random bytes in the form that [`hash`] gives.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$8/rDZCM/dG1UlTZ0/v+Qjw$NO+S9nB5g2olUFtbNKhvPI/VHwQf6wiu5SnLVc5WyYs";

/// Why a password was not hashed or compared. Never says anything about the password but its length.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Fewer than [`MIN_CHARACTERS`] or more than [`MAX_CHARACTERS`].
    #[error("a password has {MIN_CHARACTERS} to {MAX_CHARACTERS} characters")]
    Length,
    /// Too many are waiting for their turn; worth another try in some seconds.
    #[error("too many log-ins at once")]
    Busy,
    /// The stored hash is damaged or of a kind that this binary does not know.
    #[error("the stored password hash cannot be read")]
    Stored(#[source] password_hash::phc::Error),
    /// Hashing itself failed.
    #[error("the password could not be hashed")]
    Hash(#[source] password_hash::Error),
    /// The thread that hashed is gone.
    #[error("the password could not be hashed")]
    Thread(#[from] tokio::task::JoinError),
}

/// A password in the form that is hashed: NFKC, so that the same keys give the same password on every keyboard and system
/// (NIST SP 800-63B-4, section 3.1.1.2).
fn normalised(password: &SecretString) -> Zeroizing<String> {
    Zeroizing::new(password.expose_secret().nfkc().collect())
}

/// Whether a password may be set: its length in characters (Unicode code points, normalised) is all that counts.
///
/// # Errors
/// [`PasswordError::Length`].
pub fn check_rules(password: &SecretString) -> Result<(), PasswordError> {
    // One more than the most is enough to know.
    let characters = password.expose_secret().nfkc().take(MAX_CHARACTERS + 1).count();
    match (MIN_CHARACTERS..=MAX_CHARACTERS).contains(&characters) {
        true => Ok(()),
        false => Err(PasswordError::Length),
    }
}

/// The hash of a new password, with its own random salt, in PHC form: what is stored.
///
/// # Errors
/// When the password breaks the rules, or hashing is not possible now.
pub async fn hash(password: SecretString) -> Result<String, PasswordError> {
    check_rules(&password)?;
    in_turn(move || {
        let hash = Argon2::default().hash_password(normalised(&password).as_bytes());
        Ok(hash.map_err(PasswordError::Hash)?.to_string())
    })
    .await
}

/// Whether this is the password that `stored` was made of: in its normalised form, else as it was typed, since earlier
/// versions hashed it so.
///
/// # Errors
/// When that cannot be found out; a wrong password is `Ok(false)`.
pub async fn verify(password: SecretString, stored: String) -> Result<bool, PasswordError> {
    in_turn(move || {
        let stored = PasswordHash::new(&stored).map_err(PasswordError::Stored)?;
        let is = |text: &str| match Argon2::default().verify_password(text.as_bytes(), &stored) {
            Ok(()) => Ok(true),
            Err(password_hash::Error::PasswordInvalid) => Ok(false),
            Err(error) => Err(PasswordError::Hash(error)),
        };
        let (typed, normal) = (password.expose_secret(), normalised(&password));
        Ok(is(&normal)? || normal.as_str() != typed && is(typed)?)
    })
    .await
}

/// Takes as long as [`verify`], for an account that does not exist or has no password, so that the
/// time of an answer does not tell (and the answer is no).
///
/// # Errors
/// As [`verify`].
pub async fn verify_nobody(password: SecretString) -> Result<(), PasswordError> {
    verify(password, NOBODY.to_owned()).await.map(drop)
}

async fn in_turn<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
) -> Result<T, PasswordError> {
    let turn = tokio::time::timeout(PATIENCE, TURNS.acquire()).await;
    let Ok(Ok(turn)) = turn else { return Err(PasswordError::Busy) };
    tokio::task::spawn_blocking(move || {
        // Held here and not by the request: who hangs up does not make room for one more.
        let _turn = turn;
        work()
    })
    .await?
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

    use super::*;

    const PASSWORD: &str = "correct horse battery staple";

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[tokio::test]
    async fn a_hash_verifies_its_own_password_and_no_other() {
        let stored = hash(secret(PASSWORD)).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(verify(secret(PASSWORD), stored.clone()).await.unwrap());
        assert!(!verify(secret("correct horse battery stapl"), stored.clone()).await.unwrap());
        assert!(!verify(secret(""), stored).await.unwrap());
    }

    #[tokio::test]
    async fn a_password_is_the_same_however_its_characters_are_put_together() {
        let (composed, apart) = ("caf\u{e9} au lait, \u{fb01}ne", "cafe\u{301} au lait, fine");
        for (set, typed) in [(composed, apart), (apart, composed)] {
            let stored = hash(secret(set)).await.unwrap();
            assert!(verify(secret(typed), stored.clone()).await.unwrap() && verify(secret(set), stored).await.unwrap());
        }
        // What an earlier version hashed as it was typed.
        let old = Argon2::default().hash_password(composed.as_bytes()).unwrap().to_string();
        assert!(verify(secret(composed), old.clone()).await.unwrap(), "still the password");
        assert!(!verify(secret(apart), old).await.unwrap());
    }

    #[tokio::test]
    async fn the_same_password_hashes_differently_each_time() {
        assert_ne!(hash(secret(PASSWORD)).await.unwrap(), hash(secret(PASSWORD)).await.unwrap());
    }

    #[tokio::test]
    async fn only_length_in_characters_counts() {
        for fits in ["aaaaaaaaaaaa", "👩‍🚀 in space", &"é".repeat(200), "            "] {
            assert!(check_rules(&secret(fits)).is_ok(), "{fits}");
        }
        for unfit in ["", "elevenchars", &"é".repeat(201), &"a".repeat(1_000_000)] {
            assert!(matches!(hash(secret(unfit)).await, Err(PasswordError::Length)));
        }
    }

    #[tokio::test]
    async fn a_damaged_stored_hash_is_an_error_and_no_wrong_password() {
        for stored in ["", "plaintext", "$argon2id$v=19$m=19456,t=2,p=1$"] {
            assert!(verify(secret(PASSWORD), stored.to_owned()).await.is_err(), "{stored}");
        }
    }

    #[tokio::test]
    async fn nobody_costs_what_somebody_costs() {
        let cost = |stored: &str| {
            let hash = PasswordHash::new(stored).unwrap();
            let params = argon2::Params::try_from(&hash).unwrap();
            (hash.algorithm, hash.version, params, hash.salt.unwrap().len(), hash.hash.unwrap().len())
        };
        assert_eq!(cost(NOBODY), cost(&hash(secret(PASSWORD)).await.unwrap()));
        assert!(verify_nobody(secret(PASSWORD)).await.is_ok());
    }

    #[tokio::test]
    async fn at_most_two_hash_at_once_and_a_request_that_went_away_keeps_its_turn() {
        use std::sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        };
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let requests = (0..6).map(|n| {
            let (running, most) = (running.clone(), most.clone());
            let task = tokio::spawn(in_turn(move || {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(20));
                running.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            }));
            (n, task)
        });
        for (n, task) in requests.collect::<Vec<_>>() {
            if n == 0 {
                tokio::task::yield_now().await;
                task.abort();
                let _ = task.await;
            } else {
                task.await.unwrap().unwrap();
            }
        }
        assert!((1..=2).contains(&most.load(Ordering::SeqCst)));
    }

    #[test]
    fn errors_and_debug_never_show_the_password() {
        let error = check_rules(&secret("hunter2")).unwrap_err();
        assert!(!format!("{error} {error:?} {:?}", secret("hunter2")).contains("hunter2"));
    }
}
