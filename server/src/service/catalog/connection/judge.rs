//! Finding out how much of new input schemas is used, for people: beside the listing, since a listing must not wait for
//! schemas that take long to compile. A call that asks a person does not wait for this.

use tokio::time::Instant;

use crate::{
    db::{self, OrgScope, Reason, SystemScope},
    error::Result,
    service::Base,
};

/// Looks at the schemas that nobody has looked at yet, on any replica, until there are none. Between some of them it rests
/// as long as they took: an upstream may offer others without end, and calls have schemas to compile too.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn judge(services: &Base) -> Result<()> {
    while !services.stop.is_cancelled() {
        let began = Instant::now();
        if !judge_some(services).await? {
            break;
        }
        tokio::time::sleep(began.elapsed()).await;
    }
    Ok(())
}

/// `false`: there was nothing left.
async fn judge_some(services: &Base) -> Result<bool> {
    let mut scope = SystemScope::begin(&services.db.upkeep, Reason::Directory).await?;
    let unjudged = db::tool::unjudged(&mut scope).await?;
    drop(scope);
    let any = !unjudged.is_empty();
    for tool in unjudged {
        let Some(checked) = services.directory.schemas.usable(&tool.definition).await else { continue };
        let mut scope = OrgScope::system(&services.db.upkeep, tool.org, Reason::Upkeep).await?;
        db::tool::judge(&mut scope, tool.id, &tool.sha256, &checked).await?;
        scope.commit().await?;
    }
    Ok(any)
}
