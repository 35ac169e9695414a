//! Group commit: calls hand their records in, a lane inserts what has gathered with one statement
//! and one commit, then wakes them. Nobody's answer leaves before its record is durable
//! (approvals.md, promise 3), and nobody waits for a commit of their own.

use std::{sync::Arc, time::Duration};

use sqlx::{Connection, PgConnection};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    task::JoinHandle,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    db::{
        self, AuditConnector,
        audit::{Intent, Outcome},
    },
    error::{Error, Result},
    metrics,
};

/// How many commits may be under way at once.
const LANES: usize = 2;
/// How many records may wait in a lane before callers wait for room.
const QUEUE: usize = 2_048;
/// How many records one commit takes at most.
const BATCH: usize = 256;
/// How many bytes of bodies one commit takes, unless a single record has more. For the moment of a commit they are in
/// memory three times: here, as parameters and on their way to Postgres.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// In units of how many bytes the room of the queue is counted.
const UNIT: usize = 1_024;
/// How long intents wait for an outcome to be written with: nobody waits for them, and most calls
/// are answered sooner, so that one commit serves both sides.
const LINGER: Duration = Duration::from_millis(4);
/// How long a caller waits for its record to be durable.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How long Postgres may take to answer before the connection is given up: longer than any statement may.
const SILENCE: Duration = Duration::from_secs(35);

/// A record that waits, and the room that it takes until it is written.
struct Queued {
    entry: Side,
    _room: OwnedSemaphorePermit,
}

enum Side {
    Intent(Box<Intent>),
    Outcome(Box<Outcome>, Option<oneshot::Sender<Result<()>>>),
}

impl Side {
    fn bytes(&self) -> usize {
        match self {
            Self::Intent(intent) => intent.request.as_ref().map_or(0, |request| request.len()),
            Self::Outcome(outcome, _) => outcome.response.as_ref().map_or(0, String::len),
        }
    }
}

/// Where records are handed in. Cheap to clone.
#[derive(Clone)]
pub struct Writer {
    lanes: Arc<[mpsc::Sender<Queued>]>,
    room: Arc<Semaphore>,
    /// All there is of it, in units.
    units: u32,
    closing: CancellationToken,
}

impl Writer {
    /// Starts the lanes. They end, with everything written, after [`close`](Self::close) or when the last
    /// writer is dropped. Records with bodies of at most so many `bytes` wait in them; who has more waits for room.
    pub fn start(connector: AuditConnector, bytes: usize) -> (Self, Vec<JoinHandle<()>>) {
        let closing = CancellationToken::new();
        let mut tasks = Vec::new();
        let lanes = (0..LANES)
            .map(|_| {
                let (sender, receiver) = mpsc::channel(QUEUE);
                tasks.push(tokio::spawn(run(connector.clone(), receiver, closing.clone())));
                sender
            })
            .collect();
        let units = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX);
        let room = Arc::new(Semaphore::new(usize::try_from(units).unwrap_or(Semaphore::MAX_PERMITS)));
        (Self { lanes, room, units, closing }, tasks)
    }

    /// Takes no more records; those that were handed in are written, then the lanes end. Whoever still holds
    /// a writer, such as a response that nobody reads, cannot keep them from ending.
    pub fn close(&self) {
        self.closing.cancel();
    }

    /// Queues an intent without waiting for it: it becomes durable before or with its outcome,
    /// since both take the same lane.
    ///
    /// # Errors
    /// When the queue is full for too long: Postgres does not keep up or is gone. When the writer is closed.
    pub async fn intend(&self, intent: Intent) -> Result<()> {
        let lane = self.lane(intent.id.0);
        self.send(lane, Side::Intent(Box::new(intent))).await
    }

    /// Hands an outcome in and returns when it, and its intent, are durable.
    ///
    /// # Errors
    /// When that is not known within [`PATIENCE`]. The record is kept and written as soon as
    /// Postgres is back. When the writer is closed: then it is not kept.
    pub async fn conclude(&self, outcome: Outcome) -> Result<()> {
        let (durable, wait) = oneshot::channel();
        let lane = self.lane(outcome.intent.0);
        self.send(lane, Side::Outcome(Box::new(outcome), Some(durable))).await?;
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(Ok(result)) => result,
            _ => Err(not_recorded()),
        }
    }

    async fn send(&self, lane: &mpsc::Sender<Queued>, entry: Side) -> Result<()> {
        let sent = async {
            let units = u32::try_from(entry.bytes().div_ceil(UNIT)).unwrap_or(u32::MAX).clamp(1, self.units);
            let room = self.room.clone().acquire_many_owned(units).await.ok()?;
            lane.send(Queued { entry, _room: room }).await.ok()
        };
        tokio::time::timeout(PATIENCE, sent).await.ok().flatten().ok_or_else(not_recorded)
    }

    fn lane(&self, id: uuid::Uuid) -> &mpsc::Sender<Queued> {
        // The last byte of a UUIDv7 is random.
        &self.lanes[usize::from(id.as_bytes()[15]) % self.lanes.len()]
    }
}

fn not_recorded() -> Error {
    Error::unavailable("this could not be recorded, so no answer is given")
}

async fn run(connector: AuditConnector, mut queue: mpsc::Receiver<Queued>, closing: CancellationToken) {
    let mut conn: Option<PgConnection> = None;
    let mut batch = Vec::with_capacity(BATCH);
    while receive(&mut queue, &mut batch, &closing).await > 0 {
        linger(&mut queue, &mut batch).await;
        while !batch.is_empty() {
            let fits = fitting(&batch);
            let began = Instant::now();
            write(&connector, &mut conn, &mut batch[..fits]).await;
            if let Some(conn) = &mut conn {
                // A large record leaves nothing behind.
                conn.shrink_buffers();
            }
            metrics::audit_committed(fits, began.elapsed());
            batch.drain(..fits);
        }
    }
}

/// Waits for records; 0 when there will be none any more.
async fn receive(queue: &mut mpsc::Receiver<Queued>, batch: &mut Vec<Queued>, closing: &CancellationToken) -> usize {
    if !queue.is_closed() {
        tokio::select! {
            received = queue.recv_many(batch, BATCH) => return received,
            () = closing.cancelled() => queue.close(),
        }
    }
    queue.recv_many(batch, BATCH).await
}

/// Gathers more while nobody waits for what is there.
async fn linger(queue: &mut mpsc::Receiver<Queued>, batch: &mut Vec<Queued>) {
    let until = Instant::now() + LINGER;
    while batch.len() < BATCH && batch.iter().all(|waiting| matches!(waiting.entry, Side::Intent(_))) {
        match tokio::time::timeout_at(until, queue.recv_many(batch, BATCH)).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return,
        }
    }
}

/// How many entries go into one commit: at least one.
fn fitting(waiting: &[Queued]) -> usize {
    let mut bytes = 0;
    let fits = waiting.iter().take_while(|waiting| {
        bytes += waiting.entry.bytes();
        bytes <= BATCH_BYTES
    });
    fits.count().max(1)
}

/// Writes a batch, trying again for as long as Postgres is away. Callers stop waiting after
/// [`PATIENCE`]; their records stay.
async fn write(connector: &AuditConnector, conn: &mut Option<PgConnection>, batch: &mut [Queued]) {
    let mut pause = Duration::from_millis(50);
    loop {
        let written = tokio::time::timeout(SILENCE, try_write(connector, conn, batch)).await;
        match written.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))) {
            Ok(()) => {
                for waiting in batch.iter_mut() {
                    acknowledge(&mut waiting.entry, Ok(()));
                }
                return;
            }
            Err(error) if is_of_the_data(&error) && batch.len() > 1 => {
                // One record that fails a guard does not fail its batch.
                for waiting in batch.iter_mut() {
                    Box::pin(write(connector, conn, std::slice::from_mut(waiting))).await;
                }
                return;
            }
            Err(error) if is_of_the_data(&error) => {
                tracing::error!(%error, "an audit record was refused by the database");
                for waiting in batch.iter_mut() {
                    acknowledge(&mut waiting.entry, Err(Error::internal(error.to_string())));
                }
                return;
            }
            Err(error) => {
                tracing::warn!(%error, records = batch.len(), "audit records wait for the database");
                *conn = None;
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(1));
            }
        }
    }
}

async fn try_write(connector: &AuditConnector, conn: &mut Option<PgConnection>, batch: &[Queued]) -> sqlx::Result<()> {
    if conn.is_none() {
        *conn = Some(connector.connect().await?);
    }
    let Some(conn) = conn.as_mut() else { return Err(sqlx::Error::PoolClosed) };
    let intents: Vec<&Intent> =
        batch.iter().filter_map(|w| if let Side::Intent(i) = &w.entry { Some(&**i) } else { None }).collect();
    let outcomes: Vec<&Outcome> =
        batch.iter().filter_map(|w| if let Side::Outcome(o, _) = &w.entry { Some(&**o) } else { None }).collect();
    db::audit::insert(conn, &intents, &outcomes).await
}

/// Whether Postgres refused what was sent, so that trying the same again cannot help: every error of
/// its own but those of connections, resources, operators and the system.
fn is_of_the_data(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(e) => {
            let for_now = ["08", "25", "28", "3D", "40", "53", "55", "57", "58", "XX"];
            e.code().is_some_and(|code| !for_now.iter().any(|class| code.starts_with(class)))
        }
        sqlx::Error::Encode(_) => true,
        _ => false,
    }
}

fn acknowledge(entry: &mut Side, result: Result<()>) {
    if let Side::Outcome(_, durable) = entry
        && let Some(durable) = durable.take()
    {
        // Nobody waits any more: the caller has its answer, an error.
        let _ = durable.send(result);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use chrono::DateTime;
    use domain::{AuditId, OrgId};
    use futures::FutureExt;

    use super::*;

    fn intent(bytes: usize) -> Intent {
        Intent {
            id: AuditId::new(),
            at: DateTime::UNIX_EPOCH,
            org: OrgId::new(),
            request_id: uuid::Uuid::nil(),
            actor: None,
            actor_name: String::new(),
            actor_org: None,
            action: String::new(),
            toolkit: None,
            tool: None,
            request: Some("x".repeat(bytes).into()),
            rule: None,
            approval: None,
            client: None,
            source: crate::db::audit::Source::Mcp,
        }
    }

    /// Where no Postgres is.
    fn nowhere() -> AuditConnector {
        AuditConnector::new(&"postgres://nobody@127.0.0.1:1/none".to_owned().into(), false).unwrap()
    }

    #[tokio::test]
    async fn while_postgres_is_away_so_many_bytes_wait_and_no_more_come_in() {
        const MIB: usize = 1 << 20;
        let (writer, _lanes) = Writer::start(nowhere(), 4 * MIB);
        for _ in 0..4 {
            writer.intend(intent(MIB)).now_or_never().expect("there is room").unwrap();
        }
        assert!(writer.intend(intent(1)).now_or_never().is_none(), "it waits for room");
    }

    #[tokio::test]
    async fn a_record_larger_than_all_the_room_takes_all_of_it() {
        let (writer, _lanes) = Writer::start(nowhere(), 1 << 20);
        writer.intend(intent(3 << 20)).now_or_never().expect("there is room").unwrap();
        assert!(writer.intend(intent(1)).now_or_never().is_none(), "it waits for room");
    }
}
