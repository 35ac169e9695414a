//! Putting something under a name that agents see, and changing what stands there.

use api_types::{PutToolkitTool, UpdateToolkitTool};
use domain::{ToolId, hold::LONGEST};
use serde_json::json;

use super::{DEFAULT, etag, get, listed, note_approval, unknown_connection, unknown_tool};
use crate::{
    db::{
        self, OrgScope,
        toolkit_tool::{Content, Row},
    },
    error::{Error, Result},
    service::{
        Base, Catalog, access::OrgAccess, approval::set_policy, catalog::toolkit, change, etag::IfMatch,
        label::tool_name, loosening::Changer,
    },
};

/// Sets what stands under a name. `true`: the name is new. Under a name that exists the id stays, and
/// with it every outcome that is not known; another tool behind it loses the role policies, which
/// were given for what stood there before.
///
/// # Errors
/// Not found; an unknown connection or tool; a wrong or reserved name; a wrong approval policy or hold; `person_required`
/// for a key that loosens what it may not, puts another tool under a name, or would leave another approval policy than the
/// stored one; `changed_since` (412).
pub async fn put(
    services: &Catalog,
    access: &OrgAccess,
    toolkit: &str,
    name: &str,
    to: &PutToolkitTool,
    seen: &IfMatch,
) -> Result<(Row, bool)> {
    let name = tool_name("name", name)?;
    let hold_seconds = to.hold_seconds.map(hold).transpose()?;
    set_policy::sound(to.approval_policy.as_ref())?;
    let (from, trouble) = listed(services, access, &to.connection).await?;
    let mut scope = change::begin(services, access).await?;
    let changer = Changer::of(&mut scope, access).await?;
    let toolkit_row = toolkit::lock(&mut scope, toolkit).await?;
    let before = db::toolkit_tool::find(&mut scope, toolkit_row.id, name).await?;
    before.as_ref().map_or_else(|| seen.check_new(), |before| seen.check(&etag(before)))?;
    let stored = before.as_ref().and_then(|before| before.approval_policy.as_ref()).map(|policy| &policy.0);
    set_policy::checked_override(&mut scope, services, access, stored, to.approval_policy.as_ref()).await?;
    let tool = named(&mut scope, &from, &to.tool, trouble.as_deref()).await?;
    let content = Content {
        tool,
        permission: to.permission.unwrap_or(DEFAULT),
        approval_policy: to.approval_policy.as_ref(),
        hold_seconds,
    };
    note_approval(&mut scope, &toolkit_row, content.permission).await?;
    match &before {
        Some(before) => set(&mut scope, access, &changer, before, &content).await?,
        None => {
            let new = [(tool, name)];
            changer.may_add(&mut scope, &toolkit_row, from.id, &new, content.permission).await?;
            db::toolkit_tool::insert(&mut scope, toolkit_row.id, name, &content, access.actor.owner).await?;
        }
    }
    let row = get(&mut scope, &toolkit_row, name).await?;
    let request = json!({"toolkit": toolkit, "name": name, "to": to});
    change::commit(services, scope, &access.actor, "put_toolkit_tool", &request, None::<&()>).await?;
    Ok((row, before.is_none()))
}

/// Changes what stands under a name, which keeps its id; another tool behind it loses the role policies. What changes
/// nothing is not on record.
///
/// # Errors
/// As [`put`]; not found where nothing stands under the name.
pub async fn update(
    services: &Catalog,
    access: &OrgAccess,
    toolkit: &str,
    name: &str,
    to: &UpdateToolkitTool,
    seen: &IfMatch,
) -> Result<Row> {
    let hold_seconds = to.hold_seconds.map(|seconds| seconds.map(hold).transpose()).transpose()?;
    set_policy::sound(to.approval_policy.as_ref().and_then(|patch| patch.as_ref()?.merged(None)).as_ref())?;
    let mut trouble = None;
    if to.connection.is_some() || to.tool.is_some() {
        let from = match &to.connection {
            Some(connection) => connection.clone(),
            None => now(services, access, toolkit, name).await?.connection,
        };
        trouble = listed(services, access, &from).await?.1;
    }
    let mut scope = change::begin(services, access).await?;
    let changer = Changer::of(&mut scope, access).await?;
    let toolkit_row = toolkit::lock(&mut scope, toolkit).await?;
    let before = get(&mut scope, &toolkit_row, name).await?;
    let tag = etag(&before);
    seen.check(&tag)?;
    let stored = before.approval_policy.as_ref().map(|policy| &policy.0);
    let policy = match &to.approval_policy {
        None => stored.cloned(),
        Some(None) => None,
        Some(Some(patch)) => patch.merged(stored),
    };
    set_policy::checked_override(&mut scope, services, access, stored, policy.as_ref()).await?;
    let tool = if to.connection.is_some() || to.tool.is_some() {
        let connection = to.connection.as_ref().unwrap_or(&before.connection);
        let from = db::connection::find(&mut scope, connection).await?.ok_or_else(|| unknown_connection(connection))?;
        named(&mut scope, &from, to.tool.as_ref().unwrap_or(&before.tool), trouble.as_deref()).await?
    } else {
        before.tool_id
    };
    let content = Content {
        tool,
        permission: to.permission.map_or_else(|| before.permission.parse(), Ok).map_err(Error::internal)?,
        approval_policy: policy.as_ref(),
        hold_seconds: hold_seconds.unwrap_or(before.hold_seconds),
    };
    note_approval(&mut scope, &toolkit_row, content.permission).await?;
    set(&mut scope, access, &changer, &before, &content).await?;
    let row = get(&mut scope, &toolkit_row, name).await?;
    if etag(&row) == tag {
        return Ok(row);
    }
    let request = json!({"toolkit": toolkit, "name": name, "to": to});
    change::commit(services, scope, &access.actor, "update_toolkit_tool", &request, None::<&()>).await?;
    Ok(row)
}

/// Puts something else under a name that exists.
async fn set(
    scope: &mut OrgScope,
    access: &OrgAccess,
    changer: &Changer,
    before: &Row,
    content: &Content<'_>,
) -> Result<()> {
    changer.may_change(scope, before.id, content.tool, content.permission).await?;
    db::toolkit_tool::update(scope, before.id, content, access.actor.owner).await?;
    if before.tool_id != content.tool {
        db::toolkit_tool::clear_policies(scope, before.id).await?;
    }
    Ok(())
}

/// How long calls are held open, as it is stored.
fn hold(seconds: u32) -> Result<i32> {
    let fits = i32::try_from(seconds).ok().filter(|_| seconds <= LONGEST);
    fits.ok_or_else(|| Error::invalid("hold_seconds", format!("must be 0 to {LONGEST}")))
}

/// What stands under a name, not locked.
async fn now(services: &Base, access: &OrgAccess, toolkit: &str, name: &str) -> Result<Row> {
    let mut scope = OrgScope::begin(&services.db.people, access.org.id).await?;
    let toolkit = db::toolkit::find(&mut scope, toolkit).await?.ok_or_else(Error::not_found)?;
    get(&mut scope, &toolkit, name).await
}

/// The tool of a connection with this name; why there is none may be the upstream's trouble.
async fn named(scope: &mut OrgScope, from: &db::connection::Row, name: &str, trouble: Option<&str>) -> Result<ToolId> {
    let known = db::tool::known(scope, from.id).await?;
    let tool = known.iter().find(|known| known.name == name);
    tool.map(|tool| tool.id).ok_or_else(|| unknown_tool("tool", name, &from.slug, trouble))
}
