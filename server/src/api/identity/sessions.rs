//! `/auth/sessions`: a person's own console sessions.

use std::sync::Arc;

use api_types::{List, Session};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::SessionId;

use crate::{
    api::support::{
        authorize::Known,
        page::{Page, Query, page},
    },
    db::{self, Reason, SystemScope},
    error::Result,
    service::{self, Services},
};

/// Lists the sessions of the person who asks.
#[utoipa::path(
    get,
    path = "/auth/sessions",
    tag = "auth",
    params(Page),
    responses((status = OK, body = List<Session>), (status = FORBIDDEN, description = "`person_required`")),
)]
pub async fn list_sessions(
    State(services): State<Arc<Services>>,
    Known(actor): Known,
    Query(query): Query<Page>,
) -> Result<Json<List<Session>>> {
    let user = actor.person()?;
    let (limit, after) = (query.limit()?, query.after::<SessionId>()?);
    let limits = services.sessions.limits();
    let mut scope = SystemScope::begin(&services.db.people, Reason::SignIn).await?;
    let rows = db::session::list(&mut scope, user, limits.since(services.clock.now()), after, limit + 1).await?;
    let session = |row: db::session::Row| Session {
        id: row.id.0,
        current: actor.session == Some(row.id),
        created_at: row.created_at,
        last_seen_at: row.last_seen_at,
        expires_at: limits.end(&row),
        client: row.client,
        address: row.address,
    };
    Ok(Json(page(rows, limit, |row| row.id.to_string(), session)))
}

/// Ends one of the sessions of the person who asks.
#[utoipa::path(
    delete,
    path = "/auth/sessions/{id}",
    tag = "auth",
    responses((status = NO_CONTENT), (status = FORBIDDEN, description = "`person_required`")),
)]
pub async fn revoke_session(
    State(services): State<Arc<Services>>,
    Known(actor): Known,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    service::identity::session::revoke(&services, &actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
