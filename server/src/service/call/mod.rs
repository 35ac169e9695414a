//! A tool call from beginning to end: [`decide`] finds the verdict, [`run`] runs what needs no
//! approval, [`hold`] opens or joins an approval, [`wait`] holds the call open, [`dispatch`] claims it and
//! sends it once, [`replay`] gives a stored answer again, [`builtin`] are the gateway's own tools, [`task`]
//! are handles for callers that do not wait, [`input`] passes on what an upstream asks for, and [`round`] goes
//! on with it.

pub mod builtin;
mod claim;
mod decide;
mod dispatch;
mod facts;
mod hold;
mod input;
mod nobody;
pub mod progress;
mod ready;
mod replay;
mod round;
mod run;
mod say;
mod settle;
mod status;
pub mod task;
mod wait;

pub use progress::{Progress, Told};
pub use ready::LIST_AGE;

use std::{sync::Arc, time::Duration};

use domain::{
    ApprovalId, Caller, OrgId,
    directory::{Org, Toolkit, ToolkitTool},
};
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;
use wire::{
    error::RpcError,
    listed::has_output_schema,
    mcp::{CallParams, Trace, input::Inputs},
};

use super::{
    Services,
    access::{self, Actor},
};
use crate::{
    db::{
        self, OrgScope,
        audit::{Intent, Status},
    },
    error::{Error, Result},
    limit::Load,
};

/// Where and for whom a call is made.
#[derive(Clone)]
pub struct Context {
    /// Whose credential it is.
    pub actor: Actor,
    /// The version of the configuration that the following were read at.
    pub version: i64,
    /// Who calls.
    pub caller: Caller,
    /// The toolkit's org.
    pub org: Arc<Org>,
    /// The toolkit.
    pub toolkit: Arc<Toolkit>,
    /// The client's name and version, as it said.
    pub client: Option<String>,
    /// Whether the request declared the tasks extension.
    pub tasks: bool,
    /// What the client can be asked for; `None`: nothing, and it would not know that it is asked.
    pub inputs: Option<Inputs>,
    /// The call's record: queued before it runs, or made durable with the claim.
    pub intent: Intent,
    /// When the call came in.
    pub began: std::time::Instant,
    /// How long it may be held open.
    pub hold: Duration,
    /// Trace context, which goes upstream with the call that is sent.
    pub trace: Trace,
    /// Where the client hears how it goes.
    pub progress: Progress,
    /// Cancelled when the client no longer waits.
    pub cancel: CancellationToken,
    /// What it takes up of its caller's budget.
    pub load: Arc<Load>,
    /// The toolkit's tool that it calls, once that is known; none for a tool of the gateway itself.
    pub called: Option<Arc<ToolkitTool>>,
}

/// What the agent gets, and what the record says of it.
#[derive(Debug)]
pub struct Reply {
    /// The answer.
    pub body: Body,
    /// How the record says it ended.
    pub status: Status,
    /// The rule that decided, if one did.
    pub rule: Option<String>,
    /// The approval it is about.
    pub approval: Option<ApprovalId>,
    /// How much of its record is written already.
    pub recorded: Recorded,
    /// The approval whose answer this is: once it is written whole, replay counts from the finish.
    pub answers: Option<(OrgId, ApprovalId)>,
}

/// How much of a call's record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// Nothing yet: nothing has happened.
    Nothing,
    /// The intent is queued.
    Intent,
    /// Both sides, or they will be: the dispatcher of an approved call writes them.
    Whole,
}

/// An answer in one of the three forms there are.
#[derive(Debug)]
pub enum Body {
    /// A result, byte for byte as the upstream gave it, or one that we wrote.
    Result(Box<RawValue>),
    /// The upstream's JSON-RPC error, byte for byte.
    UpstreamError(Box<RawValue>),
    /// A JSON-RPC error of ours.
    Error(RpcError),
}

impl Reply {
    /// A JSON-RPC error: the request itself was wrong.
    pub fn error(error: RpcError) -> Self {
        Self { body: Body::Error(error), ..Self::new(Status::Refused, Box::default()) }
    }

    fn new(status: Status, body: Box<RawValue>) -> Self {
        Self {
            body: Body::Result(body),
            status,
            rule: None,
            approval: None,
            recorded: Recorded::Nothing,
            answers: None,
        }
    }

    fn rule(mut self, rule: impl ToString) -> Self {
        self.rule = Some(rule.to_string());
        self
    }

    fn about(mut self, approval: ApprovalId) -> Self {
        self.approval = Some(approval);
        self
    }
}

impl Context {
    /// The same call in the newest snapshot: whoever called may have lost the right to since, also by time alone.
    fn renewed(mut self, services: &Services) -> Result<Self> {
        let directory = services.directory.get()?;
        self.actor = access::again(services, &directory, &self.actor)?;
        if directory.version != self.version {
            let (org, toolkit) = (self.org.slug.as_str(), self.toolkit.slug.as_str());
            (self.caller, self.org, self.toolkit) = access::caller(&directory, &self.actor, org, toolkit)?;
            self.version = directory.version;
        }
        Ok(self)
    }
}

impl Context {
    /// Whether the client may hold the answer against an output schema that is not the gateway's: strict ones read no
    /// other result then, unless it is an error (approvals.md, "What the agent sees", 4). Of a tool whose definition has
    /// changed, the one that was reviewed counts as well: clients may have been listed that.
    async fn meets_schema(&self, services: &Services) -> bool {
        let known = |tool: &&Arc<ToolkitTool>| self.toolkit.output_schema_is_known(tool, services.clock.now());
        let Some(tool) = self.called.as_ref().filter(known) else { return false };
        if has_output_schema(&tool.tool.definition) || !tool.tool.changed {
            return has_output_schema(&tool.tool.definition);
        }
        // An error is read by every client: it is the answer where the definition cannot be.
        let Ok(mut scope) = OrgScope::begin(&services.db.calls, self.org.id).await else { return true };
        let row = db::tool::exposed(&mut scope, tool.id).await;
        row.map_or(true, |row| row.is_some_and(|row| has_output_schema(&row.reviewed_definition)))
    }
}

/// How often a call is decided again because the configuration changed under it.
const ATTEMPTS: usize = 10;

/// Calls a tool.
///
/// # Errors
/// Only what keeps the gateway from saying anything better, such as Postgres being gone. What the
/// agent should read is a [`Reply`].
pub async fn call_tool(services: &Arc<Services>, mut context: Context, params: CallParams<'_>) -> Result<Reply> {
    for _ in 0..ATTEMPTS {
        let reply = match decide::decide(services, context.clone(), &params).await? {
            decide::Step::Answer(reply) => Some(reply),
            decide::Step::Builtin(context, tool) => Some(builtin::call(services, &context, tool, &params).await?),
            decide::Step::Run(ready, rule) => Some(run::run(services, &ready, &params, rule).await?),
            decide::Step::Join(context, record) => hold::join(services, &context, *record).await?,
            decide::Step::GoOn(context, round) => Some(round::go_on(services, &context, *round).await?),
            decide::Step::Hold(ready, rule) => hold::hold(services, &ready, &params, &rule).await?,
        };
        if let Some(reply) = reply {
            return Ok(reply);
        }
        context = context.renewed(services)?;
    }
    Err(Error::unavailable("the configuration changes all the time; nothing was done, try again"))
}
