//! Browsers by which people are known at the sign-in: so that whoever guesses at an account does not keep its person out,
//! even from the same address.

use secrecy::SecretString;

use crate::{
    auth::device::{self, Device},
    db::{self, Reason, SystemScope, device::New},
    error::Result,
    limit::throttle::Attempt,
    service::{
        Identity,
        signed::{Signed, Whence},
    },
};

/// Counts an attempt at the allowance of the browser, if it is one by which the account with one of these e-mails is known.
/// `None`: it is none, or has used its allowance up; then the attempt counts as anybody's.
pub(super) async fn attempt(services: &Identity, emails: &[String], whence: &Whence) -> Option<Attempt> {
    let device = whence.device.as_ref()?;
    let account = emails.first()?;
    // Counted before anything is looked up: a cookie of another account makes as little work as guessing does.
    let attempt = services.throttle.check_device(&device.id_sha256, account, whence.address).ok()?;
    let looked_up = async {
        let mut scope = SystemScope::begin(&services.db.people, Reason::SignIn).await?;
        db::device::is_of(&mut scope, &device.id_sha256, emails, services.clock.now()).await
    };
    match looked_up.await {
        Ok(true) => Some(attempt),
        Ok(false) => None,
        Err(error) => {
            error.log();
            attempt.not_made();
            None
        }
    }
}

/// Makes the browser one by which this person is known, in place of what it was before, and gives what its cookie holds.
/// `None`: it could not be kept; signing in goes on without.
pub async fn know(services: &Identity, signed: Signed, before: Option<&Device>) -> Option<SecretString> {
    let (device, text) = services.devices.make();
    let until = services.clock.now() + device::KNOWN_FOR;
    let new = New { id_sha256: device.id_sha256, user: signed.user, epoch: signed.epoch, until };
    let kept: Result<()> = async {
        let mut scope = SystemScope::begin(&services.db.people, Reason::SignIn).await?;
        db::device::insert(&mut scope, &new, before.map(|device| &device.id_sha256)).await?;
        scope.commit().await
    }
    .await;
    match kept {
        Ok(()) => Some(text),
        Err(error) => {
            tracing::warn!(%error, "a browser is not kept as known");
            None
        }
    }
}
