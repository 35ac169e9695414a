//! What toolkits expose, under which name, and who may do what with it.

mod set;

use std::{collections::HashMap, time::Duration};

use api_types::{AddToolkitTools, LeftOutTool, PutRolePolicy, WhichTools};
use domain::{
    Caller, Permission, RoleId, ToolId, ToolkitToolId, Verdict,
    directory::{Org, Toolkit, ToolkitTool},
    gate,
    gate::may_hold,
};
use serde_json::json;

pub use set::{put, update};

use super::{connection, toolkit};
use crate::{
    db::{
        self, OrgScope,
        tool::Known,
        toolkit_tool::{Of, Row},
    },
    error::{Error, Result},
    service::{
        Base, Catalog,
        access::OrgAccess,
        change,
        etag::{self, IfMatch},
        label::tool_name,
        loosening::Changer,
    },
};

/// How old the list of tools may be from which tools are chosen.
const FRESH: Duration = Duration::from_secs(60);
/// What a tool gets that is added without a permission (api.md).
const DEFAULT: Permission = Permission::NeedsApproval;

/// The tools that a caller sees, by name, and whether each may have to wait for a person.
pub fn visible<'a>(
    org: &'a Org,
    toolkit: &'a Toolkit,
    caller: &'a Caller,
) -> impl Iterator<Item = (&'a ToolkitTool, bool)> {
    let (role, role_name) = (caller.role, &caller.role_name);
    toolkit.tools.iter().filter_map(move |tool| {
        let enabled = org.connections.get(&tool.tool.connection).is_some_and(|connection| connection.enabled);
        let refused = matches!(gate(tool, &tool.tool, enabled, role, role_name), Verdict::Refuse(_));
        (!refused).then(|| (&**tool, may_hold(tool, &tool.tool, role, role_name)))
    })
}

/// What was added, or was there already.
pub struct Added {
    /// The tools as they are in the toolkit.
    pub rows: Vec<Row>,
    /// Of all tools those whose names no tool of a toolkit can have, and why.
    pub left_out: Vec<LeftOutTool>,
}

/// Adds many tools of one connection under the names they have there. Those that are there already stay as they are; one
/// that is named together with another permission than it has is refused. All or none; of all tools those are left out whose
/// names no tool of a toolkit can have.
///
/// # Errors
/// Not found; an unknown connection or tool; a reserved name; a name that is taken (409); `person_required` for a key that
/// loosens what it may not.
pub async fn add(services: &Catalog, access: &OrgAccess, toolkit: &str, new: &AddToolkitTools) -> Result<Added> {
    let (from, trouble) = listed(services, access, &new.connection).await?;
    let mut scope = change::begin(services, access).await?;
    let changer = Changer::of(&mut scope, access).await?;
    let toolkit_row = toolkit::lock(&mut scope, toolkit).await?;
    let offered = offered(&mut scope, &from).await?;
    let mut chosen = choose(&offered, &new.tools)
        .map_err(|name| unknown_tool("tools", &name, &new.connection, trouble.as_deref()))?;
    if let (true, Some(trouble)) = (chosen.is_empty(), trouble) {
        return Err(Error::conflict("upstream_failed", trouble));
    }
    let left_out = match new.tools {
        WhichTools::All => leave_out(&mut chosen),
        WhichTools::Named(_) => Vec::new(),
    };
    let existing = db::toolkit_tool::list(&mut scope, toolkit_row.id, None, None, i64::MAX).await?;
    // Who asks for all wants those that are not there; those that are have been decided about.
    let asked = new.permission.filter(|_| new.tools != WhichTools::All);
    let missing = missing(&existing, &chosen, asked)?;
    let permission = new.permission.unwrap_or(DEFAULT);
    changer.may_add(&mut scope, &toolkit_row, from.id, &missing, permission).await?;
    if !missing.is_empty() {
        note_approval(&mut scope, &toolkit_row, permission).await?;
    }
    db::toolkit_tool::insert_many(&mut scope, toolkit_row.id, &missing, permission, access.actor.owner).await?;
    let mut rows = db::toolkit_tool::list(&mut scope, toolkit_row.id, None, None, i64::MAX).await?;
    rows.retain(|row| chosen.iter().any(|tool| tool.name == row.name));
    change::commit(services, scope, &access.actor, "add_toolkit_tools", &(toolkit, new), None::<&()>).await?;
    Ok(Added { rows, left_out })
}

/// The tag of what can be changed about a toolkit's tool, permissions of roles included.
pub fn etag(row: &Row) -> String {
    let policy = row.approval_policy.as_ref().map(|policy| &policy.0);
    etag::of(&(row.tool_id.0, &row.permission, &row.policies.0, policy, row.hold_seconds))
}

/// Removes a tool from a toolkit.
///
/// # Errors
/// Not found; a call of it that is under way or whose outcome is not known (409); `person_required` for a key;
/// `changed_since` (412).
pub async fn delete(services: &Base, access: &OrgAccess, toolkit: &str, name: &str, seen: &IfMatch) -> Result<()> {
    let mut scope = change::begin(services, access).await?;
    let changer = Changer::of(&mut scope, access).await?;
    let toolkit_row = toolkit::lock(&mut scope, toolkit).await?;
    let row = get(&mut scope, &toolkit_row, name).await?;
    seen.check(&etag(&row))?;
    changer.may_remove(&mut scope, Of::One(row.id)).await?;
    toolkit::settled(&mut scope, Of::One(row.id)).await?;
    db::toolkit_tool::delete(&mut scope, row.id).await?;
    change::commit(services, scope, &access.actor, "delete_toolkit_tool", &(toolkit, name), None::<&()>).await
}

/// Sets what one role may do with a tool.
///
/// # Errors
/// Not found, the role included; `person_required` for a key that loosens what it may not; `changed_since` (412) of the
/// tool.
pub async fn put_policy(
    services: &Base,
    access: &OrgAccess,
    (toolkit, name, role): (&str, &str, &str),
    to: &PutRolePolicy,
    seen: &IfMatch,
) -> Result<Row> {
    let mut scope = change::begin(services, access).await?;
    let changer = Changer::of(&mut scope, access).await?;
    let toolkit_row = toolkit::lock(&mut scope, toolkit).await?;
    let (id, role_id) = tool_and_role(&mut scope, &toolkit_row, name, role, seen).await?;
    changer.may_permit(&mut scope, id, role_id, Some(to.permission)).await?;
    note_approval(&mut scope, &toolkit_row, to.permission).await?;
    db::toolkit_tool::put_policy(&mut scope, id, role_id, to.permission).await?;
    let row = get(&mut scope, &toolkit_row, name).await?;
    let request = json!({"toolkit": toolkit, "name": name, "role": role, "permission": to.permission});
    change::commit(services, scope, &access.actor, "put_role_policy", &request, None::<&()>).await?;
    Ok(row)
}

/// Lets a role have the permission that everybody has again.
///
/// # Errors
/// Not found, also when the role has no permission of its own for this tool; `person_required` for a key that loosens what
/// it may not; `changed_since` (412) of the tool.
pub async fn delete_policy(
    services: &Base,
    access: &OrgAccess,
    (toolkit, name, role): (&str, &str, &str),
    seen: &IfMatch,
) -> Result<()> {
    let mut scope = change::begin(services, access).await?;
    let changer = Changer::of(&mut scope, access).await?;
    let toolkit_row = toolkit::lock(&mut scope, toolkit).await?;
    let (id, role_id) = tool_and_role(&mut scope, &toolkit_row, name, role, seen).await?;
    changer.may_permit(&mut scope, id, role_id, None).await?;
    if !db::toolkit_tool::delete_policy(&mut scope, id, role_id).await? {
        return Err(Error::not_found());
    }
    change::commit(services, scope, &access.actor, "delete_role_policy", &(toolkit, name, role), None::<&()>).await
}

/// To be called before something in a toolkit gets this permission: where it is the first that needs approval, clients go
/// on with the output schemas that they were listed.
async fn note_approval(scope: &mut OrgScope, toolkit: &db::toolkit::Row, permission: Permission) -> Result<()> {
    match permission {
        Permission::NeedsApproval => db::toolkit_tool::list_no_more_schemas(scope, toolkit.id).await,
        Permission::AlwaysAllow | Permission::Blocked => Ok(()),
    }
}

async fn tool_and_role(
    scope: &mut OrgScope,
    toolkit: &db::toolkit::Row,
    name: &str,
    role: &str,
    seen: &IfMatch,
) -> Result<(ToolkitToolId, RoleId)> {
    let role = db::role::find(scope, role).await?.ok_or_else(Error::not_found)?;
    let tool = get(scope, toolkit, name).await?;
    seen.check(&etag(&tool))?;
    Ok((tool.id, role.id))
}

async fn get(scope: &mut OrgScope, toolkit: &db::toolkit::Row, name: &str) -> Result<Row> {
    db::toolkit_tool::find(scope, toolkit.id, name).await?.ok_or_else(Error::not_found)
}

/// The connection, after its tools were listed if that was long ago. An upstream that does not list
/// them now is no obstacle while what is asked for is known: the reason is told only if it is not.
async fn listed(services: &Catalog, access: &OrgAccess, slug: &str) -> Result<(db::connection::Row, Option<String>)> {
    let unknown = || unknown_connection(slug);
    let found = connection::get(access, slug).map_err(|_| unknown())?;
    let trouble = connection::ensure_fresh(services, found, FRESH).await.err();
    let mut scope = OrgScope::begin(&services.db.people, access.org.id).await?;
    let row = db::connection::find(&mut scope, slug).await?.ok_or_else(unknown)?;
    Ok((row, trouble))
}

fn unknown_connection(slug: &str) -> Error {
    Error::invalid("connection", format!("`{}` is not a connection of this org", slug.escape_debug()))
}

async fn offered(scope: &mut OrgScope, connection: &db::connection::Row) -> Result<Vec<Known>> {
    let known = db::tool::known(scope, connection.id).await?;
    Ok(known.into_iter().filter(|tool| tool.offered).collect())
}

/// The tools that were asked for, each once, or the name that is not offered.
fn choose<'a>(offered: &'a [Known], which: &WhichTools) -> Result<Vec<&'a Known>, String> {
    match which {
        WhichTools::All => Ok(offered.iter().collect()),
        WhichTools::Named(names) => {
            let mut chosen: Vec<&Known> = Vec::new();
            for name in names {
                let tool = offered.iter().find(|tool| tool.name == *name).ok_or_else(|| name.clone())?;
                if !chosen.iter().any(|other| other.id == tool.id) {
                    chosen.push(tool);
                }
            }
            Ok(chosen)
        }
    }
}

/// Takes those tools out whose names no tool of a toolkit can have, and says why.
fn leave_out(chosen: &mut Vec<&Known>) -> Vec<LeftOutTool> {
    let mut left_out = Vec::new();
    chosen.retain(|tool| {
        let problem = tool_name("tools", &tool.name).err();
        left_out.extend(
            problem.iter().map(|error| LeftOutTool { tool: tool.name.clone(), problem: error.message.to_string() }),
        );
        problem.is_none()
    });
    left_out
}

/// Those of the chosen tools that the toolkit does not expose yet.
fn missing<'a>(
    existing: &[Row],
    chosen: &[&'a Known],
    permission: Option<Permission>,
) -> Result<Vec<(ToolId, &'a str)>> {
    let existing: HashMap<&str, &Row> = existing.iter().map(|row| (row.name.as_str(), row)).collect();
    let mut missing = Vec::new();
    for tool in chosen {
        match existing.get(tool_name("tools", &tool.name)?) {
            None => missing.push((tool.id, tool.name.as_str())),
            Some(row) if row.tool_id == tool.id && permission.is_none_or(|p| p.as_str() == row.permission) => {}
            Some(row) => return Err(taken(row)),
        }
    }
    Ok(missing)
}

fn unknown_tool(field: &str, name: &str, connection: &str, trouble: Option<&str>) -> Error {
    let reason = trouble.map(|trouble| format!(" ({trouble})")).unwrap_or_default();
    Error::invalid(
        field,
        format!("names `{}`, which the connection `{connection}` does not offer{reason}", name.escape_debug()),
    )
}

fn taken(row: &Row) -> Error {
    Error::conflict(
        "toolkit_tool_exists",
        format!(
            "`{}` is in this toolkit already: the tool `{}` of the connection `{}` with the permission `{}`; change it \
             with PUT, or leave it out",
            row.name, row.tool, row.connection, row.permission
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(name: &str) -> Known {
        let (sha256, text_sha256) = (Vec::new(), Vec::new());
        let id = ToolId::new();
        Known {
            id,
            name: name.to_owned(),
            sha256,
            text_sha256,
            bytes: 0,
            offered: true,
            exposed: false,
            is_current: true,
            reviewed: Vec::new(),
        }
    }

    fn names<'a>(chosen: &[&'a Known]) -> Vec<&'a str> {
        chosen.iter().map(|tool| tool.name.as_str()).collect()
    }

    #[test]
    fn each_tool_is_chosen_once_and_an_unknown_one_is_named() {
        let offered = [tool("a"), tool("b")];
        let named = |names: &[&str]| WhichTools::Named(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(choose(&offered, &WhichTools::All).map(|chosen| names(&chosen)), Ok(vec!["a", "b"]));
        assert_eq!(choose(&offered, &named(&["b", "b"])).map(|chosen| names(&chosen)), Ok(vec!["b"]));
        assert_eq!(choose(&offered, &named(&["a", "c"])).map(|chosen| names(&chosen)), Err("c".to_owned()));
    }

    #[test]
    fn of_all_tools_those_are_left_out_whose_names_no_tool_can_have() {
        let long = "a".repeat(129);
        let offered = [tool("a"), tool("b c"), tool("run_approved"), tool(&long), tool("tab\t")];
        let mut chosen = choose(&offered, &WhichTools::All).expect("all");
        let left_out = leave_out(&mut chosen);
        assert_eq!(names(&chosen), ["a"]);
        let told: Vec<_> = left_out.iter().map(|left| left.tool.as_str()).collect();
        assert_eq!(told, ["b c", "run_approved", &*long, "tab\t"]);
        assert!(left_out[0].problem.contains("no white space"), "{left_out:?}");
    }
}
