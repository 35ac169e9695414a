//! The OpenAPI 3.1 document, made from the handlers' attributes and the types of api-types. What
//! follows from the form of an operation (who asks, what can go wrong) is added by [`complete`], so
//! that an attribute says only what is its own. A test holds this list against the router's.

mod complete;

use std::{collections::HashMap, sync::LazyLock};

use axum::{
    http::{HeaderMap, Method},
    response::Response,
};
use utoipa::OpenApi;

use self::complete::Complete;
use super::{api_keys, approvals, audit, audit_export, calls, events, overview};
use crate::{
    api::{
        catalog::{connections, toolkits},
        identity::{auth, invitations, me, members, orgs, roles, sessions},
        support::fixed::{self, Fixed},
    },
    error::Result,
};

/// Reading order is the document's order: resources as they are set up.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Permesso",
        description = "The REST API of Permesso, an approval gateway between AI agents and an organization's tools. \
            Ids are UUIDs (version 7), times RFC 3339 in UTC, names snake_case. Another org's things do not exist: \
            404. Errors are `application/problem+json` with a stable `code` and the `request_id` that log and audit \
            have too.",
    ),
    servers((url = "/api/v1")),
    tags(
        (name = "auth", description = "Signing in, and who one is."),
        (name = "orgs", description = "The tenants, and the approval policy that their toolkits inherit."),
        (name = "roles", description = "What members and keys may do."),
        (name = "members", description = "People of an org."),
        (name = "api-keys", description = "Keys of agents. A key is shown once, when it is made or rotated."),
        (name = "connections", description = "Upstreams: MCP servers over HTTP or as child processes."),
        (name = "toolkits", description = "Named sets of tools, each served at one MCP endpoint."),
        (name = "calls", description = "Tools over plain HTTP, for programs that do not speak MCP."),
        (name = "approvals", description = "Requests for one exact call each, which a person decides."),
        (name = "audit", description = "What was asked, by whom, and what became of it."),
        (name = "events", description = "What happens, as it happens."),
    ),
    paths(
        auth::login,
        auth::create_session,
        auth::get_session,
        auth::delete_session,
        sessions::list_sessions,
        sessions::revoke_session,
        auth::get_me,
        me::update_me,
        me::get_preferences,
        me::put_preferences,
        me::change_password,
        me::leave_org,
        invitations::view_invitation,
        invitations::accept_invitation,
        orgs::list_orgs,
        orgs::create_org,
        orgs::get_org,
        orgs::update_org,
        overview::get_overview,
        orgs::delete_org,
        roles::list_roles,
        roles::create_role,
        roles::update_role,
        roles::delete_role,
        members::list_members,
        members::create_member,
        members::update_member,
        members::delete_member,
        invitations::list_invitations,
        invitations::create_invitation,
        invitations::delete_invitation,
        api_keys::list_api_keys,
        api_keys::create_api_key,
        api_keys::update_api_key,
        api_keys::revoke_api_key,
        api_keys::rotate_api_key,
        connections::list_connections,
        connections::create_connection,
        connections::import_connections,
        connections::test_connection,
        connections::test_saved_connection,
        connections::get_connection,
        connections::update_connection,
        connections::delete_connection,
        connections::refresh_connection,
        connections::list_connection_tools,
        connections::get_connection_instructions,
        connections::review_instructions,
        connections::review_tool,
        connections::delete_reviewed_definition,
        connections::get_connection_logs,
        toolkits::list_toolkits,
        toolkits::create_toolkit,
        toolkits::get_toolkit,
        toolkits::update_toolkit,
        toolkits::delete_toolkit,
        toolkits::list_toolkit_tools,
        toolkits::add_toolkit_tools,
        toolkits::put_toolkit_tool,
        toolkits::update_toolkit_tool,
        toolkits::delete_toolkit_tool,
        toolkits::put_role_policy,
        toolkits::delete_role_policy,
        calls::tools::list_tools,
        calls::call_tool,
        calls::get_call,
        calls::run_call,
        approvals::list_approvals,
        approvals::get_approvals_summary,
        approvals::get_approval,
        approvals::approve_approval,
        approvals::reject_approval,
        approvals::revoke_approval,
        approvals::extend_approval,
        approvals::settle_approval,
        audit::list_audit,
        audit::get_audit_record,
        audit_export::export_audit,
        audit::histogram::get_audit_histogram,
        events::stream_events,
    ),
    components(schemas(
        api_types::Problem,
        api_types::event::ApprovalEventData,
        api_types::event::CallFinished,
        api_types::event::ConnectionChanged,
        api_types::event::OrgChanged,
    )),
    modifiers(&Complete),
)]
struct Document;

/// The document as JSON, indented, with a line feed at its end.
///
/// # Errors
/// When it cannot be written as JSON: a mistake in an attribute.
pub fn document() -> serde_json::Result<String> {
    Document::openapi().to_pretty_json().map(|json| json + "\n")
}

/// The operation's id, which is what its record calls it. The path has its parameters' names in it.
pub fn operation(method: &Method, path: &str) -> Option<&'static str> {
    OPERATIONS.get(&(method.clone(), path.to_owned())).map(String::as_str)
}

static OPERATIONS: LazyLock<HashMap<(Method, String), String>> = LazyLock::new(|| {
    let items = Document::openapi().paths.paths.into_iter();
    let named = items.flat_map(|(path, item)| {
        let methods = [
            (Method::GET, item.get),
            (Method::POST, item.post),
            (Method::PUT, item.put),
            (Method::PATCH, item.patch),
            (Method::DELETE, item.delete),
        ];
        methods.into_iter().filter_map(move |(method, operation)| {
            operation.and_then(|operation| operation.operation_id).map(|id| ((method, path.clone()), id))
        })
    });
    named.collect()
});

static SERVED: LazyLock<serde_json::Result<Fixed>> =
    LazyLock::new(|| document().map(|json| Fixed::new("application/json", json.into_bytes())));

/// This document, for everybody.
pub async fn get_openapi(headers: HeaderMap) -> Result<Response> {
    fixed::answer(&SERVED, &headers)
}
