//! Repeats what an approved call asks for to a caller that comes back without the request state.

use serde_json::value::RawValue;

use super::super::{
    context::Context,
    outcome::{Body, Reply, fits},
    say, stored,
};
use crate::{
    db::{OrgScope, Reason, approval::Record, audit::Status},
    error::Result,
    service::{Base, approval::bound},
    upstream::Answer,
};

/// Repeats the question to a caller that comes back without the request state: the first answer may have been lost.
pub(in crate::service::call) async fn ask_again(services: &Base, context: &Context, record: &Record) -> Result<Reply> {
    Ok(match question(services, context, record).await? {
        Ok(result) => {
            let reply = Reply { body: Body::Result(result), ..Reply::new(Status::Replayed, Box::default()) };
            reply.about(record.id)
        }
        Err(why) => say::asking(services, context, record, &why),
    })
}

/// What an approved call asks for, if this caller can continue it. `Err` says why it cannot.
pub(in crate::service::call) async fn question(
    services: &Base,
    context: &Context,
    record: &Record,
) -> Result<std::result::Result<Box<RawValue>, String>> {
    let Some(Answer::Result(result)) = stored::read(services, record).await? else {
        return Ok(Err("what it asked is not kept any more".to_owned()));
    };
    if !context.inputs.is_some_and(|inputs| fits(&result, inputs)) {
        return Ok(Err("this client did not say that it can be asked for that".to_owned()));
    }
    let mut scope = OrgScope::system(&services.db.calls, record.org, Reason::Callers).await?;
    let current = bound::current(services, &mut scope, record).await?;
    Ok(match record.binding.change(&current) {
        Some(change) => Err(format!("it cannot go on, since {}", change.message())),
        None => Ok(result),
    })
}
