//! Signing in with e-mail and password. Whether an account exists is told to nobody: an unknown
//! account costs the same time and gets the same answer as a wrong password. Also the first
//! administrator, and new passwords for who has lost theirs.

use std::{net::IpAddr, time::Duration};

use domain::UserId;
use secrecy::SecretString;

use super::{Services, label::email};
use crate::{
    auth::password::{self, PasswordError},
    db::{self, Reason, SystemScope, user::Credentials},
    error::{Error, Kind, Result},
};

/// Checks a person's password. `address` is where the attempt comes from.
///
/// # Errors
/// `unauthorized` for an unknown account as for a wrong password; `too_many_attempts`, saying when
/// to come back, after many failures of the account or the address.
pub async fn sign_in(services: &Services, email: &str, password: SecretString, address: IpAddr) -> Result<Signed> {
    let attempt = services.throttle.check(email, address).map_err(too_many)?;
    match check(services, &email.trim().to_lowercase(), password).await {
        Ok(Some(signed)) => {
            attempt.succeeded();
            tracing::info!(user.id = %signed.user, "signed in");
            metrics::counter!("permesso_sign_ins_total", "result" => "ok").increment(1);
            Ok(signed)
        }
        Ok(None) => {
            if let Some(wait) = attempt.failed() {
                return Err(too_many(wait));
            }
            metrics::counter!("permesso_sign_ins_total", "result" => "refused").increment(1);
            Err(Error::new(Kind::Unauthorized, "unauthorized", "the e-mail or the password is wrong"))
        }
        Err(error) => {
            attempt.not_made();
            Err(error)
        }
    }
}

/// Looks the person up and compares; `None` for every way in which it is not them.
async fn check(services: &Services, email: &str, password: SecretString) -> Result<Option<Signed>> {
    let mut scope = SystemScope::begin(&services.db.people, Reason::SignIn).await?;
    // Postgres cannot even look for U+0000.
    let person = if email.contains('\0') { None } else { db::user::find_by_email_unscoped(&mut scope, email).await? };
    // No connection is held while the hash is computed.
    drop(scope);
    match person {
        Some(Credentials { id, password_hash: Some(hash), epoch }) => {
            let right = password::verify(password, hash).await.map_err(trouble)?;
            Ok(right.then_some(Signed { user: id, epoch }))
        }
        _ => {
            password::verify_nobody(password).await.map_err(trouble)?;
            Ok(None)
        }
    }
}

/// The hash of a new password.
///
/// # Errors
/// A password of the wrong length; too many under way.
pub(super) async fn hashed(password: SecretString) -> Result<String> {
    password::hash(password).await.map_err(trouble)
}

fn trouble(error: PasswordError) -> Error {
    match error {
        PasswordError::Length => Error::invalid(
            "password",
            format!("must have {} to {} characters", password::MIN_CHARACTERS, password::MAX_CHARACTERS),
        ),
        PasswordError::Busy => Error::unavailable("too many log-ins are under way; try again in some seconds"),
        other => Error::internal(other),
    }
}

/// Makes the first administrator of the instance, unless there is one. Says whether it did.
///
/// # Errors
/// A wrong e-mail or password; an e-mail that belongs to somebody who is no administrator.
pub async fn first_administrator(services: &Services, address: &str, password: &str) -> Result<bool> {
    let mut scope = SystemScope::begin(&services.db.people, Reason::Instance).await?;
    if db::user::instance_admin_exists(&mut scope).await? {
        return Ok(false);
    }
    drop(scope);
    let email = email(address)?;
    let hash = hashed(SecretString::from(password.to_owned())).await?;
    let name = email.split('@').next().unwrap_or_default();
    let new = db::user::New { email: &email, name, password_hash: Some(&hash) };
    let mut scope = SystemScope::begin(&services.db.people, Reason::Instance).await?;
    let made = db::user::insert_first_admin(&mut scope, UserId::new(), &new).await?;
    if !made && !db::user::instance_admin_exists(&mut scope).await? {
        return Err(Error::conflict("person_exists", format!("`{email}` exists already and is no administrator")));
    }
    scope.commit().await?;
    services.directory.refresh().await?;
    Ok(made)
}

/// Sets a person's password, ends their console sessions and voids every token issued before.
///
/// # Errors
/// No such person; a wrong password.
pub async fn reset_password(services: &Services, address: &str, password: &str) -> Result<()> {
    let hash = hashed(SecretString::from(password.to_owned())).await?;
    let mut scope = SystemScope::begin(&services.db.people, Reason::Instance).await?;
    let person = db::user::find_by_email_unscoped(&mut scope, &email(address)?).await?;
    let person =
        person.ok_or_else(|| Error::new(Kind::NotFound, "not_found", format!("there is no person `{address}`")))?;
    db::user::reset_password(&mut scope, person.id, &hash).await?;
    db::session::delete_of_person(&mut scope, person.id).await?;
    scope.commit().await?;
    services.directory.refresh().await?;
    tracing::info!(user.id = %person.id, "password reset");
    Ok(())
}

/// A person who proved to be who they say.
#[derive(Clone, Copy, Debug)]
pub struct Signed {
    /// Who.
    pub user: UserId,
    /// The epoch of their credentials, for the token.
    pub epoch: i64,
}

/// What who is slowed down is told.
pub(super) fn too_many(after: Duration) -> Error {
    metrics::counter!("permesso_sign_ins_total", "result" => "slowed").increment(1);
    // Rounded up: who comes back a moment early would be refused again.
    let after = Duration::from_secs(after.as_secs() + 1);
    Error::new(
        Kind::TooMany(after),
        "too_many_attempts",
        format!("too many failed attempts; try again in {} s", after.as_secs()),
    )
}
