//! A hostile caller and a hostile upstream in the agents' own org: whatever they send, the others get what they should,
//! about as fast as without them.
//!
//! Both work on one thread, so that they take one core at most, and send what was made before the attack begins: what
//! they cost is meant to be the gateways' work, not the making of it.

pub(super) mod bodies;
mod caller;
#[path = "../../../../server/tests/it/hostile/generate.rs"]
mod generate;
mod upstream;

use std::{
    fs,
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::Context;
use tokio::{net::TcpListener, runtime::Handle, sync::oneshot, task::JoinSet};

use self::{
    bodies::Attack,
    caller::{Answers, Caller},
    upstream::Talk,
};
use super::{book::Book, line::Access};

/// Both, until this is dropped.
pub(super) struct Hostile {
    /// The upstream's.
    pub(super) url: String,
    talk: Arc<Talk>,
    answers: Arc<Answers>,
    callers: JoinSet<()>,
    /// Of the thread that they work on.
    handle: Handle,
    thread: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    began: Option<(Instant, Duration)>,
}

impl Hostile {
    /// Starts the upstream, which behaves until the attack begins.
    ///
    /// # Errors
    /// When it cannot listen.
    pub(super) fn start(seed: u64) -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context("cannot listen on loopback")?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}/mcp", listener.local_addr()?);
        let talk = Arc::new(Talk::new(seed));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (handle, router) = (runtime.handle().clone(), upstream::router(talk.clone()));
        let (stop, stopped) = oneshot::channel();
        let work = move || {
            runtime.block_on(async {
                let served = async { axum::serve(TcpListener::from_std(listener)?, router).await };
                tokio::select! {
                    Err(error) = served => eprintln!("the hostile upstream ended: {error}"),
                    _ = stopped => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name("hostile".to_owned()).spawn(work)?;
        Ok(Self {
            url,
            talk,
            answers: Arc::default(),
            callers: JoinSet::new(),
            handle,
            thread: Some((stop, thread)),
            began: None,
        })
    }

    /// Begins the attack, with the hostile caller's access.
    ///
    /// # Errors
    /// When the thread has ended.
    pub(super) async fn begin(&mut self, access: Access, seed: u64, book: &Arc<Book>) -> anyhow::Result<()> {
        let bodies =
            tokio::task::spawn_blocking(move || Attack::ALL.map(|attack| (attack, bodies::of(attack, seed)))).await?;
        self.began = Some((Instant::now(), self.cpu_time().await?));
        self.talk.begin();
        let mut seeds = fastrand::Rng::with_seed(seed);
        for (attack, bodies) in bodies {
            let caller = Caller {
                attack,
                bodies,
                access: access.clone(),
                random: seeds.fork(),
                answers: self.answers.clone(),
                book: book.clone(),
            };
            self.callers.spawn_on(caller.work(), &self.handle);
        }
        Ok(())
    }

    /// Ends the attack and says in one line what it was.
    ///
    /// # Errors
    /// When the thread has ended.
    pub(super) async fn end(&mut self) -> anyhow::Result<String> {
        let (began, before) = self.began.take().context("the attack did not begin")?;
        let share = (self.cpu_time().await? - before).as_secs_f64() / began.elapsed().as_secs_f64();
        self.talk.end();
        self.callers.shutdown().await;
        let answers = self.answers.lock().clone();
        let listed: Vec<_> = answers.iter().map(|(what, count)| format!("{count} {what}")).collect();
        Ok(format!(
            "the hostile caller sent {} requests: {}\n\
             the hostile upstream was listed {} times, called {} times, and {} of its notices were taken\n\
             both took {:.0} % of one core",
            answers.values().sum::<u64>(),
            listed.join(", "),
            self.talk.lists(),
            self.talk.calls(),
            self.talk.notices(),
            share * 100.0
        ))
    }

    /// How long their thread has worked.
    async fn cpu_time(&self) -> anyhow::Result<Duration> {
        let read = async { fs::read_to_string("/proc/thread-self/schedstat") };
        let text = self.handle.spawn(read).await?.context("no time of the thread")?;
        let nanoseconds = text.split(' ').next().context("no time of the thread")?;
        Ok(Duration::from_nanos(nanoseconds.parse()?))
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.thread.take() {
            drop(stop);
            // It waits for nothing but this.
            let _ = thread.join();
        }
    }
}
