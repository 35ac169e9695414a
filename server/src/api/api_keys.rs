//! `/orgs/{org}/api-keys`. The key itself is in the answers of making and rotating, and nowhere else.

use std::sync::Arc;

use api_types::{ApiKey, CreateApiKey, CreatedApiKey, KeyOwner, List, RotateApiKey, UpdateApiKey};
use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::IntoResponse,
};
use domain::{ApiKeyId, UserId};
use uuid::Uuid;

use crate::{
    api::support::{
        authorize::{Allowed, ReadKeys, WriteKeys},
        body::Body,
        page::{FromQuery, Page, Parameters, Query, page},
        tagged::{IfMatch, Tagged},
    },
    auth,
    db::{self, OrgScope},
    directory::Emails,
    error::Result,
    service::{self, Services},
};

/// The filters of the list.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct KeysQuery {
    /// Only those that are revoked, or with `false` those that are not; all of them unless given.
    revoked: Option<bool>,
    /// Only those that the person with this id answers for.
    owner: Option<Uuid>,
    #[param(ignore)]
    page: Page,
}

impl FromQuery for KeysQuery {
    fn take(parameters: &mut Parameters) -> Result<Self> {
        Ok(Self {
            revoked: parameters.value("revoked", "must be `true` or `false`")?,
            owner: parameters.value("owner", "must be the id of a person")?,
            page: Page::take(parameters)?,
        })
    }
}

/// Lists the org's keys, revoked ones included.
#[utoipa::path(
    get,
    path = "/orgs/{org}/api-keys",
    tag = "api-keys",
    params(KeysQuery, Page),
    responses((status = OK, body = List<ApiKey>)),
    security(("bearer" = ["keys:read"])),
)]
pub async fn list_api_keys(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadKeys>,
    Query(KeysQuery { revoked, owner, page: asked }): Query<KeysQuery>,
) -> Result<Json<List<ApiKey>>> {
    let (limit, after) = (asked.limit()?, asked.after::<ApiKeyId>()?);
    let mut scope = OrgScope::begin(&services.db.people, access.0.org.id).await?;
    let rows = db::api_key::list(&mut scope, db::api_key::Filter { revoked, owner }, after, limit + 1).await?;
    drop(scope);
    let emails = services.directory.emails(rows.iter().flat_map(people_of)).await?;
    Ok(Json(page(rows, limit, |row| row.id.to_string(), |row| api_key(&emails, row))))
}

/// Makes a key and shows it once.
#[utoipa::path(
    post,
    path = "/orgs/{org}/api-keys",
    tag = "api-keys",
    request_body = CreateApiKey,
    responses((status = CREATED, body = CreatedApiKey)),
    security(("bearer" = ["keys:write"])),
)]
pub async fn create_api_key(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteKeys>,
    Body(new): Body<CreateApiKey>,
) -> Result<impl IntoResponse> {
    let made = service::identity::key::create(&services, &access.0, &new).await?;
    Ok((StatusCode::CREATED, shown_once(&services, made).await?))
}

/// Changes a key: its name, role, owner, end, or how long its calls are held.
///
/// Needs a person. Who owned a key before may not decide on its requests either.
#[utoipa::path(
    patch,
    path = "/orgs/{org}/api-keys/{id}",
    tag = "api-keys",
    request_body = UpdateApiKey,
    responses((status = OK, body = ApiKey), (status = CONFLICT, description = "`key_revoked`, `key_expired`")),
    security(("bearer" = ["keys:write"])),
)]
pub async fn update_api_key(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteKeys>,
    Path((_, id)): Path<(String, String)>,
    IfMatch(seen): IfMatch,
    Body(to): Body<UpdateApiKey>,
) -> Result<Tagged<ApiKey>> {
    let row = service::identity::key::update(&services, &access.0, &id, &to, &seen).await?;
    let emails = services.directory.emails(people_of(&row)).await?;
    Ok(Tagged::ok(api_key(&emails, row)))
}

/// Gives a key a new secret and shows it once.
#[utoipa::path(
    post,
    path = "/orgs/{org}/api-keys/{id}/rotate",
    tag = "api-keys",
    request_body = RotateApiKey,
    responses((status = OK, body = CreatedApiKey), (status = CONFLICT, description = "`key_revoked`, `key_expired`, `too_many_secrets`")),
    security(("bearer" = ["keys:write"])),
)]
pub async fn rotate_api_key(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteKeys>,
    Path((_, id)): Path<(String, String)>,
    Body(how): Body<RotateApiKey>,
) -> Result<impl IntoResponse> {
    let made = service::identity::key::rotate(&services, &access.0, &id, &how).await?;
    shown_once(&services, made).await
}

/// Revokes a key.
#[utoipa::path(
    delete,
    path = "/orgs/{org}/api-keys/{id}",
    tag = "api-keys",
    responses((status = NO_CONTENT)),
    security(("bearer" = ["keys:write"])),
)]
pub async fn revoke_api_key(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteKeys>,
    Path((_, id)): Path<(String, String)>,
    IfMatch(seen): IfMatch,
) -> Result<StatusCode> {
    service::identity::key::revoke(&services, &access.0, &id, &seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn shown_once(
    services: &Services,
    (row, key): (db::api_key::Row, auth::api_key::ApiKey),
) -> Result<impl IntoResponse + use<>> {
    let emails = services.directory.emails(people_of(&row)).await?;
    let shown = api_key(&emails, row);
    let body = CreatedApiKey { shown, key: key.expose().to_owned() };
    Ok(([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body)))
}

/// Those whom a key's row names. The owner may be an administrator of the instance, who is no member.
fn people_of(row: &db::api_key::Row) -> impl Iterator<Item = UserId> + use<> {
    [row.owner_id, row.created_by].into_iter().chain(row.rotated_by.map(UserId))
}

fn api_key(emails: &Emails, row: db::api_key::Row) -> ApiKey {
    let person = |id: UserId| KeyOwner { id: id.0, email: emails.of(id) };
    ApiKey {
        etag: service::identity::key::etag(&row),
        id: row.id.0,
        name: row.name,
        prefix: row.prefix,
        role: row.role,
        owner: person(row.owner_id),
        created_by: person(row.created_by),
        rotated_by: row.rotated_by.map(|id| person(UserId(id))),
        hold_seconds: row.hold_seconds.and_then(|seconds| u8::try_from(seconds).ok()),
        created_at: row.created_at,
        last_used_at: row.last_used_at,
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
    }
}
