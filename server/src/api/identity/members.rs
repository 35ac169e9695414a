//! `/orgs/{org}/members`.

use std::sync::Arc;

use api_types::{CreateMember, List, Member, UpdateMember};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::MemberId;

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

/// Lists the org's members.
#[utoipa::path(
    get,
    path = "/orgs/{org}/members",
    tag = "members",
    params(Page),
    responses((status = OK, body = List<Member>)),
    security(("bearer" = ["members:read"])),
)]
pub async fn list_members(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadMembers>,
    Query(query): Query<Page>,
) -> Result<Json<List<Member>>> {
    let (limit, after) = (query.limit()?, query.after::<MemberId>()?);
    let mut scope = OrgScope::begin(&services.db.people, access.0.org.id).await?;
    let rows = db::member::list(&mut scope, after, limit + 1).await?;
    Ok(Json(page(rows, limit, |row| row.id.to_string(), member)))
}

/// Adds a person to the org.
#[utoipa::path(
    post,
    path = "/orgs/{org}/members",
    tag = "members",
    request_body = CreateMember,
    responses((status = CREATED, body = Member), (status = CONFLICT, description = "`member_exists`, `invitation_needed`: they have an account, and join by themselves")),
    security(("bearer" = ["members:write"])),
)]
pub async fn create_member(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteMembers>,
    Body(new): Body<CreateMember>,
) -> Result<Tagged<Member>> {
    let row = service::identity::member::create(&services, &access.0, &new).await?;
    Ok(Tagged::created(member(row)))
}

/// Gives a member another role. The member's keys may then do no more than the member may.
#[utoipa::path(
    patch,
    path = "/orgs/{org}/members/{id}",
    tag = "members",
    params(Consent),
    request_body = UpdateMember,
    responses(
        (status = OK, body = Member),
        (status = CONFLICT, description = "`last_admin`; without `force` also `owns_keys` and `stops_decisions`, with `affected`"),
    ),
    security(("bearer" = ["members:write"])),
)]
pub async fn update_member(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteMembers>,
    Path((_, id)): Path<(String, String)>,
    IfMatch(seen): IfMatch,
    Query(consent): Query<Consent>,
    Body(to): Body<UpdateMember>,
) -> Result<Tagged<Member>> {
    let row = service::identity::member::update(&services, &access.0, &id, &to, &seen, consent.force).await?;
    Ok(Tagged::ok(member(row)))
}

/// Removes a member from the org. With `force` the member's keys are revoked, and the secrets end that the member made on
/// keys of others.
#[utoipa::path(
    delete,
    path = "/orgs/{org}/members/{id}",
    tag = "members",
    params(Consent),
    responses(
        (status = NO_CONTENT),
        (status = CONFLICT, description = "`last_admin`; without `force` also `owns_keys` and `stops_decisions`, with `affected`"),
    ),
    security(("bearer" = ["members:write"])),
)]
pub async fn delete_member(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteMembers>,
    Path((_, id)): Path<(String, String)>,
    IfMatch(seen): IfMatch,
    Query(consent): Query<Consent>,
) -> Result<StatusCode> {
    service::identity::member::delete(&services, &access.0, &id, &seen, consent.force).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn member(row: db::member::Row) -> Member {
    Member {
        etag: service::identity::member::etag(&row),
        id: row.id.0,
        user_id: row.user_id.0,
        email: row.email,
        name: row.name,
        role: row.role,
        created_at: row.created_at,
    }
}
