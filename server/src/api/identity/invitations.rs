//! `/orgs/{org}/invitations`, and `/invitations` for who has a link.

use std::sync::Arc;

use api_types::{
    AcceptInvitation, CreateInvitation, CreatedInvitation, Invitation, List, OfferedInvitation, ViewInvitation,
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::IntoResponse,
};
use domain::InvitationId;
use secrecy::ExposeSecret;

use super::auth::start_session;
use crate::{
    api::support::{
        authorize::{Allowed, ClientAddress, ReadMembers, Visitor, WriteMembers},
        body::{Body, SMALL},
        page::{Page, Query, page},
    },
    db::{self, OrgScope, audit::Source},
    error::Result,
    service::{self, Services},
};

/// Lists the org's invitations that can still be taken up.
#[utoipa::path(
    get,
    path = "/orgs/{org}/invitations",
    tag = "members",
    params(Page),
    responses((status = OK, body = List<Invitation>)),
    security(("bearer" = ["members:read"])),
)]
pub async fn list_invitations(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadMembers>,
    Query(query): Query<Page>,
) -> Result<Json<List<Invitation>>> {
    let (limit, after) = (query.limit()?, query.after::<InvitationId>()?);
    let mut scope = OrgScope::begin(&services.db.people, access.0.org.id).await?;
    let rows = db::invitation::list(&mut scope, services.clock.now(), after, limit + 1).await?;
    Ok(Json(page(rows, limit, |row| row.id.to_string(), invitation)))
}

/// Invites a person; the answer has the link.
#[utoipa::path(
    post,
    path = "/orgs/{org}/invitations",
    tag = "members",
    request_body = CreateInvitation,
    responses(
        (status = CREATED, body = CreatedInvitation),
        (status = CONFLICT, description = "`member_exists`: the person belongs to the org already"),
    ),
    security(("bearer" = ["members:write"])),
)]
pub async fn create_invitation(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteMembers>,
    Body(new): Body<CreateInvitation>,
) -> Result<(StatusCode, Json<CreatedInvitation>)> {
    let made = service::identity::invitation::create(&services, &access.0, &new).await?;
    let url = made.url.expose_secret().to_owned();
    Ok((StatusCode::CREATED, Json(CreatedInvitation { invitation: invitation(made.row), url })))
}

/// Takes an invitation back.
#[utoipa::path(
    delete,
    path = "/orgs/{org}/invitations/{id}",
    tag = "members",
    responses((status = NO_CONTENT)),
    security(("bearer" = ["members:write"])),
)]
pub async fn delete_invitation(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteMembers>,
    Path((_, id)): Path<(String, String)>,
) -> Result<StatusCode> {
    service::identity::invitation::revoke(&services, &access.0, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows who has the link what it offers.
#[utoipa::path(
    post,
    path = "/invitations/view",
    tag = "members",
    request_body = ViewInvitation,
    responses(
        (status = OK, body = OfferedInvitation),
        (status = NOT_FOUND, description = "`not_found`: wrong, used, taken back or too late"),
        (status = CONFLICT, description = "`role_gone`"),
        (status = TOO_MANY_REQUESTS, description = "`too_many_attempts`"),
    ),
    security(()),
)]
pub async fn view_invitation(
    State(services): State<Arc<Services>>,
    ClientAddress(address): ClientAddress,
    Body(link): Body<ViewInvitation, SMALL>,
) -> Result<Json<OfferedInvitation>> {
    let (offered, role) = service::identity::invitation::view(&services.identity, &link.token, address).await?;
    Ok(Json(OfferedInvitation {
        org: offered.org,
        org_name: offered.org_name,
        email: offered.email,
        role,
        expires_at: offered.expires_at,
        has_password: offered.has_password,
    }))
}

/// Takes an invitation up and signs the person in: the answer sets the session's cookie.
#[utoipa::path(
    post,
    path = "/invitations/accept",
    tag = "members",
    request_body = AcceptInvitation,
    responses(
        (status = NO_CONTENT),
        (status = UNAUTHORIZED, description = "`unauthorized`: the person has another password"),
        (status = NOT_FOUND, description = "`not_found`: wrong, used, taken back or too late"),
        (status = CONFLICT, description = "`member_exists`, `role_gone`, `inviter_lost_right`, `password_needed`, `try_again`"),
        (status = TOO_MANY_REQUESTS, description = "`too_many_attempts`"),
    ),
    security(()),
)]
pub async fn accept_invitation(
    State(services): State<Arc<Services>>,
    visitor: Visitor,
    Body(accept): Body<AcceptInvitation, SMALL>,
) -> Result<impl IntoResponse> {
    let knock = visitor.knock("accept_invitation", Source::Console);
    let signed = service::identity::invitation::accept(&services.identity, accept, &knock).await?;
    start_session(&services, visitor, signed).await
}

fn invitation(row: db::invitation::Row) -> Invitation {
    Invitation {
        id: row.id.0,
        email: row.email,
        role: row.role,
        invited_by: row.invited_by,
        created_at: row.created_at,
        expires_at: row.expires_at,
    }
}
