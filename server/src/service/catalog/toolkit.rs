//! Making, changing and deleting toolkits. Their tools are in `toolkit_tool`.

use api_types::{CreateToolkit, UpdateToolkit, Visibility};
use domain::{ToolkitId, marks::is_blank};

use crate::{
    db::{
        self, OrgScope,
        toolkit::{Content, Row},
        toolkit_tool::Of,
    },
    error::{Error, Result},
    service::{
        Base,
        access::OrgAccess,
        approval::set_policy,
        change,
        etag::{self, IfMatch},
        label::{label, slug},
        loosening::Changer,
    },
};

/// How long a toolkit's own instructions may be, in bytes: with the gateway's, agents read 8 KiB at most.
const LONGEST: usize = 7_900;

/// Makes a toolkit, without tools.
///
/// # Errors
/// A wrong slug, name or approval policy; a slug that is taken (409); `person_required` for a key that sets an approval
/// policy, has instructions or lets callers from outside in.
pub async fn create(services: &Base, access: &OrgAccess, new: &CreateToolkit) -> Result<Row> {
    let slug = slug(&new.slug)?;
    let name = label("name", &new.name)?;
    let instructions = new.instructions.as_deref().map(instructions).transpose()?;
    set_policy::sound(new.approval_policy.as_ref())?;
    let mut scope = change::begin(services, access).await?;
    let changer = Changer::of(&mut scope, access).await?;
    set_policy::checked_override(&mut scope, services, access, None, new.approval_policy.as_ref()).await?;
    if new.visibility == Visibility::Public {
        changer.may_publish(slug.as_str())?;
    }
    if instructions.is_some() {
        // Agents obey them, and what upstreams say goes by a person as well.
        access.actor.person()?;
    }
    let content = Content {
        slug: slug.as_str(),
        name,
        visibility: new.visibility.as_str(),
        approval_policy: new.approval_policy.as_ref(),
        instructions: instructions.as_deref(),
    };
    if !db::toolkit::insert(&mut scope, ToolkitId::new(), &content, access.actor.owner).await? {
        return Err(taken(slug.as_str()));
    }
    let row = db::toolkit::find(&mut scope, slug.as_str()).await?.ok_or_else(Error::not_found)?;
    change::commit(services, scope, &access.actor, "create_toolkit", new, None::<&()>).await?;
    Ok(row)
}

/// The tag of what can be changed about a toolkit.
pub fn etag(row: &Row) -> String {
    let policy = row.approval_policy.as_ref().map(|policy| &policy.0);
    etag::of(&(row.id.0, &row.slug, &row.name, &row.visibility, policy, &row.instructions))
}

/// Changes a toolkit. What changes nothing is not on record.
///
/// # Errors
/// Not found; as [`create`]; `person_required` for a key that changes the slug or the instructions; `changed_since` (412).
pub async fn update(
    services: &Base,
    access: &OrgAccess,
    toolkit: &str,
    to: &UpdateToolkit,
    seen: &IfMatch,
) -> Result<Row> {
    let new_slug = to.slug.as_deref().map(slug).transpose()?;
    let name = to.name.as_deref().map(|name| label("name", name)).transpose()?;
    let new_instructions =
        to.instructions.as_ref().map(|text| text.as_deref().map(instructions).transpose()).transpose()?;
    set_policy::sound(to.approval_policy.as_ref().and_then(|patch| patch.as_ref()?.merged(None)).as_ref())?;
    let mut scope = change::begin(services, access).await?;
    let changer = Changer::of(&mut scope, access).await?;
    let row = lock(&mut scope, toolkit).await?;
    let before = etag(&row);
    seen.check(&before)?;
    if new_slug.as_ref().is_some_and(|slug| slug.as_str() != row.slug) {
        changer.may_rename(&row.slug)?;
    }
    let stored = row.approval_policy.as_ref().map(|policy| &policy.0);
    let policy = match &to.approval_policy {
        None => stored.cloned(),
        Some(None) => None,
        Some(Some(patch)) => patch.merged(stored),
    };
    let policy = policy.as_ref();
    set_policy::checked_override(&mut scope, services, access, stored, policy).await?;
    if new_instructions.as_ref().is_some_and(|new| *new != row.instructions) {
        access.actor.person()?;
    }
    if to.visibility == Some(Visibility::Public) && row.visibility != Visibility::Public.as_str() {
        changer.may_publish(toolkit)?;
    }
    let slug = new_slug.as_ref().map_or(row.slug.as_str(), |slug| slug.as_str());
    let content = Content {
        slug,
        name: name.unwrap_or(&row.name),
        visibility: to.visibility.map_or(row.visibility.as_str(), |visibility: Visibility| visibility.as_str()),
        approval_policy: policy,
        instructions: new_instructions.as_ref().unwrap_or(&row.instructions).as_deref(),
    };
    if !db::toolkit::update(&mut scope, row.id, &content, access.actor.owner).await? {
        return Err(taken(slug));
    }
    let row = db::toolkit::find(&mut scope, slug).await?.ok_or_else(Error::not_found)?;
    if etag(&row) == before {
        return Ok(row);
    }
    change::commit(services, scope, &access.actor, "update_toolkit", &(toolkit, to), None::<&()>).await?;
    Ok(row)
}

/// Deletes a toolkit with what it exposes.
///
/// # Errors
/// Not found; a call through it that is under way or whose outcome is not known (409); `person_required` for a key where
/// it has an approval policy or a tool; `changed_since` (412).
pub async fn delete(services: &Base, access: &OrgAccess, toolkit: &str, seen: &IfMatch) -> Result<()> {
    let mut scope = change::begin(services, access).await?;
    let changer = Changer::of(&mut scope, access).await?;
    let row = lock(&mut scope, toolkit).await?;
    seen.check(&etag(&row))?;
    let stored = row.approval_policy.as_ref().map(|policy| &policy.0);
    set_policy::checked_override(&mut scope, services, access, stored, None).await?;
    changer.may_remove(&mut scope, Of::Toolkit(row.id)).await?;
    settled(&mut scope, Of::Toolkit(row.id)).await?;
    db::toolkit::delete(&mut scope, row.id).await?;
    change::commit(services, scope, &access.actor, "delete_toolkit", &toolkit, None::<&()>).await
}

/// Finds a toolkit and locks it.
///
/// # Errors
/// Not found.
pub(super) async fn lock(scope: &mut OrgScope, slug: &str) -> Result<Row> {
    db::toolkit::lock(scope, slug).await?.ok_or_else(Error::not_found)
}

/// Fails while a call of one of these tools is under way or its outcome is not known: adding the
/// tool again would make it another one, and an identical call would run (approvals.md, promise 4).
///
/// # Errors
/// `approval_unsettled` (409), naming the approval.
pub(super) async fn settled(scope: &mut OrgScope, of: Of) -> Result<()> {
    match db::toolkit_tool::first_unsettled(scope, of).await? {
        None => Ok(()),
        Some(approval) => Err(Error::conflict(
            "approval_unsettled",
            format!(
                "the approved call {approval} is under way or its outcome is not known; wait for it or settle it first \
                 (to stop calls meanwhile, set the tool to blocked)"
            ),
        )),
    }
}

/// What a toolkit says to its agents.
fn instructions(text: &str) -> Result<String> {
    let text = text.replace("\r\n", "\n");
    if text.len() > LONGEST || text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        let rule =
            format!("must have at most {LONGEST} bytes of UTF-8, and no control characters but line feeds and tabs");
        return Err(Error::invalid("instructions", rule));
    }
    if is_blank(&text) {
        return Err(Error::invalid("instructions", "must have a character that can be seen"));
    }
    Ok(text.trim().to_owned())
}

fn taken(slug: &str) -> Error {
    Error::conflict("toolkit_exists", format!("there is a toolkit `{slug}` already"))
}
