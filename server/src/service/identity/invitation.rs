//! Inviting people by link. The link's token is all the proof there is, so what an invitation gives is
//! checked again when it is taken up: against the inviter's rights and the role as they are then.

use std::{net::IpAddr, sync::Arc};

use api_types::{AcceptInvitation, CreateInvitation};
use chrono::TimeDelta;
use domain::{InvitationId, MemberId, Right, UserId};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{
    role,
    sign_in::{Knock, hashed, sign_in, too_many},
};
use crate::{
    db::{
        self, OrgScope, Reason, SystemScope,
        invitation::{Locked, New, Offered},
    },
    error::{Error, Result},
    random,
    service::{
        Base, Identity,
        access::{Actor, OrgAccess},
        change::{self, About},
        label::{email, label},
        signed::Signed,
    },
};

/// How long a link works.
const LIFETIME: TimeDelta = TimeDelta::days(7);

/// An invitation just made.
pub struct NewInvitation {
    /// What is kept of it.
    pub row: db::invitation::Row,
    /// Its link; the token stands in the fragment, so that it comes into no server's log.
    pub url: SecretString,
}

/// Invites a person, in place of an earlier invitation of theirs to this org.
///
/// # Errors
/// `person_required` for a key; a wrong e-mail or role; a role that allows more than one's own; a
/// person who belongs to the org already (`member_exists`).
pub async fn create(services: &Base, access: &OrgAccess, new: &CreateInvitation) -> Result<NewInvitation> {
    let inviter = access.actor.person()?;
    let email = email(&new.email)?;
    let mut scope = change::begin(services, access).await?;
    let role = role::to_give(&mut scope, access, &new.role).await?;
    if db::member::find_person(&mut scope, &email).await?.is_some() {
        return Err(member_exists(&email));
    }
    let token = SecretString::from(random::text::<32>());
    let now = services.clock.now();
    let made = New {
        id: InvitationId::new(),
        email: &email,
        role: role.id,
        invited_by: inviter,
        token_sha256: sha256(token.expose_secret()),
        created_at: now,
        expires_at: now + LIFETIME,
    };
    db::invitation::put(&mut scope, &made).await?;
    let row = db::invitation::Row {
        id: made.id,
        email: email.clone(),
        role: Some(role.name),
        invited_by: Some(access.actor.name.to_string()),
        created_at: made.created_at,
        expires_at: made.expires_at,
    };
    let answer = json!({"id": row.id, "expires_at": row.expires_at});
    change::commit(services, scope, &access.actor, "create_invitation", new, Some(&answer)).await?;
    let mut url = services.public_url.clone();
    url.set_path("/invite");
    url.set_fragment(Some(token.expose_secret()));
    Ok(NewInvitation { row, url: SecretString::from(url.to_string()) })
}

/// Takes an invitation back: its link no longer works.
///
/// # Errors
/// `person_required` for a key; not found, also for one that was taken up.
pub async fn revoke(services: &Base, access: &OrgAccess, id: &str) -> Result<()> {
    access.actor.person()?;
    let id = id.parse().map_err(|_| Error::not_found())?;
    let mut scope = change::begin(services, access).await?;
    let email = db::invitation::delete(&mut scope, id).await?.ok_or_else(Error::not_found)?;
    change::commit(services, scope, &access.actor, "delete_invitation", &email, None::<&()>).await
}

/// What the invitation with this token offers.
///
/// # Errors
/// Not found for a token that is wrong, used, revoked or expired, all alike; `too_many_attempts` after
/// many of them from this address; `role_gone` (409).
pub async fn view(services: &Identity, token: &str, address: IpAddr) -> Result<(Offered, String)> {
    let token_sha256 = sha256(token);
    // Nobody guesses 256 bits; whoever tries is an address that makes work.
    let attempt = services.throttle.check(&hex::encode(token_sha256), address).map_err(too_many)?;
    match find(services, &token_sha256).await {
        // Dropping the attempt counts it as a failure.
        Ok(None) => Err(Error::not_found()),
        Ok(Some(offered)) => {
            attempt.not_made();
            let role = offered.role.clone().ok_or_else(role_gone)?;
            Ok((offered, role))
        }
        Err(error) => {
            attempt.not_made();
            Err(error)
        }
    }
}

async fn find(services: &Base, token_sha256: &[u8; 32]) -> Result<Option<Offered>> {
    let mut scope = SystemScope::begin(&services.db.people, Reason::SignIn).await?;
    db::invitation::find_unscoped(&mut scope, token_sha256, services.clock.now()).await
}

/// Takes an invitation up: makes the person where there is none, adds them to the org, and uses the
/// invitation up, all in one transaction. Whoever has a password proves to be that person by it.
///
/// # Errors
/// As [`view`]; `unauthorized` for a wrong password, as at the log-in; a wrong name or new password;
/// 409: `member_exists`, `role_gone`, `inviter_lost_right`, `password_needed`, `try_again`.
pub async fn accept(services: &Arc<Identity>, accept: AcceptInvitation, knock: &Knock) -> Result<Signed> {
    let AcceptInvitation { token, password, name } = accept;
    let (offered, _) = view(services, &token, knock.whence.address).await?;
    let password = SecretString::from(password);
    let proof = if offered.has_password {
        Proof::Password(sign_in(services, &offered.email, password, knock).await?)
    } else {
        let local = offered.email.split('@').next().unwrap_or_default();
        let name = label("name", name.as_deref().unwrap_or(local))?.to_owned();
        Proof::FirstPassword { hash: hashed(password).await?, name }
    };
    // People belong to no org, so making one is work of the instance.
    let mut scope = OrgScope::system(&services.db.people, offered.org_id, Reason::Instance).await?;
    let found = db::invitation::lock(&mut scope, &sha256(&token), services.clock.now()).await?;
    let invitation = found.ok_or_else(Error::not_found)?;
    let role = role_to_have(&mut scope, &invitation).await?;
    let signed = person(&mut scope, &invitation.email, &proof).await?;
    if !db::member::insert(&mut scope, MemberId::new(), signed.user, role.id).await? {
        return Err(member_exists(&invitation.email));
    }
    db::invitation::delete(&mut scope, invitation.id).await?;
    let actor = Actor::new_person(signed, &invitation.email, knock.request_id);
    let Locked { id, email, invited_by, .. } = &invitation;
    let recorded = json!({"id": id, "email": email, "role": role.name, "invited_by": invited_by});
    let about = About::default();
    change::record(services, &mut scope, Some(&actor), "accept_invitation", &recorded, None::<&()>, &about).await?;
    scope.commit().await?;
    services.directory.refresh().await?;
    Ok(signed)
}

/// Removes invitations that have expired.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn sweep(services: &Base) -> Result<()> {
    let mut scope = SystemScope::begin(&services.db.upkeep, Reason::Sweep).await?;
    db::invitation::sweep(&mut scope, services.clock.now()).await?;
    scope.commit().await
}

/// How somebody with the link proves to be the person, or becomes them.
enum Proof {
    /// By the password they have.
    Password(Signed),
    /// They have none yet: this becomes it.
    FirstPassword { hash: String, name: String },
}

/// The role, as long as the inviter could still give it.
async fn role_to_have(scope: &mut OrgScope, invitation: &Locked) -> Result<db::role::Row> {
    let inviter = match invitation.invited_by {
        Some(inviter) => db::role::hold_of_person(scope, inviter).await?,
        None => None,
    };
    let role = db::role::hold_one(scope, invitation.role_id).await?.ok_or_else(role_gone)?;
    let rights = inviter.map(|inviter| inviter.rights).unwrap_or_default();
    let may_invite = rights.iter().any(|word| word.parse() == Ok(Right::WriteMembers));
    if may_invite && role.rights.iter().all(|right| rights.contains(right)) {
        return Ok(role);
    }
    Err(Error::conflict(
        "inviter_lost_right",
        "who invited you may no longer do so, or not with this role; ask for a new invitation",
    ))
}

/// The person with this e-mail, made where there is none.
async fn person(scope: &mut OrgScope, email: &str, proof: &Proof) -> Result<Signed> {
    match (proof, db::user::lock_by_email(scope, email).await?) {
        (Proof::Password(signed), Some(found)) if found.id == signed.user && found.epoch == signed.epoch => Ok(*signed),
        (Proof::FirstPassword { hash, name }, None) => {
            let id = UserId::new();
            let new = db::user::New { email, name, password_hash: Some(hash) };
            if db::user::insert(scope, id, &new).await? { Ok(Signed { user: id, epoch: 0 }) } else { Err(try_again()) }
        }
        (Proof::FirstPassword { hash, .. }, Some(found)) if found.password_hash.is_none() => {
            // The link went through the hands of whoever invites. Where others know the person already,
            // that is not enough to become them.
            if db::user::is_known_elsewhere(scope, found.id).await? {
                return Err(Error::conflict(
                    "password_needed",
                    format!(
                        "`{email}` belongs to another org and has no password yet; the administrator of this server sets it"
                    ),
                ));
            }
            db::user::set_first_password(scope, found.id, hash).await?;
            Ok(Signed { user: found.id, epoch: found.epoch })
        }
        _ => Err(try_again()),
    }
}

fn try_again() -> Error {
    Error::conflict("try_again", "the person or their password changed at this moment; open the link again")
}

fn role_gone() -> Error {
    Error::conflict("role_gone", "the role of this invitation was deleted; ask for a new invitation")
}

fn member_exists(email: &str) -> Error {
    Error::conflict("member_exists", format!("`{email}` belongs to this org already"))
}

fn sha256(token: &str) -> [u8; 32] {
    wire::canonical::sha256(token.as_bytes())
}
