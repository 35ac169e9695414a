//! `/orgs/{org}/overview`.

use std::sync::Arc;

use api_types::Overview;
use axum::{Json, extract::State};

use crate::{
    api::support::authorize::{Allowed, ReadApprovals},
    error::Result,
    service::{Services, overview},
};

/// What the first page of an org shows: what waits, what needs attention, who calls most.
///
/// Each part is there for a sender who may see it. Calls are those of the last 24 hours, of which the newest 100,000 are
/// counted, at most every 10 seconds.
#[utoipa::path(
    get,
    path = "/orgs/{org}/overview",
    tag = "orgs",
    responses((status = OK, body = Overview)),
    security(("bearer" = ["approvals:read"])),
)]
pub async fn get_overview(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadApprovals>,
) -> Result<Json<Overview>> {
    overview::overview(&services.views, &access.0).await.map(Json)
}
