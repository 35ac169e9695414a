//! Calls with an idempotency key: what is known of the key answers the call, or the call takes the key and runs. The key is
//! durable before anything is sent, so that nothing runs twice whatever crashes (api.md, "Calling tools").

use std::{sync::Arc, time::Duration};

use domain::{ApprovalId, Rule};
use parking_lot::Mutex;
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wire::mcp::CallParams;

pub(super) use super::once::Taken;
use super::{
    context::Context,
    dispatch::MARGIN,
    facts::{self, Next},
    held,
    once::Once,
    outcome::{Body, Recorded, Refusal, Reply, body},
    ready::Ready,
    run::run,
    say, stored,
};
use crate::{
    audit::writer::PATIENCE,
    db::{
        self, OrgScope,
        audit::Status,
        idempotent_call::{For, Row, State},
    },
    error::{Error, Result},
    service::{Base, Calls, access},
    upstream::Answer,
};

/// How often it is looked whether the call that has the key is over.
const LOOK: Duration = Duration::from_millis(250);
/// The longest pause between two looks.
const SELDOM: Duration = Duration::from_secs(2);

/// What is known of the call's key. `None`: it has no key, or an unused one.
pub(super) async fn known(services: &Arc<Calls>, context: &Context) -> Result<Option<Reply>> {
    let Some(once) = &context.once else { return Ok(None) };
    let Some(row) = settled(services, context, once).await? else { return Ok(None) };
    if !once.is_same(&row) {
        return Ok(Some(reused()));
    }
    Ok(Some(match row.state {
        State::Answered(sealed, approval) => Reply { approval, ..answered(services, once, sealed)? },
        State::Held(approval) => {
            let mut scope = OrgScope::begin(&services.db.calls, context.org.id).await?;
            let record = db::approval::get(&mut scope, approval).await?.ok_or_else(Error::not_found)?;
            drop(scope);
            held::follow(services, context, record).await?
        }
        State::Unknown => unknown(),
        State::Running => in_progress(),
    }))
}

/// The key's row, once nobody runs its call, or when this call has waited for as long as it may. Whoever has waited is
/// checked again: its credential may have ended meanwhile.
async fn settled(services: &Calls, context: &Context, once: &Once) -> Result<Option<Row>> {
    let row = once.find(services).await?;
    let until = Instant::from_std(context.began) + context.joins;
    let is_running =
        |row: &Option<Row>| row.as_ref().is_some_and(|row| once.is_same(row) && row.state == State::Running);
    if !is_running(&row) || Instant::now() >= until {
        return Ok(row);
    }
    // Only so many of one caller wait at once.
    let Some(_seat) = services.held.take(context.caller.principal) else { return Ok(row) };
    let _waits = context.load.wait();
    let ended = async {
        let mut pause = LOOK;
        loop {
            tokio::time::sleep(pause).await;
            let row = once.find(services).await?;
            if !is_running(&row) {
                return Ok::<_, Error>(row);
            }
            pause = (pause * 2).min(SELDOM);
        }
    };
    let row = tokio::select! {
        biased;
        () = context.cancel.cancelled() => row,
        () = services.stop.cancelled() => row,
        () = tokio::time::sleep_until(until) => row,
        () = access::ended(services, &context.actor) => return Err(Error::unauthorized()),
        ended = ended => ended?,
    };
    context.clone().renewed(services).await?;
    Ok(row)
}

/// Takes the key, if there is one, for the call of this approval, before it is waited for or claimed.
pub(super) async fn taken(services: &Arc<Calls>, context: &Context, approval: ApprovalId) -> Result<Taken> {
    match &context.once {
        Some(once) => once.take(services, Uuid::now_v7(), For::Approval(approval)).await,
        None => Ok(Taken::Ours),
    }
}

/// Runs a call that needs no approval under its key. `None`: another call took the key meanwhile.
pub(super) async fn run_once(
    services: &Arc<Calls>,
    ready: &Ready,
    params: &CallParams<'_>,
    rule: Rule,
    once: &Once,
) -> Result<Option<Reply>> {
    let holder = Uuid::now_v7();
    // Read before the key is taken, so that the lease ends for this replica before it does for the others.
    let lease = Arc::new(Mutex::new(std::time::Instant::now() + services.lease));
    match once.take(services, holder, For::Running).await? {
        Taken::Ours => {}
        Taken::Theirs => return Ok(None),
        Taken::TooMany => return Ok(Some(say::too_many_keys())),
    }
    let finished = CancellationToken::new();
    let heartbeat = tokio::spawn(renew(services.clone(), once.clone(), holder, lease.clone(), finished.clone()));
    // Also when this task ends in a panic: a lease without a running call must lapse.
    let working = finished.drop_guard();
    let guard = move || {
        let left = lease.lock().saturating_duration_since(std::time::Instant::now());
        if left >= MARGIN { Ok(()) } else { Err("its key had nearly run out before it could be sent".to_owned()) }
    };
    let reply = run(services, ready, params, rule, guard).await;
    finish(services, once, holder, &reply).await;
    drop(working);
    let _ = heartbeat.await;
    reply.map(Some)
}

/// Renews the key's lease, three times as often as needed, until the call is finished or the lease is lost.
async fn renew(
    services: Arc<Calls>,
    once: Once,
    holder: Uuid,
    lease: Arc<Mutex<std::time::Instant>>,
    finished: CancellationToken,
) {
    loop {
        tokio::select! {
            () = finished.cancelled() => return,
            () = tokio::time::sleep(services.lease / 3) => {}
        }
        let before = std::time::Instant::now();
        match once.renew(&services, holder, services.lease.as_secs_f64()).await {
            Ok(true) => *lease.lock() = before + services.lease,
            Ok(false) => return tracing::warn!("the lease of an idempotency key was lost"),
            Err(error) => tracing::warn!(%error, "the lease of an idempotency key was not renewed"),
        }
    }
}

/// Writes what became of the call. If that fails, the key's lease lapses, and the key says that the call may have run.
async fn finish(services: &Base, once: &Once, holder: Uuid, reply: &Result<Reply>) {
    let bytes = reply.as_ref().ok().and_then(stored_bytes);
    let began = Instant::now();
    loop {
        let written = match (reply.as_ref().map(|reply| reply.status), &bytes) {
            (Ok(Status::Unknown), _) => once.lost(services, holder).await,
            (Ok(Status::Ok | Status::Error), Some(bytes)) => once.answered(services, holder, bytes).await,
            // An error of `run` comes before anything is sent.
            _ => once.give_back(services, holder).await,
        };
        match written {
            Ok(()) => return,
            Err(error) if began.elapsed() > PATIENCE || services.stop.is_cancelled() => {
                error.log();
                return;
            }
            Err(_) => tokio::time::sleep(LOOK).await,
        }
    }
}

/// Keeps the answer of an approved call under its key, for longer than the approval does.
pub(super) async fn keep(services: &Base, context: &Context, reply: &Reply) {
    let (Some(once), Some(approval)) = (&context.once, reply.approval) else { return };
    // A stored answer that is given again is kept as well: whoever ran the call may have had no key.
    let stored = match reply.status {
        Status::Ok | Status::Error => stored_bytes(reply),
        Status::Replayed if reply.answers.is_some() => bytes_of(&reply.body),
        _ => None,
    };
    let Some(bytes) = stored else { return };
    if let Err(error) = once.keep_answer(services, approval, &bytes).await {
        tracing::warn!(%error, "an answer could not be kept under its idempotency key");
    }
}

/// The upstream's answer as it is stored. `None`: the reply is the gateway's own.
fn stored_bytes(reply: &Reply) -> Option<Vec<u8>> {
    if reply.facts.is_some() { None } else { bytes_of(&reply.body) }
}

fn bytes_of(body: &Body) -> Option<Vec<u8>> {
    match body {
        Body::Result(raw) => Some(stored::encode(&Answer::Result(raw.clone()))),
        Body::UpstreamError(raw) => Some(stored::encode(&Answer::Error(raw.clone()))),
        Body::Error(_) => None,
    }
}

fn answered(services: &Base, once: &Once, sealed: Option<Vec<u8>>) -> Result<Reply> {
    let said = |next, text: &str| {
        let mut facts = facts::of_call("executed", next, text);
        facts["replayed"] = json!(true);
        facts
    };
    let Some(sealed) = sealed else {
        let text = "This call ran; its answer was too large to be kept. It did not run again.";
        return Ok(Reply::of_facts(Status::Replayed, said(Next::StopAndTellUser, text)));
    };
    let answer = stored::decode(once.open(services, &sealed)?)?;
    let facts = said(Next::UseResult, "This is the stored answer of the call with this key. It did not run again.");
    let (_, body) = body(answer);
    Ok(Reply { body, facts: Some(Box::new(facts)), ..Reply::new(Status::Replayed, Box::default()) })
}

fn unknown() -> Reply {
    let text = "OUTCOME UNKNOWN: the call with this key was sent, and what became of it is not known: it may have run. It is not sent again with this key. Look at the upstream before you send it with another one.";
    let facts = facts::of_call("outcome_unknown", Next::StopAndTellUser, text);
    Reply { recorded: Recorded::Nothing, ..Reply::of_facts(Status::Refused, facts).rule("outcome unknown") }
}

fn in_progress() -> Reply {
    let text = "the call with this key is under way; send the same request again for its answer";
    say::refused(Next::AskAgain, text).because(Refusal::InProgress)
}

fn reused() -> Reply {
    let text = "this key was used for another call within a day; a key stands for one tool with one set of arguments";
    say::refused(Next::ReviseAndResubmit, text).because(Refusal::KeyReused)
}
