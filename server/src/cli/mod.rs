//! The command line: each command in its file. Commands about approvals and keys sign in as a person
//! and use the REST API; the others work on the machine of the gateway.

mod approvals;
mod client;
mod connect;
#[cfg(feature = "devkit")]
mod dev;
mod healthcheck;
mod keys;
#[cfg(not(feature = "devkit"))]
mod left_out;
mod migrate;
mod output;
mod people;
#[cfg(feature = "devkit")]
mod sample_upstream;
mod serve;
mod setup;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use domain::marks::escaped;

pub use self::setup::Refusal;
use crate::app::console::Console;
use output::{Output, note};

/// The door between AI agents and an organization's tools.
///
/// Agents call tools through Permesso; what needs approval waits until a person decides it, runs at
/// most once, and everything is on record.
#[derive(Debug, Parser)]
#[command(name = "permesso", version, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print one JSON document for programs instead of words for people
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway on the Postgres of DATABASE_URL
    ///
    /// Refuses to start without DATABASE_URL or a master key, or with a database role that row-level
    /// security would not bind. See .env.example for every variable.
    Serve(serve::ServeArgs),
    /// Run the gateway with everything it needs, to try it: Postgres, a sample org and upstream
    #[cfg(feature = "devkit")]
    Dev(dev::DevArgs),
    /// Bring the database's schema up to date, as its owner
    Migrate,
    /// Make API keys for agents
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Point an agent's client at a toolkit: print its configuration, or write it
    Connect(connect::ConnectArgs),
    /// See and decide the requests that wait for a person
    #[command(subcommand)]
    Approvals(approvals::ApprovalsCommand),
    /// People who sign in
    #[command(subcommand)]
    People(people::PeopleCommand),
    /// Exit with 0 when the gateway is ready, else with 1
    Healthcheck(healthcheck::HealthcheckArgs),
    /// Serve a small invoice ledger over MCP, to try the gateway on
    #[cfg(feature = "devkit")]
    SampleUpstream(sample_upstream::SampleUpstreamArgs),
    /// Not in this build
    #[cfg(not(feature = "devkit"))]
    #[command(name = "dev", alias = "sample-upstream", hide = true, disable_help_flag = true)]
    LeftOut(left_out::Anything),
}

/// Reads the command line and runs the command; `serve` and `dev` serve this console.
pub fn run(console: Console) -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            note(format_args!("permesso: cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(dispatch(cli.command, console, Output { json: cli.json }));
    // A blocked thread, such as one that reads a terminal, must not keep the process.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(format_args!("permesso: {}", one_line(&error)));
            if error.is::<Refusal>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

async fn dispatch(command: Command, console: Console, out: Output) -> anyhow::Result<()> {
    match command {
        Command::Serve(args) => serve::run(args, console, out).await,
        #[cfg(feature = "devkit")]
        Command::Dev(args) => dev::run(args, console, out).await,
        Command::Migrate => migrate::run(out).await,
        Command::Keys(command) => keys::run(command, out).await,
        Command::Connect(args) => connect::run(args, out).await,
        Command::Approvals(command) => approvals::run(command, out).await,
        Command::People(command) => people::run(command, out).await,
        Command::Healthcheck(args) => healthcheck::run(args, out).await,
        #[cfg(feature = "devkit")]
        Command::SampleUpstream(args) => sample_upstream::run(args, out).await,
        #[cfg(not(feature = "devkit"))]
        Command::LeftOut(_) => Err(left_out::refused()),
    }
}

/// An error may quote what others wrote: a tool's name, an upstream's message.
fn one_line(error: &anyhow::Error) -> String {
    escaped(&format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" "))
}
