//! A claim: for whom it is made, what it gives, and how the attempt ended.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{OrgId, Principal, Slug, approval::Change};
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
pub(super) const MARGIN: Duration = Duration::from_secs(5);

/// For whom a claim is made.
#[derive(Clone)]
pub(super) struct Claimant {
    pub(super) org: OrgId,
    pub(super) org_slug: Slug,
    pub(super) principal: Principal,
    pub(super) name: String,
    /// The record of the call.
    pub(super) intent: Intent,
    /// When the call came in.
    pub(super) began: Instant,
    /// Whether the call itself can go on as a task of the upstream's.
    pub(super) tasks: bool,
    /// What its client can be asked for; `None`: nothing, and it would not know that it is asked.
    pub(super) inputs: Option<Inputs>,
    /// Whether no call waits: then it is claimed only while a task does.
    pub(super) only_for_task: bool,
    /// The trace that the call belongs to.
    pub(super) trace: Trace,
    /// Where its client hears how it goes.
    pub(super) progress: Progress,
    /// What it takes up of its caller's budget, if a call of it is there.
    pub(super) load: Option<Arc<Load>>,
}

impl From<&Context> for Claimant {
    fn from(context: &Context) -> Self {
        Self {
            org: context.org.id,
            org_slug: context.org.slug.clone(),
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

/// A claim that was won: the right, and the duty, to send once and report.
pub(super) struct Claimed {
    pub(super) record: Record,
    /// The token that proves whose claim it is.
    pub(super) holder: Uuid,
    /// Until when the lease holds, by a monotonic clock read before the claim.
    pub(super) lease_ends: Instant,
    pub(super) spec: Arc<ConnectionSpec>,
    /// The tool's name at the upstream.
    pub(super) upstream_tool: String,
    /// The stored bytes.
    pub(super) arguments: Box<RawValue>,
    /// What of them the upstream wants as headers too.
    pub(super) param_headers: Vec<(String, String)>,
    /// The record of the call that claimed it.
    pub(super) intent: Intent,
    /// When that call came in.
    pub(super) began: Instant,
    /// The trace that it belongs to.
    pub(super) trace: Trace,
    /// Where its client hears how it goes.
    pub(super) progress: Progress,
    /// What it takes up of its caller's budget.
    pub(super) load: Option<Arc<Load>>,
    /// Whether the upstream may answer with a task.
    pub(super) tasks: bool,
    /// What it may ask for.
    pub(super) inputs: Option<Inputs>,
    /// What the call goes on with, if its upstream asked before.
    pub(super) round: Option<Round>,
}

/// How an attempt ended.
pub(super) enum Claim {
    Won(Box<Claimed>),
    /// Another one has it, or it is no longer approved: look again.
    Lost,
    /// Another call on this replica is just claiming it: look again when it has.
    Busy,
    /// Something it was bound to changed; it is invalidated now.
    Changed(Change),
    /// The upstream cannot be used at the moment; it stays approved.
    Unready(String),
}
