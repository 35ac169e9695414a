//! `/orgs/{org}/roles`.

use std::sync::Arc;

use api_types::{CreateRole, List, Role, UpdateRole};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};

use crate::{
    api::support::{
        authorize::{Allowed, ReadMembers, WriteMembers},
        body::Body,
        consent::Consent,
        page::{Page, Query, page},
        tagged::{IfMatch, Tagged},
    },
    db::{self, OrgScope},
    error::Result,
    service::{self, Services},
};

/// Lists the org's roles by name.
#[utoipa::path(
    get,
    path = "/orgs/{org}/roles",
    tag = "roles",
    params(Page),
    responses((status = OK, body = List<Role>)),
    security(("bearer" = ["members:read"])),
)]
pub async fn list_roles(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadMembers>,
    Query(query): Query<Page>,
) -> Result<Json<List<Role>>> {
    let limit = query.limit()?;
    let mut scope = OrgScope::begin(&services.db.people, access.0.org.id).await?;
    let rows = db::role::list(&mut scope, query.after::<String>()?.as_deref(), limit + 1).await?;
    Ok(Json(page(rows, limit, |row| row.name.clone(), role)))
}

/// Makes a role.
#[utoipa::path(
    post,
    path = "/orgs/{org}/roles",
    tag = "roles",
    request_body = CreateRole,
    responses((status = CREATED, body = Role), (status = CONFLICT, description = "`role_exists`")),
    security(("bearer" = ["members:write"])),
)]
pub async fn create_role(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteMembers>,
    Body(new): Body<CreateRole>,
) -> Result<Tagged<Role>> {
    let row = service::identity::role::create(&services, &access.0, &new).await?;
    Ok(Tagged::created(role(row)))
}

/// Renames a role or sets its rights.
#[utoipa::path(
    patch,
    path = "/orgs/{org}/roles/{role}",
    tag = "roles",
    params(Consent),
    request_body = UpdateRole,
    responses(
        (status = OK, body = Role),
        (
            status = CONFLICT,
            description = "`role_exists`, `role_builtin`, `role_in_use`; without `force` also `stops_decisions` and \
                           `owns_keys`, with `affected`",
        ),
    ),
    security(("bearer" = ["members:write"])),
)]
pub async fn update_role(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteMembers>,
    Path((_, name)): Path<(String, String)>,
    IfMatch(seen): IfMatch,
    Query(consent): Query<Consent>,
    Body(to): Body<UpdateRole>,
) -> Result<Tagged<Role>> {
    let row = service::identity::role::update(&services, &access.0, &name, &to, &seen, consent.force).await?;
    Ok(Tagged::ok(role(row)))
}

/// Deletes a role that nothing uses.
#[utoipa::path(
    delete,
    path = "/orgs/{org}/roles/{role}",
    tag = "roles",
    params(Consent),
    responses(
        (status = NO_CONTENT),
        (
            status = CONFLICT,
            description = "`role_builtin`, `role_in_use`, with `affected`; `force` deletes a role that only open \
                           invitations give",
        ),
    ),
    security(("bearer" = ["members:write"])),
)]
pub async fn delete_role(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteMembers>,
    Path((_, name)): Path<(String, String)>,
    IfMatch(seen): IfMatch,
    Query(consent): Query<Consent>,
) -> Result<StatusCode> {
    service::identity::role::delete(&services, &access.0, &name, &seen, consent.force).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn role(row: db::role::Row) -> Role {
    Role {
        etag: service::identity::role::etag(&row),
        id: row.id.0,
        name: row.name,
        rights: row.rights,
        builtin: row.builtin,
    }
}
