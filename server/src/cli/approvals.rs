//! `permesso approvals`: an approver at a terminal.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::{Context, bail};
use api_types::WhoDecides;
use clap::{Subcommand, ValueEnum};
use domain::{approval::Answer, marks::escaped};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use url::form_urlencoded;

use super::{
    client::{Client, SignInArgs},
    output::{Output, document, note, put},
};

#[derive(Debug, Subcommand)]
pub(super) enum ApprovalsCommand {
    /// List requests, newest first
    List {
        /// Only those in this state, such as pending or outcome_unknown; `any` for all
        #[arg(long, default_value = "pending")]
        status: String,
        #[command(flatten)]
        sign_in: SignInArgs,
    },
    /// Show one request: exactly what would run, and why it waits
    Show {
        /// Its id
        id: String,
        #[command(flatten)]
        sign_in: SignInArgs,
    },
    /// Allow a call, once; shows it first and, at a terminal, asks
    Approve {
        /// Its id
        id: String,
        /// A word to the record
        #[arg(long)]
        reason: Option<String>,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
        #[command(flatten)]
        sign_in: SignInArgs,
    },
    /// Refuse a call
    Reject {
        /// Its id
        id: String,
        /// Why; the agent reads it word for word
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        sign_in: SignInArgs,
    },
    /// Take an approval back that has not been used
    Revoke {
        /// Its id
        id: String,
        /// Why; the agent reads it word for word
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        sign_in: SignInArgs,
    },
    /// Give a request that waits more time, twice at most
    Extend {
        /// Its id
        id: String,
        /// How many seconds more, 60 to 86400
        #[arg(long, default_value_t = 3_600)]
        seconds: u32,
        #[command(flatten)]
        sign_in: SignInArgs,
    },
    /// Say what became of a call whose outcome is not known, after you looked
    Settle {
        /// Its id
        id: String,
        /// What you found
        #[arg(long)]
        outcome: Outcome,
        /// How you found out
        #[arg(long)]
        note: String,
        #[command(flatten)]
        sign_in: SignInArgs,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// It ran
    Executed,
    /// It did not run
    NotExecuted,
}

/// Runs a command about approvals.
pub(super) async fn run(command: ApprovalsCommand, out: Output) -> anyhow::Result<()> {
    match command {
        ApprovalsCommand::List { status, sign_in } => list(&status, &sign_in, out).await,
        ApprovalsCommand::Show { id, sign_in } => {
            let (_, _, request) = find(&id, &sign_in).await?;
            match out.json {
                true => document(&request.text),
                false => show(&request),
            }
            Ok(())
        }
        ApprovalsCommand::Approve { id, reason, yes, sign_in } => {
            let (client, path, request) = find(&id, &sign_in).await?;
            if !out.json {
                show(&request);
            }
            if !yes {
                if out.json || !std::io::stdin().is_terminal() {
                    bail!("nobody is here to ask: give --yes to approve without a question");
                }
                if !confirmed("Approve this call? [y/N] ")? {
                    bail!("nothing was decided");
                }
            }
            let mut body = seen(&request);
            if let Some(reason) = reason {
                body["reason"] = json!(reason);
            }
            told(&client.post_text(&format!("{path}/approve"), &body).await?, out)
        }
        ApprovalsCommand::Reject { id, reason, sign_in } => {
            let (client, path, request) = find(&id, &sign_in).await?;
            let mut body = seen(&request);
            body["reason"] = json!(reason);
            told(&client.post_text(&format!("{path}/reject"), &body).await?, out)
        }
        ApprovalsCommand::Revoke { id, reason, sign_in } => {
            let (client, path, _) = find(&id, &sign_in).await?;
            told(&client.post_text(&format!("{path}/revoke"), &json!({"reason": reason})).await?, out)
        }
        ApprovalsCommand::Extend { id, seconds, sign_in } => {
            let (client, path, _) = find(&id, &sign_in).await?;
            let answer = client.post_text(&format!("{path}/extend"), &json!({"seconds": seconds})).await?;
            let request: Value = serde_json::from_str(&answer)?;
            match out.json {
                true => document(&answer),
                false => put(format_args!("{} waits until {}", text(&request, "id"), text(&request, "expires_at"))),
            }
            Ok(())
        }
        ApprovalsCommand::Settle { id, outcome, note, sign_in } => {
            let (client, path, _) = find(&id, &sign_in).await?;
            let outcome = match outcome {
                Outcome::Executed => "executed",
                Outcome::NotExecuted => "not_executed",
            };
            let body = json!({"outcome": outcome, "note": note});
            told(&client.post_text(&format!("{path}/settle"), &body).await?, out)
        }
    }
}

async fn list(status: &str, sign_in: &SignInArgs, out: Output) -> anyhow::Result<()> {
    let client = Client::sign_in(sign_in).await?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("limit", "200");
    if status != "any" {
        query.append_pair("status", status);
    }
    let query = query.finish();
    let (mut found, mut listed) = (0, Vec::new());
    for org in client.orgs(sign_in.org.as_deref()).await? {
        let take = |mut request: Value| {
            found += 1;
            match out.json {
                true => {
                    request["org"] = json!(org);
                    listed.push(request);
                }
                false => put(line(&org, &request)),
            }
        };
        client.each(&format!("/orgs/{org}/approvals?{query}"), take).await?;
    }
    if out.json {
        document(&json!({"items": listed}).to_string());
    } else if found == 0 {
        let what = if status == "any" { "no requests" } else { "nothing" };
        note(format_args!("{what} here{}", if status == "any" { String::new() } else { format!(" is {status}") }));
    }
    Ok(())
}

/// A request in a list.
fn line(org: &str, request: &Value) -> String {
    format!(
        "{}  {:<15}  {}/{}  {}  by {}  {}",
        text(request, "id"),
        text(request, "status"),
        org,
        text(request, "toolkit"),
        text(request, "tool"),
        text(request, "caller_name"),
        outcome(request).map_or_else(|| format!("expires {}", text(request, "expires_at")), str::to_owned),
    )
}

/// What became of a call that ran.
fn outcome(request: &Value) -> Option<&'static str> {
    let ran = request["status"] == "executed";
    let answer = request["answer"].as_str().and_then(|answer| answer.parse().ok()).unwrap_or(Answer::Result);
    ran.then(|| answer.outcome())
}

/// A request, with its definitions as they were written: their hashes are of every byte that counts.
struct HeldRequest {
    /// The gateway's answer.
    text: String,
    fields: Value,
    definitions: Definitions,
}

#[derive(Deserialize)]
struct Definitions {
    definition: Box<RawValue>,
    reviewed_definition: Option<Box<RawValue>>,
}

/// Finds a request in the orgs of the person who signs in; gives its path as well.
async fn find(id: &str, sign_in: &SignInArgs) -> anyhow::Result<(Client, String, HeldRequest)> {
    let client = Client::sign_in(sign_in).await?;
    for org in client.orgs(sign_in.org.as_deref()).await? {
        let path = format!("/orgs/{org}/approvals/{id}");
        if let Some(text) = client.find(&path).await? {
            let (fields, definitions) = (serde_json::from_str(&text)?, serde_json::from_str(&text)?);
            let request = HeldRequest { text, fields, definitions };
            return Ok((client, path, request));
        }
    }
    bail!("there is no request {id} that you may see")
}

/// The hashes of what [`show`] printed.
fn seen(HeldRequest { fields, .. }: &HeldRequest) -> Value {
    json!({"arguments_sha256": fields["arguments_sha256"], "definition_sha256": fields["definition_sha256"]})
}

fn show(HeldRequest { fields: request, definitions, .. }: &HeldRequest) {
    for (label, field) in [
        ("request", "id"),
        ("status", "status"),
        ("toolkit", "toolkit"),
        ("tool", "tool"),
        ("caller", "caller_name"),
        ("client", "client"),
        ("held by", "rule"),
        ("claims", "agent_reason"),
        ("opened", "created_at"),
        ("expires", "expires_at"),
        ("run by", "execute_by"),
        ("reason", "decision_reason"),
        ("withdrawn", "taken_back_reason"),
        ("changed", "changed"),
    ] {
        if request[field].is_string() {
            put(format_args!("{label:<10}{}", text(request, field)));
        }
    }
    if let Some(outcome) = outcome(request) {
        put(format_args!("outcome   {outcome}"));
    }
    if let Some(response) = request["result"]["response"].as_str() {
        let more = if request["result"]["is_whole"] == true { "" } else { " … (its record has all of it)" };
        put(format_args!("result    {}{more}", escaped(response)));
        put(format_args!("          record {}", text(&request["result"], "record_id")));
    }
    if let Some(why) = cannot(request) {
        put(format_args!("warning   {}", escaped(&why)));
    }
    match request["arguments_json"].as_str() {
        Some(arguments) => put(format_args!("arguments {}", escaped(arguments))),
        None => put("arguments (erased)"),
    }
    if request["arguments_redacted"] == true {
        put("          as the record has them, with secrets taken out: the exact ones are erased");
    }
    put(format_args!("          sha256 {}", text(request, "arguments_sha256")));
    match request["arguments_check"].as_str() {
        Some("partial") => {
            put(format_args!("warning   the arguments were checked in part: {}", text(request, "check_note")))
        }
        Some("none") => put(format_args!("warning   the arguments were not checked: {}", text(request, "check_note"))),
        _ => {}
    }
    put(format_args!("defined   {}", escaped(definitions.definition.get())));
    put(format_args!("          sha256 {}", text(request, "definition_sha256")));
    if let Some(reviewed) = &definitions.reviewed_definition {
        put("warning   the tool's definition changed since it was last reviewed; it was");
        put(format_args!("          {}", escaped(reviewed.get())));
    }
    for event in request["history"].as_array().into_iter().flatten() {
        put(format_args!(
            "{}  {:<15}  {}  {}",
            text(event, "at"),
            text(event, "to"),
            text(event, "actor_name"),
            text(event, "note")
        ));
    }
}

/// Why a request that waits is not decided by who looks: because nobody can, or because they may not.
fn cannot(request: &Value) -> Option<String> {
    if request["status"] != "pending" || request["may_decide"] == true {
        return None;
    }
    if request["somebody_may_decide"] == false {
        let who: WhoDecides = serde_json::from_value(request["who_decides"].clone()).unwrap_or_default();
        let why = who.nobody(request["tool"].as_str()?, request["toolkit"].as_str()?);
        return Some(format!("nobody can decide this: {why}"));
    }
    Some(format!("you cannot decide this: {}", request["may_not_decide_because"].as_str()?))
}

fn text(value: &Value, field: &str) -> String {
    escaped(value[field].as_str().unwrap_or_default())
}

/// Says what became of a request, from the gateway's answer.
fn told(answer: &str, out: Output) -> anyhow::Result<()> {
    if out.json {
        document(answer);
        return Ok(());
    }
    let request: Value = serde_json::from_str(answer)?;
    put(format_args!("{} is {}", text(&request, "id"), text(&request, "status")));
    Ok(())
}

fn confirmed(question: &str) -> anyhow::Result<bool> {
    std::io::stdout().write_all(question.as_bytes())?;
    std::io::stdout().flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("no answer")?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}
