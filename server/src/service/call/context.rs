//! A call in progress: its caller, its toolkit, and both as they are now.

use std::{sync::Arc, time::Duration};

use domain::{
    Caller, ToolkitToolId,
    directory::{Org, Toolkit, ToolkitTool},
};
use tokio_util::sync::CancellationToken;
use wire::{
    listed::has_output_schema,
    mcp::{Trace, input::Inputs},
};

use super::{once::Once, progress::Progress};
use crate::{
    db::{self, OrgScope, approval::Record, audit::Intent},
    error::Result,
    limit::Load,
    service::{
        Base,
        access::{self, Actor},
    },
};

/// How long a call may wait for a run that it joined.
pub const LONGEST_RUN: Duration = Duration::from_secs(3_600);

/// The caller, the endpoint and the client of one call.
#[derive(Clone)]
pub struct Context {
    /// The owner of the credential.
    pub actor: Actor,
    /// Who calls.
    pub caller: Caller,
    /// The toolkit's org.
    pub org: Arc<Org>,
    /// The toolkit.
    pub toolkit: Arc<Toolkit>,
    /// The client's name and version, as the client stated them.
    pub client: Option<String>,
    /// Whether the request declared the tasks extension.
    pub tasks: bool,
    /// The kinds of input that the client can be asked for. `None`: it cannot be asked for anything and would not
    /// recognise the question.
    pub inputs: Option<Inputs>,
    /// The call's record: queued before it runs, or made durable with the claim.
    pub intent: Intent,
    /// When the call came in.
    pub began: std::time::Instant,
    /// How long the call may be held open.
    pub hold: Duration,
    /// How long it waits for a run that it joined: [`LONGEST_RUN`] where the client can hear meanwhile how it goes.
    pub joins: Duration,
    /// Whether the gateway's own tools can be called: over plain HTTP there are addresses instead.
    pub builtins: bool,
    /// The idempotency key that came with the call.
    pub once: Option<Once>,
    /// Trace context, which goes upstream with the call.
    pub trace: Trace,
    /// Where progress is sent to the client.
    pub progress: Progress,
    /// Cancelled when the client no longer waits.
    pub cancel: CancellationToken,
    /// The call's share of its caller's budget.
    pub load: Arc<Load>,
    /// The toolkit's tool being called, once it is known. `None` for the gateway's own tools.
    pub called: Option<Arc<ToolkitTool>>,
}

impl Context {
    /// The same call with everything as it is now. The caller may have lost its rights since, also by time alone.
    pub(super) async fn renewed(self, services: &Base) -> Result<Self> {
        let (actor, caller, org, toolkit) =
            access::caller_again(services, &self.actor, &self.org, &self.toolkit).await?;
        Ok(Self { actor, caller, org, toolkit, ..self })
    }

    /// Whether the client may check the answer against an output schema that is not the gateway's. Strict clients then
    /// accept no other result except an error (approvals.md, "What the agent sees", 4). If a tool's definition has
    /// changed, the reviewed definition counts as well: clients may have been given that one.
    pub(super) async fn meets_schema(&self, services: &Base) -> bool {
        let known = |tool: &&Arc<ToolkitTool>| self.toolkit.output_schema_is_known(tool, services.clock.now());
        let Some(tool) = self.called.as_ref().filter(known) else { return false };
        if has_output_schema(&tool.tool.definition) || !tool.tool.changed {
            return has_output_schema(&tool.tool.definition);
        }
        // Every client can read an error, so an error is the answer where the definition cannot be read.
        let Ok(mut scope) = OrgScope::begin(&services.db.calls, self.org.id).await else { return true };
        let row = db::tool::exposed(&mut scope, tool.id).await;
        row.map_or(true, |row| row.is_some_and(|row| has_output_schema(&row.reviewed_definition)))
    }

    /// The approval that an identical call of this caller would join.
    pub(super) async fn find_identical(
        &self,
        services: &Base,
        tool: ToolkitToolId,
        arguments_sha256: &[u8; 32],
    ) -> Result<Option<Record>> {
        let mut scope = OrgScope::begin(&services.db.calls, self.org.id).await?;
        db::approval::find_identical(&mut scope, self.caller.principal, tool, arguments_sha256).await
    }
}
