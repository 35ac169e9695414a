//! What people change about their own account.

use std::sync::Arc;

use api_types::{ChangePassword, UpdateMe};
use secrecy::SecretString;
use serde_json::json;

use super::sign_in::{self, Spellings, hashed, too_many};
use crate::{
    auth::password,
    db::{self, Reason, SystemScope},
    error::{Error, Result},
    service::{
        Base, Identity,
        access::{Actor, still_valid},
        label::label,
        on_record::{self, Asked},
        signed::Whence,
    },
};

/// Changes what people call a person. What changes nothing is not on record.
///
/// # Errors
/// `person_required` for a key; a wrong name; unauthorized when the credential has ended meanwhile.
pub async fn update(services: &Base, actor: &Actor, to: &UpdateMe) -> Result<()> {
    let user = actor.person()?;
    let Some(name) = &to.name else { return Ok(()) };
    let name = label("name", name)?;
    still_valid(services, actor).await?;
    let mut scope = SystemScope::begin(&services.db.people, Reason::Instance).await?;
    if !db::user::rename(&mut scope, user, name).await? {
        return Ok(());
    }
    let asked =
        Asked { request: Some(json!({"name": name})), ..Asked::new("update_me", actor.source(), actor.request_id) };
    on_record::account(services, &mut scope, (user, &actor.name), &asked).await?;
    scope.commit().await?;
    services.directory.refresh().await
}

/// Changes a person's password, for who knows the present one. The session that this is asked in goes on; every other one
/// ends, and every login token, and the browsers are forgotten by which they were known.
///
/// # Errors
/// `person_required` for a key; 422 for a wrong `current`, which counts as a failed log-in does, or a `new` that breaks the
/// rules; `too_many_attempts`; 409: `no_password`, `try_again` when the password changed at the same moment.
pub async fn change_password(
    services: &Arc<Identity>,
    actor: &Actor,
    change: ChangePassword,
    whence: &Whence,
) -> Result<()> {
    let user = actor.person()?;
    let slowed = |wait| {
        let error = too_many(wait);
        let asked = Asked::new("change_password", actor.source(), actor.request_id);
        on_record::bad_sign_in(&services.base, (user, actor.name.to_string()), asked, &error);
        error
    };
    let attempt = sign_in::attempt(services, &Spellings::of(&actor.name), whence).await.map_err(slowed)?;
    let checked = async {
        let mut scope = SystemScope::begin(&services.db.people, Reason::SignIn).await?;
        let hash = db::user::password_hash(&mut scope, user).await?;
        drop(scope);
        let hash = hash.ok_or_else(|| Error::conflict("no_password", "you have no password that could be changed"))?;
        password::verify(SecretString::from(change.current), hash).await.map_err(super::sign_in::trouble)
    };
    match checked.await {
        Ok(true) => attempt.succeeded(),
        Ok(false) => {
            if let Some(wait) = attempt.failed() {
                return Err(slowed(wait));
            }
            return Err(Error::invalid("current", "is not your password"));
        }
        Err(error) => {
            attempt.not_made();
            return Err(error);
        }
    }
    let hash = hashed(SecretString::from(change.new)).await.map_err(of_new)?;
    let mut scope = SystemScope::begin(&services.db.people, Reason::Instance).await?;
    let Some(epoch) = db::user::change_password(&mut scope, user, actor.epoch, &hash).await? else {
        return Err(Error::conflict("try_again", "your password was changed at this moment; sign in again"));
    };
    db::device::forget(&mut scope, user).await?;
    db::session::keep_only(&mut scope, user, actor.session, epoch).await?;
    let asked = Asked::new("change_password", actor.source(), actor.request_id);
    on_record::account(services, &mut scope, (user, &actor.name), &asked).await?;
    scope.commit().await?;
    services.directory.refresh().await?;
    tracing::info!(user.id = %user, "password changed");
    Ok(())
}

/// The same error, for the field as it is called here.
fn of_new(error: Error) -> Error {
    match error.fields.first() {
        Some(field) => Error::invalid("new", field.message.clone()),
        None => error,
    }
}
