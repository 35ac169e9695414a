//! The command line: each command in its file. Commands about approvals and keys sign in as a person
//! and use the REST API, as do those that call tools, for an agent's key too; the others work on the machine of the
//! gateway.

mod approvals;
mod call;
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
mod tools;

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
    /// List the tools that you may call
    ///
    /// As the agent whose key is in PERMESSO_KEY, else as the person who signs in.
    Tools(tools::ToolsArgs),
    /// Call a tool, wait where a person must approve, and print what it says
    ///
    /// As the agent whose key is in PERMESSO_KEY, else as the person who signs in. Exits with 0 when the tool ran, 1 when
    /// it reported an error or the gateway cannot be asked, 2 when something about the call has to be changed, 3 when it
    /// was rejected or has ended otherwise, 4 while it still waits, and 5 when nobody knows whether it ran.
    Call(call::CallArgs),
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
        Ok(code) => code,
        Err(error) => {
            note(format_args!("permesso: {}", one_line(&error)));
            if error.is::<Refusal>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

/// Runs a command. What has done its work ends with 0, but for a call, whose exit code says how it ended.
async fn dispatch(command: Command, console: Console, out: Output) -> anyhow::Result<ExitCode> {
    let done = match command {
        Command::Call(args) => return call::run(args, out).await,
        Command::Serve(args) => serve::run(args, console, out).await,
        #[cfg(feature = "devkit")]
        Command::Dev(args) => dev::run(args, console, out).await,
        Command::Migrate => migrate::run(out).await,
        Command::Keys(command) => keys::run(command, out).await,
        Command::Connect(args) => connect::run(args, out).await,
        Command::Tools(args) => tools::run(args, out).await,
        Command::Approvals(command) => approvals::run(command, out).await,
        Command::People(command) => people::run(command, out).await,
        Command::Healthcheck(args) => healthcheck::run(args, out).await,
        #[cfg(feature = "devkit")]
        Command::SampleUpstream(args) => sample_upstream::run(args, out).await,
        #[cfg(not(feature = "devkit"))]
        Command::LeftOut(_) => Err(left_out::refused()),
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// An error may quote what others wrote: a tool's name, an upstream's message.
fn one_line(error: &anyhow::Error) -> String {
    escaped(&format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// Whether a command line asks for one JSON document.
    fn for_programs(args: &[&str]) -> Result<bool, clap::error::ErrorKind> {
        Cli::try_parse_from([&["permesso"], args].concat()).map(|cli| cli.json).map_err(|error| error.kind())
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn json_has_the_arguments_of_a_call_and_is_a_flag_elsewhere() {
        let call = ["call", "acme/ledger", "send_invoice"];
        let with = |more: &[&'static str]| for_programs(&[&call, more].concat());
        assert_eq!(with(&[]), Ok(false));
        assert_eq!(with(&["--json", "{}"]), Ok(false));
        assert_eq!(with(&["--json", "-"]), Ok(false));
        assert_eq!(with(&["--arg", "a=1", "--arg", "b=2"]), Ok(false));
        assert_eq!(with(&["--json", "{}", "--output", "json"]), Ok(true));
        assert_eq!(with(&["--output", "text"]), Ok(false));
        assert_eq!(for_programs(&["--json", "call", "acme/ledger", "send_invoice", "--json", "{}"]), Ok(true));
        assert_eq!(for_programs(&["tools", "acme", "--json"]), Ok(true));
        assert_eq!(for_programs(&["--json", "tools", "acme/ledger"]), Ok(true));
    }

    #[test]
    fn a_call_that_cannot_be_meant_is_refused() {
        use clap::error::ErrorKind;
        let call = ["call", "acme/ledger", "send_invoice"];
        let with = |more: &[&'static str]| for_programs(&[&call, more].concat());
        assert_eq!(with(&["--json", "{}", "--arg", "a=1"]), Err(ErrorKind::ArgumentConflict));
        assert_eq!(with(&["--json"]), Err(ErrorKind::InvalidValue));
        assert_eq!(with(&["--arg", "a"]), Err(ErrorKind::ValueValidation));
        assert_eq!(with(&["--wait", "-1"]), Err(ErrorKind::UnknownArgument));
        assert_eq!(for_programs(&["call", "acme", "send_invoice"]), Err(ErrorKind::ValueValidation));
    }
}
