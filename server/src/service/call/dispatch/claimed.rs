//! A claim: who makes it, what it holds, and how the attempt ended.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{OrgId, Principal, approval::Change};
use serde_json::value::RawValue;
use uuid::Uuid;
use wire::mcp::{Trace, input::Inputs};

use super::super::{context::Context, input::Round, progress::Progress};
use crate::{
    db::{approval::Record, audit::Intent},
    limit::Load,
    upstream::ConnectionSpec,
};

/// The margin below which a dispatcher sends nothing (approvals.md, "The lease").
pub(in crate::service::call) const MARGIN: Duration = Duration::from_secs(5);

/// The call or task for which a claim is made.
#[derive(Clone)]
pub(super) struct Claimant {
    pub(super) org: OrgId,
    pub(super) principal: Principal,
    pub(super) name: String,
    /// The record of the call.
    pub(super) intent: Intent,
    /// When the call came in.
    pub(super) began: Instant,
    /// Whether the call can continue as a task of the upstream.
    pub(super) tasks: bool,
    /// The kinds of input that its client can be asked for. `None`: it cannot be asked for anything and would not
    /// recognise the question.
    pub(super) inputs: Option<Inputs>,
    /// Whether no call is waiting. The approval is then claimed only while a task waits for it.
    pub(super) only_for_task: bool,
    /// The trace that the call belongs to.
    pub(super) trace: Trace,
    /// Where progress is sent to its client.
    pub(super) progress: Progress,
    /// The call's share of its caller's budget, if a call is present.
    pub(super) load: Option<Arc<Load>>,
}

impl From<&Context> for Claimant {
    fn from(context: &Context) -> Self {
        Self {
            org: context.org.id,
            principal: context.caller.principal,
            name: context.caller.name.to_string(),
            intent: context.intent.clone(),
            began: context.began,
            tasks: context.tasks,
            inputs: context.inputs,
            only_for_task: false,
            trace: context.trace.clone(),
            progress: context.progress.clone(),
            load: Some(context.load.clone()),
        }
    }
}

/// A claim that was won: the right to send the call once, and the duty to report its outcome.
pub(super) struct Claimed {
    pub(super) record: Record,
    /// The token that identifies the holder of the claim.
    pub(super) holder: Uuid,
    /// When the lease ends, by a monotonic clock read before the claim.
    pub(super) lease_ends: Instant,
    pub(super) spec: Arc<ConnectionSpec>,
    /// The tool's name at the upstream.
    pub(super) upstream_tool: String,
    /// The stored bytes of the arguments.
    pub(super) arguments: Box<RawValue>,
    /// The arguments that the upstream also wants as headers.
    pub(super) param_headers: Vec<(String, String)>,
    /// The record of the call that claimed it.
    pub(super) intent: Intent,
    /// When that call came in.
    pub(super) began: Instant,
    /// The trace that the call belongs to.
    pub(super) trace: Trace,
    /// Where progress is sent to its client.
    pub(super) progress: Progress,
    /// The call's share of its caller's budget.
    pub(super) load: Option<Arc<Load>>,
    /// Whether the upstream may answer with a task.
    pub(super) tasks: bool,
    /// The kinds of input that the upstream may ask for.
    pub(super) inputs: Option<Inputs>,
    /// The round with which the call continues, if its upstream asked for input before.
    pub(super) round: Option<Round>,
}

/// How an attempt to claim ended.
pub(super) enum Claim {
    Won(Box<Claimed>),
    /// Another dispatcher has it, or it is no longer approved: read the approval again.
    Lost,
    /// Another call on this replica is claiming it now: read the approval again afterwards.
    Busy,
    /// Something that the approval is bound to changed; it is now invalidated.
    Changed(Change),
    /// The upstream cannot be used at the moment; the approval stays approved.
    Unready(String),
}
