//! `bench soak`: agents of every kind against several gateways on one Postgres, with a person who decides after
//! a while. One gateway is killed and started again on the way. Afterwards every single call is accounted for:
//! what ran, what was decided, what its agent was told. In the second half a hostile caller and a hostile upstream are
//! among them, and the others are served about as fast. docs/performance.md says how to read the figures.

mod agent;
mod approver;
mod book;
mod figures;
mod hostile;
mod judge;
mod kind;
mod ledger;
mod line;
mod messages;
mod probe;
mod reading;
mod scene;
mod speed;
mod stay;
mod task;

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use tokio::{task::JoinSet, time::sleep};

use crate::{interrupted, serve::Database, stage::Stage};
use agent::Agent;
use approver::{Approver, Verdicts};
use book::{Book, Outage};
use figures::Run;
use hostile::Hostile;
use kind::Kind;
use ledger::Ledger;
use line::{Access, Line};
use probe::Probe;
use scene::{Gateways, Pace, People};
use speed::Stretch;

/// Agents' last calls have ended by then, or are lost.
const DRAIN: Duration = Duration::from_secs(230);
/// The upstream takes its time before a gateway is killed, so that calls are under way when it is.
const SLOW: Duration = Duration::from_secs(2);
/// How long a killed gateway is away.
const AWAY: Duration = Duration::from_secs(5);

/// Run agents of every kind against several gateways, and account for every call
///
/// Exits with 1 when a call was lost, ran twice or was told of wrongly, or when hostiles made the others' calls slow.
#[derive(Debug, clap::Args)]
pub(crate) struct SoakArgs {
    /// How long agents begin new calls
    #[arg(long, default_value_t = 5.0, value_parser = minutes)]
    minutes: f64,

    /// How many agents there are, of eight kinds
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(8..=2000))]
    agents: u16,

    /// How many gateways there are
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=8))]
    gateways: u8,

    /// What every random choice of agents and approver follows from; printed
    #[arg(long)]
    seed: Option<u64>,

    /// Leave out killing a gateway
    #[arg(long)]
    no_kill: bool,

    /// Leave out the hostile caller and the hostile upstream
    #[arg(long)]
    no_hostile: bool,

    /// For a run of seconds: people think for 5 s at most, requests wait 10 s, and no speed is judged
    #[arg(long)]
    brief: bool,
}

fn minutes(text: &str) -> Result<f64, String> {
    let minutes = text.parse().ok().filter(|minutes| (0.2..=600.0).contains(minutes));
    minutes.ok_or_else(|| "must be 0.2 to 600".to_owned())
}

/// Runs it; what it started has ended when this returns.
///
/// # Errors
/// When something does not start, or does not end well.
pub(crate) async fn run(args: &SoakArgs) -> anyhow::Result<ExitCode> {
    let database = Database::start().await?;
    let mut stage = Stage::new()?;
    let played = tokio::select! {
        played = play(args, &mut stage, &database) => Some(played),
        interrupted = interrupted() => interrupted.map(|()| None)?,
    };
    if !matches!(played, Some(Ok(0))) {
        stage.show_logs();
    }
    let (ended, stopped) = (stage.end().await, database.end().await);
    let Some(played) = played else {
        eprintln!("interrupted");
        return Ok(ExitCode::from(130));
    };
    let violations = played?;
    ended.and(stopped)?;
    if violations > 0 {
        eprintln!("error: {violations} violations");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the figures; returns the number of violations.
async fn play(args: &SoakArgs, stage: &mut Stage, database: &Database) -> anyhow::Result<usize> {
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..));
    let kinds = Kind::spread(usize::from(args.agents));
    let ledger = Ledger::start().await?;
    let mut hostile = if args.no_hostile { None } else { Some(Hostile::start(seed)?) };
    let gateways = Gateways::start(stage, database, usize::from(args.gateways)).await?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let names: Vec<_> = kinds.iter().enumerate().map(|(n, kind)| format!("{} {n}", kind.name())).collect();
    let pace = if args.brief { Pace::BRIEF } else { Pace::USUAL };
    let url = hostile.as_ref().map(|hostile| hostile.url.as_str());
    let plan = scene::OrgPlan { ledger: &ledger.url, hostile: url, agents: &names, pace };
    let people = scene::furnish(&http, &gateways, &plan).await.context("cannot make the org")?;

    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "{} agents, {} gateways, {} minutes, seed {seed}, {} cores, load before {}",
        args.agents,
        args.gateways,
        args.minutes,
        std::thread::available_parallelism()?,
        load.split(' ').next().unwrap_or_default()
    );
    let book = Arc::new(Book::default());
    let verdicts = Verdicts::default();
    let (person, taken) = (people.approver.clone(), verdicts.clone());
    let approver = Approver { person, seed, pace, verdicts: taken, book: book.clone() };
    let deciding = tokio::spawn(approver.work());
    let probe = Probe::start(&gateways.urls, &book)?;
    let began = Instant::now();
    let end = began + Duration::from_secs_f64(args.minutes * 60.0);
    let mut working = hire(&kinds, &http, &gateways, &people, (seed, end), (&book, &ledger));
    // Connections that are kept are of the agents' alone from here on.
    drop(http);
    sleep(end.saturating_duration_since(Instant::now()) / 2).await;
    let half = Instant::now();
    if let Some((hostile, key)) = hostile.as_mut().zip(people.hostile.clone()) {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let access = Access { http, gateways: gateways.urls.clone(), path: scene::HOSTILE_ENDPOINT, key };
        hostile.begin(access, seed, &book).await?;
        eprintln!("the hostiles begin");
    }
    let outage = if args.no_kill { None } else { Some(kill_one(stage, &gateways, &ledger, seed).await?) };
    sleep(end.saturating_duration_since(Instant::now())).await;
    let attack = match &mut hostile {
        Some(hostile) => Some(hostile.end().await?),
        None => None,
    };
    let (requests, counted) = (book.requests(), began.elapsed());
    let under_load = stay::usage(stage, gateways.urls.len())?;
    eprintln!("the last calls end");
    let all = async { while working.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, all).await.is_err() {
        eprintln!("{} agents have not finished", working.len());
        working.shutdown().await;
    }
    deciding.abort();
    let _ = deciding.await;

    let entries = ledger.entries();
    let arrivals = entries.tokens().into_iter().map(|token| (token.clone(), entries.count(&token))).collect();
    let verdicts = verdicts.lock().clone();
    let run = Run { records: book.records(), arrivals, verdicts, faults: book.faults(), outage, requests, counted };
    println!("\n{}", run.tables());
    if let Some(attack) = attack {
        let without = Stretch { from: began + pace.settled, to: half };
        let with = Stretch { from: outage.map_or(half, |outage| outage.back) + pace.settled, to: end };
        let (table, slow) = speed::compare(&run, &probe.answered(), without, with);
        println!("{table}\n{attack}\n");
        slow.into_iter().filter(|_| !args.brief).for_each(|slow| book.complain(slow));
    }
    let violations = stay::account(&run, &book, &people.approver).await;
    drop((people, probe, hostile));
    // Connections that their clients have closed.
    sleep(Duration::from_secs(2)).await;
    println!("\n{}", stay::table(&under_load, &stay::usage(stage, gateways.urls.len())?));
    Ok(violations)
}

/// Sets the agents to work.
fn hire(
    kinds: &[Kind],
    http: &reqwest::Client,
    gateways: &Gateways,
    people: &People,
    (seed, end): (u64, Instant),
    (book, ledger): (&Arc<Book>, &Ledger),
) -> JoinSet<()> {
    let mut working = JoinSet::new();
    let mut seeds = fastrand::Rng::with_seed(seed);
    for ((number, kind), key) in kinds.iter().copied().enumerate().zip(&people.keys) {
        let access =
            Access { http: http.clone(), gateways: gateways.urls.clone(), path: scene::ENDPOINT, key: key.clone() };
        let nth = kinds[..number].iter().filter(|other| **other == kind).count();
        let line = Line::new(access, kind.dialect(nth), kind, seeds.fork(), book.clone());
        let agent = Agent { kind, number, line, random: seeds.fork(), book: book.clone(), entries: ledger.entries() };
        working.spawn(agent.work(end));
    }
    working
}

/// Kills a gateway while calls are under way, and starts it again.
async fn kill_one(stage: &mut Stage, gateways: &Gateways, ledger: &Ledger, seed: u64) -> anyhow::Result<Outage> {
    let gateway = fastrand::Rng::with_seed(seed).usize(..gateways.urls.len());
    let prepared = Instant::now();
    ledger.entries().delay(SLOW);
    sleep(SLOW).await;
    let killed = Instant::now();
    stage.kill(&scene::name(gateway)).await?;
    ledger.entries().delay(Duration::ZERO);
    eprintln!("killed {}", scene::name(gateway));
    sleep(AWAY).await;
    gateways.start_again(stage, gateway).await?;
    eprintln!("started it again");
    Ok(Outage { gateway, prepared, killed, back: Instant::now() })
}
