//! `permesso approvals`: an approver at a terminal.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::{Context, bail};
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::client::{Client, SignInArgs};

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
pub(super) async fn run(command: ApprovalsCommand) -> anyhow::Result<()> {
    match command {
        ApprovalsCommand::List { status, sign_in } => list(&status, &sign_in).await,
        ApprovalsCommand::Show { id, sign_in } => {
            let (_, _, request) = find(&id, &sign_in).await?;
            show(&request);
            Ok(())
        }
        ApprovalsCommand::Approve { id, reason, yes, sign_in } => {
            let (client, path, request) = find(&id, &sign_in).await?;
            show(&request);
            if !yes {
                if !std::io::stdin().is_terminal() {
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
            told(&client.post(&format!("{path}/approve"), &body).await?)
        }
        ApprovalsCommand::Reject { id, reason, sign_in } => {
            let (client, path, request) = find(&id, &sign_in).await?;
            let mut body = seen(&request);
            body["reason"] = json!(reason);
            told(&client.post(&format!("{path}/reject"), &body).await?)
        }
        ApprovalsCommand::Settle { id, outcome, note, sign_in } => {
            let (client, path, _) = find(&id, &sign_in).await?;
            let outcome = match outcome {
                Outcome::Executed => "executed",
                Outcome::NotExecuted => "not_executed",
            };
            told(&client.post(&format!("{path}/settle"), &json!({"outcome": outcome, "note": note})).await?)
        }
    }
}

async fn list(status: &str, sign_in: &SignInArgs) -> anyhow::Result<()> {
    let client = Client::sign_in(sign_in).await?;
    let mut found = 0;
    for org in client.orgs(sign_in.org.as_deref()).await? {
        let filter = if status == "any" { String::new() } else { format!("&status={status}") };
        let page = client.get(&format!("/orgs/{org}/approvals?limit=200{filter}")).await?;
        for item in page["items"].as_array().into_iter().flatten() {
            found += 1;
            println!(
                "{}  {:<15}  {}/{}  {}  by {}  expires {}",
                text(item, "id"),
                text(item, "status"),
                org,
                text(item, "toolkit"),
                text(item, "tool"),
                text(item, "caller_name"),
                text(item, "expires_at"),
            );
        }
    }
    if found == 0 {
        let what = if status == "any" { "no requests" } else { "nothing" };
        eprintln!("{what} here{}", if status == "any" { String::new() } else { format!(" is {status}") });
    }
    Ok(())
}

/// Finds a request in the orgs of the person who signs in; gives its path as well.
async fn find(id: &str, sign_in: &SignInArgs) -> anyhow::Result<(Client, String, Value)> {
    let client = Client::sign_in(sign_in).await?;
    for org in client.orgs(sign_in.org.as_deref()).await? {
        let path = format!("/orgs/{org}/approvals/{id}");
        if let Some(request) = client.find(&path).await? {
            return Ok((client, path, request));
        }
    }
    bail!("there is no request {id} that you may see")
}

fn seen(request: &Value) -> Value {
    json!({"arguments_sha256": request["arguments_sha256"], "definition_sha256": request["definition_sha256"]})
}

fn show(request: &Value) {
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
    ] {
        if request[field].is_string() {
            println!("{label:<10}{}", text(request, field));
        }
    }
    match request["arguments_json"].as_str() {
        Some(arguments) => println!("arguments {}", visible(arguments)),
        None => println!("arguments (erased)"),
    }
    if request["reviewed_definition"].is_object() {
        println!("warning   the tool's definition changed since it was last reviewed");
    }
    for event in request["history"].as_array().into_iter().flatten() {
        println!(
            "{}  {:<15}  {}  {}",
            text(event, "at"),
            text(event, "to"),
            text(event, "actor_name"),
            text(event, "note")
        );
    }
}

fn text(value: &Value, field: &str) -> String {
    visible(value[field].as_str().unwrap_or_default())
}

/// Hostile text on a terminal: control, invisible and bidirectional characters as escapes.
pub(super) fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{ad}' => {
                c.escape_unicode().to_string()
            }
            c if c.is_control() => c.escape_default().to_string(),
            '\u{e0000}'..='\u{e007f}' => c.escape_unicode().to_string(),
            c => c.to_string(),
        })
        .collect()
}

fn told(request: &Value) -> anyhow::Result<()> {
    println!("{} is {}", text(request, "id"), text(request, "status"));
    Ok(())
}

fn confirmed(question: &str) -> anyhow::Result<bool> {
    print!("{question}");
    std::io::stdout().flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("no answer")?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn what_a_terminal_would_hide_or_obey_is_shown() {
        assert_eq!(visible("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(visible("pay\u{202e}drawkcab"), "pay\\u{202e}drawkcab");
        assert_eq!(visible("caffè"), "caffè");
    }
}
