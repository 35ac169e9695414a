//! What the gateway costs: calls per second and latency of an always-allowed tool call through
//! it, beside the same call made directly, in one run.
//!
//! With `--keys`: the same through a gateway on a small database and through one on a large one, and what else
//! depends on how large it is (see [`filled`]).
//!
//! With `soak`: whether agents of every kind get what they should, whatever happens (see [`soak`]).
//!
//! The run starts a gateway (`permesso dev`) and its upstreams on loopback, measures, prints one
//! table and ends what it started. docs/performance.md has figures and says how to read them.

mod client;
mod echo;
mod filled;
mod gateway;
mod http;
mod invoices;
mod load;
mod person;
mod plan;
mod report;
mod serve;
mod soak;
mod stage;

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, ensure};
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use filled::Size;
use plan::Plan;
use serve::Database;
use stage::Stage;

/// Measure the gateway beside its upstream, called directly.
///
/// The program `permesso` is the one PERMESSO_BIN names, else the one next to this program.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    /// How long each measurement takes
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,

    /// How often each measurement is repeated
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=50))]
    rounds: u32,

    /// Numbers of connections; each has one call under way at any time
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64],
        value_parser = clap::value_parser!(u16).range(1..=512))]
    connections: Vec<u16>,

    /// Measure with a second upstream too, which answers with constant bytes: what is left is the
    /// gateway's own cost
    #[arg(long)]
    floor: bool,

    /// Measure a gateway on a database with this many API keys beside one on a database with hardly anything in it
    #[arg(long, default_value_t = 0, conflicts_with = "floor",
        value_parser = clap::value_parser!(i32).range(0..=5_000_000))]
    keys: i32,

    /// Over how many orgs the keys are spread
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(i32).range(0..=200_000))]
    orgs: i32,

    /// Be that upstream
    #[arg(long, hide = true)]
    serve_echo: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Soak(soak::SoakArgs),
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let result = match &args.command {
        Some(Command::Soak(args)) => soak::run(args).await,
        None if args.serve_echo => echo::serve().await.map(|()| ExitCode::SUCCESS),
        None => bench(&args).await,
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

/// Fails when a call did: figures of a gateway that answers wrongly say nothing.
async fn bench(args: &Args) -> anyhow::Result<ExitCode> {
    let plan = Plan {
        duration: Duration::from_secs(args.seconds),
        rounds: args.rounds,
        connections: args.connections.iter().map(|connections| usize::from(*connections)).collect(),
    };
    let size = Size { keys: args.keys, orgs: args.orgs };
    ensure!(size.keys == 0 || size.orgs > 0, "--keys needs at least one org");
    let postgres = if size.keys > 0 { Some(Database::start().await?) } else { None };
    let mut stage = Stage::new()?;
    let measuring = async {
        match &postgres {
            Some(postgres) => filled::measure(&plan, size, &mut stage, postgres).await,
            None => measure(&plan, args.floor, &mut stage).await,
        }
    };
    let measured = tokio::select! {
        measured = measuring => Some(measured),
        interrupted = interrupted() => interrupted.map(|()| None)?,
    };
    if !matches!(measured, None | Some(Ok(0))) {
        stage.show_logs();
    }
    let mut ended = stage.end().await;
    if let Some(postgres) = postgres {
        ended = ended.and(postgres.end().await);
    }
    let Some(measured) = measured else {
        ended?;
        eprintln!("interrupted");
        return Ok(ExitCode::from(130));
    };
    let errors = measured?;
    if errors > 0 {
        eprintln!("error: {errors} calls failed or were answered wrongly");
    }
    ended?;
    Ok(if errors > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Prints the table; returns the number of errors.
async fn measure(plan: &Plan, floor: bool, stage: &mut Stage) -> anyhow::Result<u64> {
    let pairs = gateway::set_up(stage, floor).await.context("cannot set up what is measured")?;
    let titles = ["direct", "gateway"];
    let rows = plan::run(plan, titles, &pairs).await?;
    println!("{}\n\n{}", plan.title(pairs[0].targets[0].result.len())?, report::table(titles, &rows));
    Ok(rows.iter().map(report::Row::errors).sum())
}

/// Resolves when the process is told to end.
pub(crate) async fn interrupted() -> std::io::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
