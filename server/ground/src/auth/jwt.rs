//! Login tokens: JWTs (RFC 7519) that `POST /auth/login` hands out and that only this instance reads.
//! HS256 and nothing else, with a key derived from the master key and the installation's id, good for one hour.
//!
//! A token stands for a person as they were: the credential epoch in it must still be theirs, which
//! the directory knows and the caller of [`Jwt::verify`] compares.

use std::collections::HashSet;

use chrono::{DateTime, Duration, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const AUDIENCE: &str = "permesso";
/// How long a token is good, in seconds (api.md, `POST /auth/login`, `expires_in`).
pub const LIFETIME_SECONDS: i64 = 3_600;
/// How far the clocks of two replicas may be apart, in seconds.
const SKEW_SECONDS: i64 = 60;

/// The token is not one of ours, or not any more, or not yet. Which of them is not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid login token")]
pub struct InvalidToken;

/// The token could not be signed; a fault of ours.
#[derive(Debug, thiserror::Error)]
#[error("the login token could not be signed")]
pub struct SignError(#[from] jsonwebtoken::errors::Error);

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The person's id.
    pub sub: Uuid,
    /// Whom it is for: always `permesso`.
    aud: String,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// The first second it is no longer good.
    pub exp: i64,
    /// The token's own id.
    pub jti: Uuid,
    /// The person's credential epoch; a password reset increments it and so ends older tokens.
    pub epoch: i64,
}

/// Issues and verifies login tokens with one key. `Debug` hides it.
pub struct Jwt {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl Jwt {
    /// With this key, derived for this use and installation alone.
    pub fn new(key: &SecretBox<[u8; 32]>) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[AUDIENCE]);
        // The library would ask the system's clock; `verify` is told the time.
        validation.validate_exp = false;
        validation.required_spec_claims = HashSet::from(["aud", "exp", "sub"].map(str::to_owned));
        Self {
            encoding: EncodingKey::from_secret(key.expose_secret()),
            decoding: DecodingKey::from_secret(key.expose_secret()),
            validation,
        }
    }

    /// A token for this person, good from `now` for [`LIFETIME_SECONDS`].
    ///
    /// # Errors
    /// When signing fails.
    pub fn issue(&self, person: Uuid, epoch: i64, now: DateTime<Utc>) -> Result<SecretString, SignError> {
        let iat = now.timestamp();
        let claims = Claims {
            sub: person,
            aud: AUDIENCE.to_owned(),
            iat,
            exp: iat + LIFETIME_SECONDS,
            jti: Uuid::now_v7(),
            epoch,
        };
        Ok(jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)?.into())
    }

    /// What `token` says, if it is ours and good at `now`. Whether the person and their epoch still
    /// are is for the caller.
    ///
    /// # Errors
    /// The same for everything that is wrong with it.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, InvalidToken> {
        let token = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation);
        let claims = token.map_err(|_| InvalidToken)?.claims;
        let issued_in_the_future = claims.iat > (now + Duration::seconds(SKEW_SECONDS)).timestamp();
        if now.timestamp() >= claims.exp || issued_in_the_future {
            return Err(InvalidToken);
        }
        Ok(claims)
    }
}

impl std::fmt::Debug for Jwt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jwt").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
    use serde_json::{Value, json};

    use super::*;

    const PERSON: Uuid = Uuid::from_u128(7);

    fn jwt() -> Jwt {
        Jwt::new(&SecretBox::new(Box::new([1; 32])))
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn issue() -> String {
        jwt().issue(PERSON, 3, at(0)).unwrap().expose_secret().to_owned()
    }

    fn claims() -> Value {
        serde_json::to_value(jwt().verify(&issue(), at(0)).unwrap()).unwrap()
    }

    /// Signed with the right key, whatever it says.
    fn signed(header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(&[1; 32])).unwrap()
    }

    fn part(value: &Value) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
    }

    #[test]
    fn a_token_says_who_until_when_and_of_which_epoch() {
        let claims = jwt().verify(&issue(), at(10)).unwrap();
        assert_eq!((claims.sub, claims.epoch), (PERSON, 3));
        assert_eq!((claims.iat, claims.exp), (at(0).timestamp(), at(3_600).timestamp()));
    }

    #[test]
    fn two_tokens_have_two_ids() {
        let id = || jwt().verify(&issue(), at(0)).unwrap().jti;
        assert_ne!(id(), id());
    }

    #[test]
    fn a_token_is_good_for_an_hour_by_the_clock_that_is_handed_in() {
        let token = issue();
        assert!(jwt().verify(&token, at(3_599)).is_ok());
        assert_eq!(jwt().verify(&token, at(3_600)), Err(InvalidToken));
    }

    #[test]
    fn a_token_from_a_replica_whose_clock_is_a_minute_ahead_is_good_and_from_further_is_not() {
        let token = issue();
        assert!(jwt().verify(&token, at(-60)).is_ok());
        assert_eq!(jwt().verify(&token, at(-61)), Err(InvalidToken));
    }

    #[test]
    fn another_key_refuses_it() {
        let other = Jwt::new(&SecretBox::new(Box::new([2; 32])));
        assert_eq!(other.verify(&issue(), at(0)), Err(InvalidToken));
    }

    #[test]
    fn a_changed_claim_or_signature_is_refused() {
        let token = issue();
        let parts: Vec<&str> = token.split('.').collect();
        let mut raised = claims();
        raised["epoch"] = json!(4);
        let changed = format!("{}.{}.{}", parts[0], part(&raised), parts[2]);
        assert_eq!(jwt().verify(&changed, at(0)), Err(InvalidToken));
        let unsigned = format!("{}.{}.", parts[0], parts[1]);
        assert_eq!(jwt().verify(&unsigned, at(0)), Err(InvalidToken));
    }

    #[test]
    fn no_other_algorithm_is_accepted_not_even_with_the_right_key() {
        for algorithm in [Algorithm::HS384, Algorithm::HS512] {
            assert_eq!(jwt().verify(&signed(&Header::new(algorithm), &claims()), at(0)), Err(InvalidToken));
        }
        for none in ["none", "None", ""] {
            let unsigned = format!("{}.{}.", part(&json!({"alg": none, "typ": "JWT"})), part(&claims()));
            assert_eq!(jwt().verify(&unsigned, at(0)), Err(InvalidToken));
        }
    }

    #[test]
    fn a_claim_that_is_missing_or_of_another_audience_is_refused() {
        let header = Header::new(Algorithm::HS256);
        assert!(jwt().verify(&signed(&header, &claims()), at(0)).is_ok());
        for missing in ["sub", "aud", "iat", "exp", "jti", "epoch"] {
            let mut less = claims();
            less.as_object_mut().unwrap().remove(missing);
            assert_eq!(jwt().verify(&signed(&header, &less), at(0)), Err(InvalidToken), "without {missing}");
        }
        let mut foreign = claims();
        foreign["aud"] = json!("somebody else");
        assert_eq!(jwt().verify(&signed(&header, &foreign), at(0)), Err(InvalidToken));
    }

    #[test]
    fn rubbish_is_refused() {
        for text in ["", ".", "..", "eyJ.eyJ.eyJ", "a.b.c", &"a".repeat(100_000)] {
            assert_eq!(jwt().verify(text, at(0)), Err(InvalidToken));
        }
    }

    #[test]
    fn debug_hides_the_key() {
        assert_eq!(format!("{:?}", jwt()), "Jwt { .. }");
    }
}
