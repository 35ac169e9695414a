//! Finding out how much of new input schemas is used, for people: beside the listing, since a listing must not wait for
//! schemas that take long to compile. A call that asks a person does not wait for this.

use crate::{
    db::{self, OrgScope, Reason, SystemScope},
    error::Result,
    service::Services,
};

/// Looks at some schemas that nobody has looked at yet, on any replica.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn judge(services: &Services) -> Result<()> {
    let mut scope = SystemScope::begin(&services.db, Reason::Directory).await?;
    let unjudged = db::tool::unjudged(&mut scope).await?;
    drop(scope);
    for tool in unjudged {
        let Some(checked) = services.directory.schemas.usable(&tool.definition).await else { continue };
        let mut scope = OrgScope::system(&services.db, tool.org, Reason::Upkeep).await?;
        db::tool::judge(&mut scope, tool.id, &tool.sha256, &checked).await?;
        scope.commit().await?;
    }
    Ok(())
}
