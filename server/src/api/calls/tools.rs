//! `/orgs/{org}/tools`: what a caller may call, over all toolkits that it may use.

use std::sync::Arc;

use api_types::{CallPermission, CallableTool, List};
use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use domain::directory::{Toolkit, ToolkitTool};
use wire::definition::ToolDefinition;

use crate::{
    api::support::{
        authorize::Known,
        fixed::Fixed,
        page::{Page, Query},
    },
    error::{Error, Result},
    service::{Services, access, catalog::toolkit_tool::visible},
};

/// A page ends with the tool whose definition takes it beyond this size, in bytes.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Lists the tools that the caller may call, by toolkit and name.
///
/// Who does not belong to the org is told of its public toolkits. Tools that are blocked for the caller are left out.
/// The answer has a tag: with `If-None-Match` it is sent only when it has changed.
#[utoipa::path(
    get,
    path = "/orgs/{org}/tools",
    tag = "calls",
    params(Page),
    responses((status = OK, body = List<CallableTool>), (status = NOT_MODIFIED, description = "It is as it was.")),
    security(("bearer" = [])),
)]
pub async fn list_tools(
    State(services): State<Arc<Services>>,
    Known(actor): Known,
    Path(org): Path<String>,
    Query(page): Query<Page>,
    headers: HeaderMap,
) -> Result<Response> {
    let limit = usize::try_from(page.limit()?).unwrap_or(usize::MAX);
    let after = page.after::<Cursor>()?;
    let (caller, org, toolkits) = access::caller_anywhere(&services, &actor, &org).await?;
    let (mut items, mut bytes, mut next_cursor) = (Vec::new(), 0, None);
    'page: for toolkit in &toolkits {
        for (tool, held) in visible(&org, toolkit, &caller) {
            let here = Cursor::of(toolkit, tool);
            if after.as_ref().is_some_and(|after| here <= *after) {
                continue;
            }
            if items.len() == limit || bytes > PAGE_BYTES {
                next_cursor = items.last().map(|(last, _): &(Cursor, CallableTool)| last.to_string());
                break 'page;
            }
            // Stored before it was known that it cannot be read: the next listing withdraws it.
            let Some(item) = callable(toolkit, tool, held) else { continue };
            bytes += tool.tool.definition.len();
            items.push((here, item));
        }
    }
    let list = List { items: items.into_iter().map(|(_, item)| item).collect(), next_cursor };
    Fixed::new("application/json", serde_json::to_vec(&list).map_err(Error::internal)?).private(&headers)
}

fn callable(toolkit: &Toolkit, tool: &ToolkitTool, held: bool) -> Option<CallableTool> {
    let definition =
        serde_json::from_str(&tool.tool.definition).ok().and_then(|raw| ToolDefinition::parse(raw).ok())?;
    Some(CallableTool {
        toolkit: toolkit.slug.to_string(),
        name: tool.name.to_string(),
        description: definition.description,
        input_schema: definition.input_schema,
        permission: if held { CallPermission::NeedsApproval } else { CallPermission::AlwaysAllow },
    })
}

/// The place of a tool in the list.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Cursor {
    toolkit: String,
    name: String,
}

impl Cursor {
    fn of(toolkit: &Toolkit, tool: &ToolkitTool) -> Self {
        Self { toolkit: toolkit.slug.to_string(), name: tool.name.to_string() }
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.toolkit, self.name)
    }
}

impl std::str::FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        let (toolkit, name) = text.split_once('/').ok_or(())?;
        Ok(Self { toolkit: toolkit.to_owned(), name: name.to_owned() })
    }
}
