//! `permesso call`: calls a tool, waits for a person where one must approve, and prints what the tool says.

mod arguments;
mod attempt;
mod ended;
mod progress;
mod result;
mod say;
mod waiting;

use std::process::ExitCode;

use anyhow::anyhow;
use api_types::CallTool;
use clap::{
    ArgAction,
    builder::{PossibleValuesParser, TypedValueParser},
};
use domain::Slug;
use serde_json::value::RawValue;

use self::{
    arguments::{Named, named},
    attempt::Request,
};
use super::{
    client::{Client, GatewayArgs, refused},
    output::Output,
    setup::refuse,
    tools,
};

/// Options of `call`. Here `--json` has the arguments, and `--output json` does what `--json` does elsewhere: it is the
/// same option by its id.
#[derive(Debug, clap::Args)]
pub(super) struct CallArgs {
    /// The toolkit, as acme/ledger
    #[arg(value_name = "ORG/TOOLKIT", value_parser = toolkit)]
    toolkit: Toolkit,
    /// The tool's name in the toolkit
    tool: String,
    /// The arguments as a JSON object, sent byte for byte; `-` reads it from stdin
    #[arg(long = "json", value_name = "OBJECT", conflicts_with = "arg")]
    arguments: Option<String>,
    /// One argument, of the type that the tool's schema wants; give it again for each
    #[arg(long, value_name = "NAME=VALUE", value_parser = named)]
    arg: Vec<Named>,
    /// How long to wait for a decision, 0 not to wait; until there is one, unless given
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
    /// Makes it safe to send the call again: what has this key runs once
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Print what the tool says, or the whole answer as one JSON document for programs
    #[arg(
        id = "json",
        long = "output",
        value_name = "FORMAT",
        value_parser = formats(),
        action = ArgAction::Set,
        default_value = "text"
    )]
    _json: bool,
    #[command(flatten)]
    gateway: GatewayArgs,
}

/// Where a toolkit is.
#[derive(Clone, Debug)]
struct Toolkit {
    org: Slug,
    slug: Slug,
}

/// Calls a tool; gives the command's exit code.
pub(super) async fn run(args: CallArgs, out: Output) -> anyhow::Result<ExitCode> {
    // Before anybody is asked for a password.
    let whole = args.arguments.as_deref().map(arguments::whole).transpose().map_err(refuse)?;
    let client = Client::open(&args.gateway).await.map_err(refused)?;
    let arguments = if args.arg.is_empty() { whole } else { Some(typed(&client, &args).await?) };
    let Toolkit { org, slug } = &args.toolkit;
    let call =
        CallTool { tool: args.tool.clone(), arguments, wait_seconds: None, idempotency_key: args.idempotency_key };
    let request = Request::new(client, format!("/orgs/{org}/toolkits/{slug}/call"), call);
    let ended = waiting::until_decided(request, args.wait).await;
    let what = format!("{} of {org}/{slug}", args.tool);
    Ok(say::say(&ended, &what, out).into())
}

/// The arguments that were given one by one.
async fn typed(client: &Client, args: &CallArgs) -> anyhow::Result<Box<RawValue>> {
    let Toolkit { org, slug } = &args.toolkit;
    let tools = tools::callable(client, org, Some(slug)).await.map_err(refused)?;
    let tool = tools.iter().find(|tool| tool.name == args.tool).ok_or_else(|| {
        refuse(anyhow!(
            "{org}/{slug} has no tool {:?} that you may call: `permesso tools {org}/{slug}` lists them",
            args.tool
        ))
    })?;
    arguments::typed(&args.arg, &tool.input_schema).map_err(refuse)
}

fn toolkit(text: &str) -> Result<Toolkit, String> {
    let (org, slug) = text.split_once('/').ok_or("give ORG/TOOLKIT, as in acme/ledger")?;
    let org = org.parse::<Slug>().map_err(|wrong| format!("an org's name {wrong}"))?;
    Ok(Toolkit { org, slug: slug.parse::<Slug>().map_err(|wrong| format!("a toolkit's name {wrong}"))? })
}

/// Whether an answer is printed for programs.
fn formats() -> impl TypedValueParser<Value = bool> {
    PossibleValuesParser::new(["text", "json"]).map(|format| format == "json")
}
