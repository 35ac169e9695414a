//! `/me`, `/me/password`, `/me/preferences` and `/me/orgs/{org}`: what people change about themselves.

use std::sync::Arc;

use api_types::{ChangePassword, Me, Preferences, UpdateMe};
use axum::{Json, extract::State, http::StatusCode};

use super::auth::get_me;
use crate::{
    api::support::{
        authorize::{Known, Member, Visitor},
        body::{Body, SMALL},
        consent::Consent,
        page::Query,
    },
    error::Result,
    service::{self, Services},
};

/// Changes one's own name. The e-mail stays.
#[utoipa::path(
    patch,
    path = "/me",
    tag = "auth",
    request_body = UpdateMe,
    responses((status = OK, body = Me), (status = FORBIDDEN, description = "`person_required`: a key is changed where keys are")),
)]
pub async fn update_me(
    State(services): State<Arc<Services>>,
    Known(actor): Known,
    Body(to): Body<UpdateMe, SMALL>,
) -> Result<Json<Me>> {
    service::identity::account::update(&services, &actor, &to).await?;
    get_me(State(services), Known(actor)).await
}

/// One's own settings of the console.
#[utoipa::path(
    get,
    path = "/me/preferences",
    tag = "auth",
    responses((status = OK, body = Preferences), (status = FORBIDDEN, description = "`person_required`: a key has none")),
)]
pub async fn get_preferences(State(services): State<Arc<Services>>, Known(actor): Known) -> Result<Json<Preferences>> {
    Ok(Json(service::identity::preferences::get(&services, &actor).await?))
}

/// Sets one's own settings of the console, all of them: what is left out is as it is for who never set any.
#[utoipa::path(
    put,
    path = "/me/preferences",
    tag = "auth",
    request_body = Preferences,
    responses((status = OK, body = Preferences), (status = FORBIDDEN, description = "`person_required`: a key has none")),
)]
pub async fn put_preferences(
    State(services): State<Arc<Services>>,
    Known(actor): Known,
    Body(to): Body<Preferences, SMALL>,
) -> Result<Json<Preferences>> {
    service::identity::preferences::put(&services, &actor, &to).await?;
    Ok(Json(to))
}

/// Changes one's own password.
///
/// Every other session of the person ends, and every login token, the one that came with this request as well. The browsers
/// are forgotten by which the person was known at the sign-in.
#[utoipa::path(
    put,
    path = "/me/password",
    tag = "auth",
    request_body = ChangePassword,
    responses(
        (status = NO_CONTENT),
        (status = CONFLICT, description = "`no_password`, `try_again`"),
        (status = FORBIDDEN, description = "`person_required`: a key has no password"),
        (status = TOO_MANY_REQUESTS, description = "`too_many_attempts`"),
    ),
)]
pub async fn change_password(
    State(services): State<Arc<Services>>,
    Known(actor): Known,
    visitor: Visitor,
    Body(change): Body<ChangePassword, SMALL>,
) -> Result<StatusCode> {
    service::identity::account::change_password(&services.identity, &actor, change, &visitor.whence).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Leaves an org. With `force` one's keys there are revoked, and the secrets end that one made on keys of others.
#[utoipa::path(
    delete,
    path = "/me/orgs/{org}",
    tag = "auth",
    params(Consent),
    responses(
        (status = NO_CONTENT),
        (
            status = CONFLICT,
            description = "`last_admin`, `no_member`: who administers the instance need not be one; without `force` also \
                           `owns_keys` and `stops_decisions`, with `affected`",
        ),
        (status = FORBIDDEN, description = "`person_required`: a key belongs to its org"),
    ),
)]
pub async fn leave_org(
    State(services): State<Arc<Services>>,
    Member(access): Member,
    Query(consent): Query<Consent>,
) -> Result<StatusCode> {
    service::identity::member::leave(&services, &access, consent.force).await?;
    Ok(StatusCode::NO_CONTENT)
}
