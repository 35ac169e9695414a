//! `/orgs`.

use std::sync::Arc;

use api_types::{CreateOrg, List, Org, UpdateOrg};
use axum::{Json, extract::State, http::StatusCode};
use domain::OrgId;

use crate::{
    api::support::{
        authorize::{Allowed, Known, Member, WriteOrg},
        body::Body,
        page::{FromQuery, Page, Parameters, Query, page},
        tagged::{IfMatch, Tagged},
    },
    db::{self, OrgScope, Reason, SystemScope},
    error::{Error, Result},
    service::{self, Services},
};

/// Lists the orgs that the caller belongs to.
///
/// Those that only have a record any more are not in it; `GET /me` names them to administrators of the instance.
#[utoipa::path(get, path = "/orgs", tag = "orgs", params(Page), responses((status = OK, body = List<Org>)))]
pub async fn list_orgs(
    State(services): State<Arc<Services>>,
    Known(actor): Known,
    Query(query): Query<Page>,
) -> Result<Json<List<Org>>> {
    let limit = query.limit()?;
    let after = query.after::<OrgId>()?;
    let mine = match actor.key_org {
        Some(org) => Some(vec![org]),
        None if actor.instance_admin => None,
        None => {
            Some(services.directory.person(actor.owner).await?.map(|person| person.orgs.clone()).unwrap_or_default())
        }
    };
    let mut scope = SystemScope::begin(&services.db.people, Reason::SignIn).await?;
    let rows = db::org::list_unscoped(&mut scope, mine.as_deref(), after, limit + 1).await?;
    let shown = page(rows, limit, |row| row.id.to_string(), org);
    let items = shown.items.into_iter().collect::<Result<_>>()?;
    Ok(Json(List { items, next_cursor: shown.next_cursor }))
}

/// Makes an org.
#[utoipa::path(
    post,
    path = "/orgs",
    tag = "orgs",
    request_body = CreateOrg,
    responses(
        (status = CREATED, body = Org),
        (status = CONFLICT, description = "`org_exists`"),
        (status = FORBIDDEN, description = "not an administrator of the instance"),
    ),
)]
pub async fn create_org(
    State(services): State<Arc<Services>>,
    Known(actor): Known,
    Body(new): Body<CreateOrg>,
) -> Result<Tagged<Org>> {
    Ok(Tagged::created(org(service::identity::org::create(&services, &actor, &new).await?)?))
}

/// One org.
#[utoipa::path(get, path = "/orgs/{org}", tag = "orgs", responses((status = OK, body = Org)))]
pub async fn get_org(State(services): State<Arc<Services>>, Member(access): Member) -> Result<Tagged<Org>> {
    let mut scope = OrgScope::begin(&services.db.people, access.org.id).await?;
    Ok(Tagged::ok(org(db::org::get(&mut scope).await?)?))
}

/// Changes an org's name, approval policy, or what API keys may loosen.
#[utoipa::path(
    patch,
    path = "/orgs/{org}",
    tag = "orgs",
    request_body = UpdateOrg,
    responses((status = OK, body = Org)),
    security(("bearer" = ["org:write"])),
)]
pub async fn update_org(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteOrg>,
    IfMatch(seen): IfMatch,
    Body(to): Body<UpdateOrg>,
) -> Result<Tagged<Org>> {
    Ok(Tagged::ok(org(service::identity::org::update(&services, &access.0, &to, &seen).await?)?))
}

/// The query of a deletion.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Confirmed {
    /// The org's slug, once more.
    #[param(required = true)]
    confirm: Option<String>,
}

impl FromQuery for Confirmed {
    fn take(parameters: &mut Parameters) -> Result<Self> {
        Ok(Self { confirm: parameters.text("confirm")? })
    }
}

/// Deletes an org, for good: its keys are revoked, its members, toolkits, connections and credentials are gone.
///
/// Its record stays, for administrators of the instance, and its slug is never given again. Needs a person with the role
/// `admin`.
#[utoipa::path(
    delete,
    path = "/orgs/{org}",
    tag = "orgs",
    params(Confirmed),
    responses(
        (status = NO_CONTENT),
        (status = CONFLICT, description = "`executing`: a call runs, `records_only`: it was deleted, or is the instance's own"),
    ),
)]
pub async fn delete_org(
    State(services): State<Arc<Services>>,
    Member(access): Member,
    IfMatch(seen): IfMatch,
    Query(query): Query<Confirmed>,
) -> Result<StatusCode> {
    service::identity::org::delete(&services, &access, query.confirm.as_deref(), &seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn org(row: db::org::Row) -> Result<Org> {
    Ok(Org {
        etag: service::identity::org::etag(&row),
        id: row.id.0,
        slug: row.slug,
        name: row.name,
        approval_policy: row.approval_policy.0,
        key_administration: row.key_administration.parse().map_err(Error::internal)?,
        created_at: row.created_at,
    })
}
