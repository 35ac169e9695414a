//! Whether anybody could decide a request. If nobody can, the waiting agent is told.

use domain::directory::Org;

use crate::{
    db::{self, OrgScope, Reason, approval::Record},
    error::{Error, Result},
    service::{Base, approval::people::who_decides},
};

/// The message for an agent whose request nobody can decide.
pub(super) const NOBODY: &str = "nobody can decide this request as things stand: no other person of this org has a role that \
                                 may; tell the user, so that an administrator changes that before it expires";

/// Whether nobody may decide the request at the moment. `false` if that cannot be read.
pub(super) async fn decides(services: &Base, org: &Org, record: &Record) -> bool {
    is_nobodys(services, org, record).await.unwrap_or_default()
}

async fn is_nobodys(services: &Base, org: &Org, record: &Record) -> Result<bool> {
    let mut scope = OrgScope::system(&services.db.calls, org.id, Reason::Callers).await?;
    let own = db::approval::own_people(&mut scope, &record.binding).await?;
    drop(scope);
    let org = services.directory.org(org.id).await?.ok_or_else(Error::not_found)?;
    Ok(!who_decides(services, &org, record, &own).await?.somebody)
}
