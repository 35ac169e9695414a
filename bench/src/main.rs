//! What the gateway costs: calls per second and latency of an always-allowed tool call through
//! it, beside the same call made directly, in one run.
//!
//! With `soak`: whether agents of every kind get what they should, whatever happens (see [`soak`]).
//!
//! The run starts a gateway (`permesso dev`) and its upstreams on loopback, measures, prints one
//! table and ends what it started. docs/performance.md has figures and says how to read them.

mod client;
mod echo;
mod gateway;
mod http;
mod invoices;
mod load;
mod plan;
mod report;
mod soak;
mod stage;

use std::{process::ExitCode, time::Duration};

use anyhow::Context;
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use plan::Plan;
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
    let mut stage = Stage::new()?;
    let measured = tokio::select! {
        measured = measure(&plan, args.floor, &mut stage) => Some(measured),
        interrupted = interrupted() => interrupted.map(|()| None)?,
    };
    if let Some(Err(_)) = &measured {
        stage.show_logs();
    }
    let ended = stage.end().await;
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
    let rows = plan::run(plan, &pairs).await?;
    let errors = rows.iter().map(report::Row::errors).sum();
    if errors > 0 {
        stage.show_logs();
    }
    let cores = std::thread::available_parallelism()?;
    println!(
        "{} rounds of {} s, {cores} cores, a result of {} bytes\n\n{}",
        plan.rounds,
        plan.duration.as_secs(),
        pairs[0].direct.result.len(),
        report::table(&rows)
    );
    Ok(errors)
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
