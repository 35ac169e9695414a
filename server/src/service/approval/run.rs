//! How an approved call ran: how its upstream answered, and what. For everybody who may read the approval: they see
//! its arguments too (docs/approvals.md, "What became of a call").

use std::collections::HashMap;

use api_types::RunResult;
use domain::{
    ApprovalId,
    approval::{Answer, Settled, State},
};
use uuid::Uuid;

use crate::{
    db::{
        OrgScope,
        approval::{Record, run},
    },
    error::Result,
};

/// How many characters of a result are shown; its record has the whole.
const SHOWN: i32 = 64 * 1024;

/// How the upstreams answered those of these calls that ran. A row that an earlier version wrote does not say so: then
/// the audit does, if it still has the record. What a person settled has no answer.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn answers(scope: &mut OrgScope, records: &[Record]) -> Result<HashMap<ApprovalId, Answer>> {
    let mut found = HashMap::new();
    let mut unsaid: Vec<Uuid> = Vec::new();
    for record in records.iter().filter(|record| was_answered(record)) {
        match &record.stored {
            State::Executed(executed) if let Some(answer) = executed.answer() => {
                found.insert(record.id, answer);
            }
            _ => unsaid.push(record.id.0),
        }
    }
    if !unsaid.is_empty() {
        let recorded = run::recorded_answers(scope, &unsaid).await?;
        found.extend(recorded.into_iter().map(|(id, answer)| (ApprovalId(id), answer)));
    }
    Ok(found)
}

/// What the upstream answered, as the audit has it, if it still does.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn result(scope: &mut OrgScope, record: &Record) -> Result<Option<RunResult>> {
    if !was_answered(record) {
        return Ok(None);
    }
    let recorded = run::recorded_result(scope, record.id, SHOWN).await?;
    Ok(recorded.map(|found| RunResult {
        record_id: found.record.0,
        is_whole: usize::try_from(found.bytes).is_ok_and(|bytes| bytes == found.response.len()),
        bytes: found.bytes.unsigned_abs(),
        response: found.response,
    }))
}

/// Whether an upstream answered it, and no person had to find out.
fn was_answered(record: &Record) -> bool {
    matches!(&record.stored, State::Executed(executed) if !matches!(executed.by(), Settled::Person(_)))
}
