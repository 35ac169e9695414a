//! Every route and every layer, in one list.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{FromRequestParts, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{MethodRouter, any, delete, get, patch, post, put},
};
use tokio_util::task::TaskTracker;
use tower_http::catch_panic::CatchPanicLayer;
use uuid::Uuid;

use super::{
    browser, compress,
    console::Console,
    host::{self, Hosts},
    leftover,
    peer::{self, Proxies},
    under_way,
};
use crate::{
    api::{
        self, api_keys, approvals, audit, audit_export, calls,
        catalog::{connections, toolkits},
        events,
        identity::{auth, invitations, me, members, orgs, roles, sessions},
        overview, refused,
        support::authorize::{Known, RequestLoad},
    },
    error::{Error, Kind},
    mcp::{self, origin::Origins},
    metrics,
    service::Services,
    telemetry::RequestId,
};

type Routes = &'static [(&'static str, fn() -> MethodRouter<Arc<Services>>)];

/// The REST API under `/api/v1`. All routes but sign-in and accepting an invitation require a credential in their
/// handler's signature; a test walks this list.
pub const API: Routes = &[
    ("/auth/login", || post(auth::login)),
    ("/auth/session", || post(auth::create_session).get(auth::get_session).delete(auth::delete_session)),
    ("/auth/sessions", || get(sessions::list_sessions)),
    ("/auth/sessions/{id}", || delete(sessions::revoke_session)),
    ("/invitations/view", || post(invitations::view_invitation)),
    ("/invitations/accept", || post(invitations::accept_invitation)),
    ("/me", || get(auth::get_me).patch(me::update_me)),
    ("/me/preferences", || get(me::get_preferences).put(me::put_preferences)),
    ("/me/password", || put(me::change_password)),
    ("/me/orgs/{org}", || delete(me::leave_org)),
    ("/orgs", || get(orgs::list_orgs).post(orgs::create_org)),
    ("/orgs/{org}", || get(orgs::get_org).patch(orgs::update_org).delete(orgs::delete_org)),
    ("/orgs/{org}/overview", || get(overview::get_overview)),
    ("/orgs/{org}/roles", || get(roles::list_roles).post(roles::create_role)),
    ("/orgs/{org}/roles/{role}", || patch(roles::update_role).delete(roles::delete_role)),
    ("/orgs/{org}/members", || get(members::list_members).post(members::create_member)),
    ("/orgs/{org}/members/{id}", || patch(members::update_member).delete(members::delete_member)),
    ("/orgs/{org}/invitations", || get(invitations::list_invitations).post(invitations::create_invitation)),
    ("/orgs/{org}/invitations/{id}", || delete(invitations::delete_invitation)),
    ("/orgs/{org}/api-keys", || get(api_keys::list_api_keys).post(api_keys::create_api_key)),
    ("/orgs/{org}/api-keys/{id}", || patch(api_keys::update_api_key).delete(api_keys::revoke_api_key)),
    ("/orgs/{org}/api-keys/{id}/rotate", || post(api_keys::rotate_api_key)),
    ("/orgs/{org}/connections", || get(connections::list_connections).post(connections::create_connection)),
    ("/orgs/{org}/connections/import", || post(connections::import_connections)),
    ("/orgs/{org}/connections/{slug}", || {
        get(connections::get_connection).patch(connections::update_connection).delete(connections::delete_connection)
    }),
    ("/orgs/{org}/connection-tests", || post(connections::test_connection)),
    ("/orgs/{org}/connections/{slug}/test", || post(connections::test_saved_connection)),
    ("/orgs/{org}/connections/{slug}/refresh", || post(connections::refresh_connection)),
    ("/orgs/{org}/connections/{slug}/tools", || get(connections::list_connection_tools)),
    ("/orgs/{org}/connections/{slug}/instructions", || get(connections::get_connection_instructions)),
    ("/orgs/{org}/connections/{slug}/instructions/review", || post(connections::review_instructions)),
    ("/orgs/{org}/connections/{slug}/logs", || get(connections::get_connection_logs)),
    ("/orgs/{org}/connections/{slug}/tools/{tool}/review", || post(connections::review_tool)),
    ("/orgs/{org}/connections/{slug}/tools/{tool}/reviewed/{sha256}", || {
        delete(connections::delete_reviewed_definition)
    }),
    ("/orgs/{org}/toolkits", || get(toolkits::list_toolkits).post(toolkits::create_toolkit)),
    ("/orgs/{org}/toolkits/{toolkit}", || {
        get(toolkits::get_toolkit).patch(toolkits::update_toolkit).delete(toolkits::delete_toolkit)
    }),
    ("/orgs/{org}/toolkits/{toolkit}/tools", || get(toolkits::list_toolkit_tools).post(toolkits::add_toolkit_tools)),
    ("/orgs/{org}/toolkits/{toolkit}/tools/{name}", || {
        put(toolkits::put_toolkit_tool).patch(toolkits::update_toolkit_tool).delete(toolkits::delete_toolkit_tool)
    }),
    ("/orgs/{org}/toolkits/{toolkit}/tools/{name}/policies/{role}", || {
        put(toolkits::put_role_policy).delete(toolkits::delete_role_policy)
    }),
    ("/orgs/{org}/tools", || get(calls::tools::list_tools)),
    ("/orgs/{org}/toolkits/{toolkit}/call", || post(calls::call_tool)),
    ("/orgs/{org}/toolkits/{toolkit}/calls/{id}", || {
        get(calls::get_call)
            .head(wrong_method)
            .layer(middleware::from_fn(browser::refuse_other_sites))
            .post(calls::run_call)
    }),
    ("/orgs/{org}/approvals", || get(approvals::list_approvals)),
    ("/orgs/{org}/approvals/summary", || get(approvals::get_approvals_summary)),
    ("/orgs/{org}/approvals/{id}", || get(approvals::get_approval)),
    ("/orgs/{org}/approvals/{id}/approve", || post(approvals::approve_approval)),
    ("/orgs/{org}/approvals/{id}/reject", || post(approvals::reject_approval)),
    ("/orgs/{org}/approvals/{id}/revoke", || post(approvals::revoke_approval)),
    ("/orgs/{org}/approvals/{id}/extend", || post(approvals::extend_approval)),
    ("/orgs/{org}/approvals/{id}/settle", || post(approvals::settle_approval)),
    ("/orgs/{org}/audit", || get(audit::list_audit)),
    ("/orgs/{org}/audit/export", || {
        get(audit_export::export_audit).head(wrong_method).layer(middleware::from_fn(browser::refuse_other_sites))
    }),
    ("/orgs/{org}/audit/histogram", || get(audit::histogram::get_audit_histogram)),
    ("/orgs/{org}/audit/{id}", || get(audit::get_audit_record)),
    ("/orgs/{org}/events", || get(events::stream_events)),
];

/// Public routes: what a program reads before it has a credential, and the probes. A test walks this list too.
pub const OPEN: Routes = &[
    ("/api/v1/openapi.json", || get(api::openapi::get_openapi)),
    ("/api/docs", || get(api::docs::get_docs)),
    ("/api/docs.css", || get(api::docs::get_docs_style)),
    ("/livez", || get(|| async { "alive\n" })),
    ("/readyz", || get(readyz)),
    ("/metrics", || get(|| async { metrics::render() })),
];

/// The whole server. `requests` counts the requests in flight.
pub(super) fn router(
    services: Arc<Services>,
    console: Console,
    hosts: Hosts,
    origins: Origins,
    proxies: Arc<Proxies>,
    requests: TaskTracker,
) -> Router {
    let mut rest = Router::new();
    for (path, route) in API {
        rest = rest.route(path, route());
    }
    let rest = rest
        .layer(middleware::from_fn_with_state(services.clone(), refused::record))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method);
    let mut open = Router::new();
    for (path, route) in OPEN {
        open = open.route(path, route());
    }
    open.nest("/api/v1", browser::protect(rest, &services))
        .merge(endpoint(origins))
        // `/.well-known/oauth-…/mcp` is not a toolkit's endpoint.
        .route("/.well-known/{*path}", any(|| async { no_metadata() }))
        .fallback(move |state, request| elsewhere(console, state, request))
        .method_not_allowed_fallback(wrong_method)
        .layer(CatchPanicLayer::custom(|_| Error::internal("a handler panicked").into_response()))
        .layer(middleware::from_fn_with_state(proxies, peer::find))
        // Before everything that looks at a request, so that no route can bypass it.
        .layer(middleware::from_fn_with_state(Arc::new(hosts), host::guard))
        .layer(middleware::from_fn(identify))
        .layer(middleware::from_fn(compress::compress))
        // Outside of everything that may answer before a body is read.
        .layer(middleware::from_fn(leftover::read))
        .layer(middleware::from_fn_with_state(requests, under_way::count))
        .with_state(services)
}

/// The MCP endpoint, for pages of known origins only.
fn endpoint(origins: Origins) -> Router<Arc<Services>> {
    let methods = || post(mcp::post_endpoint).get(mcp::get_endpoint).delete(mcp::delete_endpoint);
    let routed = mcp::PATHS.into_iter().fold(Router::new(), |router, path| router.route(path, methods()));
    let mut endpoint = routed.method_not_allowed_fallback(wrong_method);
    if let Some(cors) = origins.cors() {
        endpoint = endpoint.layer(cors);
    }
    // The origin is added last, so that it is checked first, even before the method.
    endpoint.layer(middleware::from_fn_with_state(Arc::new(origins), mcp::origin::guard))
}

/// The outermost layer: gives each request its id, and writes errors with it.
async fn identify(mut request: Request, next: Next) -> Response {
    let id = Uuid::now_v7();
    request.extensions_mut().insert(RequestId(id));
    let taken = RequestLoad::default();
    request.extensions_mut().insert(taken.clone());
    let span = tracing::info_span!("request", %id, method = %request.method(), path = request.uri().path());
    let mut response = tracing::Instrument::instrument(next.run(request), span.clone()).await;
    drop(taken);
    if let Some(error) = response.extensions_mut().remove::<Arc<Error>>() {
        let _entered = span.enter();
        // No cookie is removed, even if the session has ended: the browser may have signed in again since, and would
        // lose the new session.
        response = api::support::error::render(&error, id);
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(HeaderName::from_static("x-request-id"), value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// 401 for an unknown caller, also at unknown paths.
async fn unknown_path(_known: Known) -> Error {
    Error::not_found()
}

/// The console's pages and files; for programs the usual answer to an unknown path.
async fn elsewhere(console: Console, State(services): State<Arc<Services>>, request: Request) -> Response {
    // A client that looks for a way to sign in is told that there is none, whether it is known or not: a 401 would make
    // it keep looking.
    if request.uri().path().split('/').any(|part| part == ".well-known") {
        return no_metadata().into_response();
    }
    if let Some(response) = console.answer(request.method(), request.uri().path(), request.headers()) {
        return response;
    }
    let (mut parts, _) = request.into_parts();
    let nothing = match Known::from_request_parts(&mut parts, &services).await {
        Ok(known) => unknown_path(known).await,
        Err(error) => error,
    };
    nothing.into_response()
}

/// Clients look for metadata at the root and below the endpoint's path (RFC 9728 and RFC 8414, section 3.1).
fn no_metadata() -> Error {
    Error::new(
        Kind::NotFound,
        "no_oauth",
        "this gateway has no OAuth: send an API key as `Authorization: Bearer mmcp_…`, which an administrator makes in the \
         console",
    )
}

async fn wrong_method(_known: Known) -> Error {
    Error::new(Kind::MethodNotAllowed, "method_not_allowed", "this method does not exist here")
}

/// Green while the database is writable and the configuration is current.
async fn readyz(State(services): State<Arc<Services>>) -> Response {
    let ready = async {
        services.db.directory.ping().await?;
        services.directory.confirmed()
    };
    match tokio::time::timeout(Duration::from_secs(2), ready).await {
        Ok(Ok(())) => "ready\n".into_response(),
        _ => {
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "2")], "not ready: the database cannot be used\n")
                .into_response()
        }
    }
}
