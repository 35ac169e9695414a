//! What the command says at its end: the result on stdout, everything else on stderr.

use api_types::{CallStatus, ToolCall};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    super::{
        output::{Output, document, note},
        tools::on_one_line,
    },
    attempt::Stands,
    ended::{Ended, Exit, Why},
    progress::{awaited, line},
    result,
};
use crate::clock::Clock;

/// Says how a call ended. `what` names the tool.
pub(super) fn say(ended: &Ended, what: &str, out: Output) -> Exit {
    let exit = ended.exit();
    if let Some(Stands { text, .. }) = ended.last.as_ref().filter(|_| out.json) {
        document(&on_one_line(text));
    }
    let call = ended.last.as_ref().map(|stands| &stands.call);
    match (&ended.why, call) {
        (Why::Answered, Some(call)) => answered(call, exit, out),
        (Why::Answered | Why::Left, None) => {
            told(format_args!("left before the gateway answered: nobody knows whether {what} ran"));
        }
        (Why::Left, Some(_)) => {}
        (Why::NotNow(words), None) => told(format_args!("{what} did not run: {words}")),
        (Why::Running(words), _) => told(format_args!("{words}; give the same command again")),
        (Why::Refused(words) | Why::NotNow(words), _) => told(words),
        (Why::Unknown(words), _) => told(format_args!("nobody knows whether {what} ran: {words}")),
    }
    match (exit, call) {
        (Exit::Pending, Some(call)) => come_back(call),
        (Exit::Unknown, call) => look_first(call),
        (Exit::WrongUse, Some(call)) => name_approval(call),
        _ => {}
    }
    exit
}

/// Says what the last answer says.
fn answered(call: &ToolCall, exit: Exit, out: Output) {
    match call.status {
        CallStatus::Executed => ran(call, exit, out),
        // What is said of these comes with the way back.
        CallStatus::Pending | CallStatus::Approved => {}
        _ => told(match call.reason.as_deref().filter(|reason| !call.message.contains(reason)) {
            Some(reason) => format!("{} ({reason})", call.message),
            None => call.message.clone(),
        }),
    }
}

fn ran(call: &ToolCall, exit: Exit, out: Output) {
    if let Some(result) = call.result.as_deref().filter(|_| !out.json) {
        result::show(result);
    }
    match &call.error {
        Some(error) => told(format_args!("the tool's server answered with an error: {}", error_words(error))),
        None if exit == Exit::Failed => told("the tool reported an error"),
        None if call.result.is_none() => told(&call.message),
        None => {}
    }
    if call.replayed {
        note("this is the answer of an earlier request: it did not run again");
    }
}

/// A JSON-RPC error, in its own words.
fn error_words(error: &RawValue) -> String {
    #[derive(Deserialize)]
    struct Words {
        code: i64,
        message: String,
    }

    match serde_json::from_str(error.get()) {
        Ok(Words { code, message }) => format!("{message} ({code})"),
        Err(_) => error.get().to_owned(),
    }
}

fn come_back(call: &ToolCall) {
    if call.status != CallStatus::Executing {
        told(format_args!("not executed: {}", awaited(call, Clock::system().now())));
    }
    note(
        "To come back, give the same command with the same arguments: it joins the request that waits, and asks nobody \
         twice.",
    );
    name_approval(call);
}

fn look_first(call: Option<&ToolCall>) {
    note("It may have run. Look what became of it before you call again.");
    if let Some(call) = call {
        name_approval(call);
    }
}

/// Says which approval it is about, and where people see it.
fn name_approval(call: &ToolCall) {
    if let Some(id) = call.approval_id {
        let url = call.console_url.as_deref().map(|url| format!(", {url}")).unwrap_or_default();
        note(line(&format!("Its approval: {id}{url}")));
    }
}

/// Says what went wrong, in one line.
fn told(words: impl std::fmt::Display) {
    note(format_args!("permesso: {}", line(&words.to_string())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_in_its_own_words_or_as_it_is() {
        let words = |json: &str| error_words(&serde_json::from_str::<Box<RawValue>>(json).expect("JSON"));
        assert_eq!(words(r#"{"code": -32000, "message": "no such account", "data": {}}"#), "no such account (-32000)");
        assert_eq!(words(r#"{"code": 1e400}"#), r#"{"code": 1e400}"#);
    }
}
