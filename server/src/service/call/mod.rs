//! A tool call from beginning to end: [`decide`] finds the verdict, [`run`] runs a call that needs no approval,
//! [`held`] opens or joins an approval and follows it, [`dispatch`] claims and sends an approved call once, [`builtin`]
//! defines the gateway's own tools, [`task`] gives handles to callers that do not wait, and [`input`] handles an
//! upstream's questions. The shared types are in [`context`] and [`outcome`], the words for agents in [`say`] and
//! [`facts`].

pub mod builtin;
mod context;
mod decide;
mod dispatch;
mod facts;
mod held;
mod input;
mod keyed;
mod marked;
mod nobody;
mod once;
mod outcome;
mod own;
mod progress;
mod ready;
mod run;
mod say;
mod status;
mod stored;
pub mod task;
mod wait;

use std::sync::Arc;

use wire::mcp::CallParams;

pub use self::{
    context::{Context, LONGEST_RUN},
    dispatch::run_approved,
    once::{Once, sweep as sweep_keys},
    outcome::{Body, Refusal, Reply},
    own::{asked_here, run_by_id, stands},
    progress::{Progress, Told},
    ready::LIST_AGE,
};
use super::Calls;
use crate::error::{Error, Result};

/// How often a call is decided again because the configuration changed meanwhile.
const ATTEMPTS: usize = 10;

/// Calls a tool.
///
/// # Errors
/// Only if the gateway cannot say anything better, for example because Postgres is away. What the agent should read is
/// a [`Reply`].
pub async fn call_tool(services: &Arc<Calls>, mut context: Context, params: CallParams<'_>) -> Result<Reply> {
    for _ in 0..ATTEMPTS {
        if let Some(reply) = keyed::known(services, &context).await? {
            keyed::keep(services, &context, &reply).await;
            return Ok(reply);
        }
        let reply = match decide::decide(services, context.clone(), &params).await? {
            decide::Step::Answer(reply) => Some(reply),
            decide::Step::Builtin(context, tool) => Some(own::call(services, &context, tool, &params).await?),
            decide::Step::Run(ready, rule) => match &context.once {
                None => Some(run::run(services, &ready, &params, rule, || Ok(())).await?),
                Some(once) => keyed::run_once(services, &ready, &params, rule, once).await?,
            },
            decide::Step::Join(context, record) => match keyed::taken(services, &context, record.id).await? {
                keyed::Taken::Ours => held::join(services, &context, *record).await?,
                // Another call has the key: what is known of it decides.
                keyed::Taken::Theirs => None,
                keyed::Taken::TooMany => Some(say::too_many_keys()),
            },
            decide::Step::GoOn(context, round) => Some(held::go_on(services, &context, *round).await?),
            decide::Step::Hold(ready, rule) => held::hold(services, &ready, &params, &rule).await?,
        };
        if let Some(reply) = reply {
            keyed::keep(services, &context, &reply).await;
            return Ok(reply);
        }
        context = context.renewed(services).await?;
    }
    Err(Error::unavailable("the configuration changes all the time; nothing was done, try again"))
}
