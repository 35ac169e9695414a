//! Signing in with e-mail and password. Whether an account exists is told to nobody: an unknown
//! account costs the same time and gets the same answer as a wrong password.

use std::{net::IpAddr, time::Duration};

use domain::UserId;
use secrecy::SecretString;

use super::Services;
use crate::{
    auth::password,
    db::{self, Reason, SystemScope},
    error::{Error, Kind, Result},
};

/// Checks a person's password. `address` is where the attempt comes from.
///
/// # Errors
/// `unauthorized` for an unknown account as for a wrong password; `too_many_attempts`, saying when
/// to come back, after many failures of the account or the address.
pub async fn sign_in(services: &Services, email: &str, password: SecretString, address: IpAddr) -> Result<Signed> {
    let email = email.trim().to_lowercase();
    services.throttle.check(&email, address).map_err(too_many)?;
    let mut scope = SystemScope::begin(&services.db, Reason::SignIn).await?;
    let person = db::user::find_by_email_unscoped(&mut scope, &email).await?;
    // Nothing is held while the hash is computed.
    drop(scope);
    let signed = match person {
        Some(db::user::Credentials { id, password_hash: Some(hash), epoch }) => {
            password::verify(password, hash).await.map_err(Error::internal)?.then_some(Signed { user: id, epoch })
        }
        _ => {
            password::verify_nobody(password).await.map_err(Error::internal)?;
            None
        }
    };
    match signed {
        Some(signed) => {
            tracing::info!(user.id = %signed.user, "signed in");
            metrics::counter!("permesso_sign_ins_total", "result" => "ok").increment(1);
            Ok(signed)
        }
        None => {
            services.throttle.failed(&email, address);
            metrics::counter!("permesso_sign_ins_total", "result" => "refused").increment(1);
            Err(Error::new(Kind::Unauthorized, "unauthorized", "the e-mail or the password is wrong"))
        }
    }
}

/// A person who proved to be who they say.
#[derive(Clone, Copy, Debug)]
pub struct Signed {
    /// Who.
    pub user: UserId,
    /// The epoch of their credentials, for the token.
    pub epoch: i64,
}

fn too_many(after: Duration) -> Error {
    metrics::counter!("permesso_sign_ins_total", "result" => "slowed").increment(1);
    // Rounded up: who comes back a moment early would be refused again.
    let after = Duration::from_secs(after.as_secs() + 1);
    Error::new(
        Kind::TooMany(after),
        "too_many_attempts",
        format!("too many failed log-ins; try again in {} s", after.as_secs()),
    )
}
