//! Signing in with e-mail and password. Whether an account exists is told to nobody: an unknown
//! account costs the same time and gets the same answer as a wrong password. Also the first
//! administrator, and new passwords for who has lost theirs.

use std::{sync::Arc, time::Duration};

use domain::UserId;
use secrecy::SecretString;
use serde_json::json;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::device;
use crate::{
    auth::password::{self, PasswordError},
    db::{self, Reason, SystemScope, audit::Source, user::Credentials},
    error::{Error, Kind, Result},
    limit::throttle::{self, Attempt, network},
    metrics,
    service::{
        Base, Identity,
        label::{email, normalised},
        on_record::{self, Asked},
        signed::{Signed, Whence},
    },
};

/// Somebody's attempt to sign in, as its record says it.
#[derive(Clone, Debug)]
pub struct Knock {
    /// The operation.
    pub action: &'static str,
    /// Where it came from: the console or the REST API.
    pub source: Source,
    /// The client's address, and what it says it is.
    pub whence: Whence,
    /// The request.
    pub request_id: Uuid,
}

impl Knock {
    fn asked(&self, email: &str) -> Asked {
        Asked {
            request: Some(json!({"email": email, "address": self.whence.address})),
            client: self.whence.client.clone(),
            ..Asked::new(self.action, self.source, self.request_id)
        }
    }
}

/// Checks a person's password, and puts on record that they signed in, or that somebody tried to as them.
///
/// # Errors
/// `unauthorized` for an unknown account as for a wrong password; `too_many_attempts`, saying when
/// to come back, after many failures of the account or the address.
pub async fn sign_in(services: &Arc<Identity>, address: &str, password: SecretString, knock: &Knock) -> Result<Signed> {
    let spellings = Spellings::of(address);
    let attempt = match attempt(services, &spellings, &knock.whence).await {
        Ok(attempt) => attempt,
        Err(wait) => {
            let (slowed, asked) = (too_many(wait), knock.asked(spellings.first()));
            on_record::slowed_sign_in(&services.base, spellings.0, asked, &slowed);
            return Err(slowed);
        }
    };
    let checked = match check(services, &spellings, password).await {
        Ok(checked) => checked,
        Err(error) => {
            attempt.not_made();
            return Err(error);
        }
    };
    if let Some((signed, email)) = checked.signed() {
        attempt.succeeded();
        let mut scope = SystemScope::begin(&services.db.people, Reason::SignIn).await?;
        on_record::account(services, &mut scope, (signed.user, email), &knock.asked(email)).await?;
        let now = services.clock.now();
        let network = network(knock.whence.address).to_string();
        db::user::note_place(&mut scope, signed.user, &network, now, now - throttle::KNOWN_FOR).await?;
        scope.commit().await?;
        tracing::info!(user.id = %signed.user, "signed in");
        metrics::sign_in("ok");
        return Ok(signed);
    }
    let refused = match attempt.failed() {
        Some(wait) => too_many(wait),
        None => {
            metrics::sign_in("refused");
            Error::new(Kind::Unauthorized, "unauthorized", "the e-mail or the password is wrong")
        }
    };
    if let Some((user, email)) = checked.person {
        let asked = knock.asked(&email);
        on_record::bad_sign_in(&services.base, (user.user, email), asked, &refused);
    }
    Err(refused)
}

/// How many refused attempts look up at once whether the account is known there: strangers cause that.
static LOOK_UPS: Semaphore = Semaphore::const_new(2);

/// Counts an attempt. A browser by which the account is known has an allowance of its own; so has an account that signed in
/// from this network before, also where another replica, or this one before it was started anew, saw that.
///
/// # Errors
/// How long to wait.
pub(super) async fn attempt(services: &Identity, spellings: &Spellings, whence: &Whence) -> Result<Attempt, Duration> {
    let address = whence.address;
    if let Some(attempt) = device::attempt(services, &spellings.0, whence).await {
        return Ok(attempt);
    }
    let wait = match services.throttle.check(spellings.first(), address) {
        Ok(attempt) => return Ok(attempt),
        Err(wait) => wait,
    };
    let Ok(_turn) = LOOK_UPS.try_acquire() else { return Err(wait) };
    let looked_up = async {
        let since = services.clock.now() - throttle::KNOWN_FOR;
        let mut scope = SystemScope::begin(&services.db.people, Reason::SignIn).await?;
        db::user::has_place(&mut scope, &spellings.0, &network(address).to_string(), since).await
    };
    if !looked_up.await.unwrap_or(false) {
        return Err(wait);
    }
    services.throttle.make_known(spellings.first(), address);
    services.throttle.check(spellings.first(), address)
}

/// An e-mail as it is looked up: normalised, and as it was typed, which is how an earlier version kept it.
pub(super) struct Spellings(Vec<String>);

impl Spellings {
    pub(super) fn of(address: &str) -> Self {
        let typed = address.trim().to_lowercase();
        let normal = normalised(address);
        // Postgres cannot even look for U+0000.
        let mut all: Vec<String> = [normal, typed].into_iter().filter(|text| !text.contains('\0')).collect();
        all.dedup();
        Self(all)
    }

    fn first(&self) -> &str {
        self.0.first().map(String::as_str).unwrap_or_default()
    }
}

/// What came of comparing.
struct Checked {
    /// Who has the account, and its e-mail, if there is one.
    person: Option<(Signed, String)>,
    right: bool,
}

impl Checked {
    fn signed(&self) -> Option<(Signed, &str)> {
        self.person.as_ref().filter(|_| self.right).map(|(signed, email)| (*signed, &**email))
    }
}

/// Looks the person up and compares.
async fn check(services: &Base, spellings: &Spellings, password: SecretString) -> Result<Checked> {
    let mut scope = SystemScope::begin(&services.db.people, Reason::SignIn).await?;
    let mut found = None;
    for email in &spellings.0 {
        if found.is_none() {
            found = db::user::find_by_email_unscoped(&mut scope, email).await?.map(|person| (person, email.clone()));
        }
    }
    // No connection is held while the hash is computed.
    drop(scope);
    match found {
        Some((Credentials { id, password_hash: Some(hash), epoch }, email)) => {
            let right = password::verify(password, hash).await.map_err(trouble)?;
            Ok(Checked { person: Some((Signed { user: id, epoch }, email)), right })
        }
        other => {
            password::verify_nobody(password).await.map_err(trouble)?;
            let person = other.map(|(person, email)| (Signed { user: person.id, epoch: person.epoch }, email));
            Ok(Checked { person, right: false })
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

pub(super) fn trouble(error: PasswordError) -> Error {
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
pub async fn first_administrator(services: &Base, address: &str, password: &str) -> Result<bool> {
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
    let user = UserId::new();
    let made = db::user::insert_first_admin(&mut scope, user, &new).await?;
    if !made && !db::user::instance_admin_exists(&mut scope).await? {
        return Err(Error::conflict("person_exists", format!("`{email}` exists already and is no administrator")));
    }
    if made {
        let asked = Asked {
            request: Some(json!({"email": email, "user_id": user})),
            ..Asked::new("first_administrator", Source::Job, Uuid::now_v7())
        };
        on_record::by_operator(services, &mut scope, user, &asked).await?;
    }
    scope.commit().await?;
    services.directory.refresh().await?;
    Ok(made)
}

/// Sets a person's password, ends their console sessions, voids every token issued before and forgets the browsers by
/// which they were known.
///
/// # Errors
/// No such person; a wrong password.
pub async fn reset_password(services: &Base, address: &str, password: &str) -> Result<()> {
    let hash = hashed(SecretString::from(password.to_owned())).await?;
    let mut scope = SystemScope::begin(&services.db.people, Reason::Instance).await?;
    let mut person = None;
    for spelling in &Spellings::of(address).0 {
        if person.is_none() {
            person = db::user::find_by_email_unscoped(&mut scope, spelling).await?;
        }
    }
    let person =
        person.ok_or_else(|| Error::new(Kind::NotFound, "not_found", format!("there is no person `{address}`")))?;
    db::user::reset_password(&mut scope, person.id, &hash).await?;
    db::session::delete_of_person(&mut scope, person.id).await?;
    db::device::forget(&mut scope, person.id).await?;
    let asked = Asked {
        request: Some(json!({"email": address, "user_id": person.id})),
        ..Asked::new("reset_password", Source::Job, Uuid::now_v7())
    };
    on_record::by_operator(services, &mut scope, person.id, &asked).await?;
    scope.commit().await?;
    services.directory.refresh().await?;
    tracing::info!(user.id = %person.id, "password reset");
    Ok(())
}

/// What who is slowed down is told.
pub(super) fn too_many(after: Duration) -> Error {
    metrics::sign_in("slowed");
    // Rounded up: who comes back a moment early would be refused again.
    let after = Duration::from_secs(after.as_secs() + 1);
    Error::new(
        Kind::TooMany(after),
        "too_many_attempts",
        format!("too many failed attempts; try again in {} s", after.as_secs()),
    )
}
