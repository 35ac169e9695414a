//! `/auth/login`, `/auth/session` and `/me`: signing in and out, and who one is.

use std::sync::Arc;

use api_types::{AccessToken, Login, Me, MyKind, MyOrg};
use axum::{
    Json,
    extract::State,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{AppendHeaders, IntoResponse},
};
use domain::{OrgId, Principal, Rights};
use secrecy::{ExposeSecret, SecretString};
use tower_sessions::Session;

use crate::{
    api::support::{
        authorize::{Known, Visitor},
        body::{Body, SMALL},
    },
    auth::{device::set_cookie, jwt, session::removal},
    db::{self, Reason, SystemScope, audit::Source, org::Standing},
    error::{Error, Result},
    service::{
        Services,
        access::{Actor, OrgAccess},
        identity::{device, session, sign_in::sign_in},
        signed::Signed,
    },
};

/// Signs a person in.
#[utoipa::path(
    post,
    path = "/auth/login",
    tag = "auth",
    request_body = Login,
    responses(
        (status = OK, body = AccessToken),
        (status = UNAUTHORIZED, description = "`unauthorized`: e-mail and password are not those of a person"),
        (status = TOO_MANY_REQUESTS, description = "`too_many_attempts`"),
    ),
    security(()),
)]
pub async fn login(
    State(services): State<Arc<Services>>,
    visitor: Visitor,
    Body(login): Body<Login, SMALL>,
) -> Result<impl IntoResponse> {
    let knock = visitor.knock("login", Source::Rest);
    let signed = sign_in(&services.identity, &login.email, SecretString::from(login.password), &knock).await?;
    let token = services.jwt.issue(signed.user.0, signed.epoch, services.clock.now()).map_err(Error::internal)?;
    let token = AccessToken {
        access_token: token.expose_secret().to_owned(),
        token_type: "Bearer".to_owned(),
        expires_in: jwt::LIFETIME_SECONDS.unsigned_abs(),
    };
    // RFC 6749, section 5.1: a token is not kept by caches.
    Ok(([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(token)))
}

/// Signs a person in at the console.
///
/// The answer sets the session's cookie, and another one by which the browser is known from now on: from it one's own
/// attempts are not refused because of somebody else's. Throttled and answered as the log-in is.
#[utoipa::path(
    post,
    path = "/auth/session",
    tag = "auth",
    request_body = Login,
    responses(
        (status = NO_CONTENT),
        (status = UNAUTHORIZED, description = "`unauthorized`: e-mail and password are not those of a person"),
        (status = TOO_MANY_REQUESTS, description = "`too_many_attempts`"),
    ),
    security(()),
)]
pub async fn create_session(
    State(services): State<Arc<Services>>,
    visitor: Visitor,
    Body(login): Body<Login, SMALL>,
) -> Result<impl IntoResponse> {
    let knock = visitor.knock("create_session", Source::Console);
    let signed = sign_in(&services.identity, &login.email, SecretString::from(login.password), &knock).await?;
    start_session(&services, visitor, signed).await
}

/// Signs the browser in, and makes it known.
///
/// # Errors
/// When Postgres cannot be reached.
pub(in crate::api) async fn start_session(
    services: &Services,
    visitor: Visitor,
    signed: Signed,
) -> Result<(StatusCode, AppendHeaders<Option<(HeaderName, HeaderValue)>>)> {
    let Visitor { session, whence, .. } = visitor;
    let before = whence.device;
    session::start(services, &session, signed, whence).await?;
    let device = device::know(&services.identity, signed, before.as_ref()).await;
    Ok((StatusCode::NO_CONTENT, cookie(device.map(|text| set_cookie(&text, services.is_https())))))
}

/// What an answer says about a cookie beside the session layer.
fn cookie(set: Option<String>) -> AppendHeaders<Option<(HeaderName, HeaderValue)>> {
    AppendHeaders(set.and_then(|set| HeaderValue::from_str(&set).ok()).map(|set| (header::SET_COOKIE, set)))
}

/// Tells who is signed in.
#[utoipa::path(get, path = "/auth/session", tag = "auth", responses((status = OK, body = Me)))]
pub async fn get_session(services: State<Arc<Services>>, known: Known) -> Result<Json<Me>> {
    get_me(services, known).await
}

/// Signs out: ends the session that the request came with.
///
/// Without a session that lives the answer is 401, as everywhere.
#[utoipa::path(
    delete,
    path = "/auth/session",
    tag = "auth",
    responses((status = NO_CONTENT), (status = CONFLICT, description = "`no_session`: the credential is a bearer token")),
)]
pub async fn delete_session(
    State(services): State<Arc<Services>>,
    Known(actor): Known,
    session: Session,
) -> Result<(StatusCode, AppendHeaders<Option<(HeaderName, HeaderValue)>>)> {
    session::end(&services, &session, &actor).await?;
    Ok((StatusCode::NO_CONTENT, cookie(services.is_https().then(removal))))
}

/// Who is asking, and what they may do where.
#[utoipa::path(get, path = "/me", tag = "auth", responses((status = OK, body = Me)))]
pub async fn get_me(State(services): State<Arc<Services>>, Known(actor): Known) -> Result<Json<Me>> {
    let (orgs, display_name) = match actor.key_org {
        Some(org) => (of_key(&services, &actor, org).await?.into_iter().collect(), None),
        None => {
            let mut scope = SystemScope::begin(&services.db.people, Reason::SignIn).await?;
            let found = db::org::of_person(&mut scope, actor.owner, actor.instance_admin).await?;
            (found.into_iter().map(of_person).collect(), db::user::name(&mut scope, actor.owner).await?)
        }
    };
    let email = services.directory.person(actor.owner).await?.map(|person| person.email.to_string());
    let Actor { principal, name, instance_admin, .. } = actor;
    let kind = match principal {
        Principal::User(_) => MyKind::Person,
        Principal::Key(_) => MyKind::ApiKey,
    };
    Ok(Json(Me { kind, id: principal.id(), name: name.to_string(), display_name, email, instance_admin, orgs }))
}

async fn of_key(services: &Services, actor: &Actor, org: OrgId) -> Result<Option<MyOrg>> {
    let Some(org) = services.directory.org(org).await? else { return Ok(None) };
    let access = OrgAccess::find(services, actor.clone(), org.slug.as_str()).await?;
    Ok(Some(MyOrg {
        id: access.org.id.0,
        slug: access.org.slug.to_string(),
        role: access.role_name.to_string(),
        records_only: access.org.records_only,
        rights: access.rights.iter().map(|right| right.to_string()).collect(),
    }))
}

fn of_person(Standing { id, slug, role, rights, records_only }: Standing) -> MyOrg {
    // A right this binary does not know was granted by a newer one; it opens nothing here.
    let rights: Rights = rights.iter().filter_map(|word| word.parse().ok()).collect();
    MyOrg { id: id.0, slug, role, records_only, rights: rights.iter().map(|right| right.to_string()).collect() }
}
