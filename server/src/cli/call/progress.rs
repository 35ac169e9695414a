//! What is awaited, on stderr: a line for each change, and at a terminal a spinner below it.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use api_types::{CallStatus, ToolCall};
use chrono::{DateTime, TimeDelta, Utc};
use domain::marks::escaped;
use uuid::Uuid;

use super::super::output::note;
use crate::clock::Clock;

/// How long the spinner stands still.
const TURN: Duration = Duration::from_millis(150);
const SPINNER: [char; 4] = ['|', '/', '-', '\\'];
/// So wide is the spinner's line: it fits into every terminal, so that it can be taken away again.
const WIDTH: usize = 72;

/// Tells what a call waits for.
pub(super) struct Progress {
    clock: Clock,
    is_terminal: bool,
    /// What was told last: the approval and how it stood.
    told: Option<(Option<Uuid>, CallStatus)>,
    expires_at: Option<DateTime<Utc>>,
    turns: usize,
}

impl Progress {
    /// Nothing is awaited yet.
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, is_terminal: io::stderr().is_terminal(), told: None, expires_at: None, turns: 0 }
    }

    /// Says how a call stands, once for each state that it gets into.
    pub(super) fn waits(&mut self, call: &ToolCall) {
        self.expires_at = call.expires_at;
        let stands = (call.approval_id, call.status);
        if self.told != Some(stands) {
            self.told = Some(stands);
            self.clear();
            note(awaited(call, self.clock.now()));
        }
    }

    /// Waits for something, while the spinner turns.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = work.as_mut() => return done,
                () = tokio::time::sleep(TURN) => self.turn(),
            }
        }
    }

    fn turn(&mut self) {
        if !self.is_terminal || self.told.is_none() {
            return;
        }
        self.turns += 1;
        let spinner = SPINNER[self.turns % SPINNER.len()];
        let left = left(self.expires_at, self.clock.now());
        draw(format_args!("\r{:<WIDTH$}", format!("{spinner} waiting{left}; Ctrl-C leaves it as it is")));
    }

    /// Takes the spinner away, for words that stay.
    pub(super) fn clear(&mut self) {
        if self.turns > 0 {
            self.turns = 0;
            draw(format_args!("\r{:WIDTH$}\r", ""));
        }
    }
}

/// Writes to a terminal, as far as it is there.
fn draw(text: std::fmt::Arguments<'_>) {
    let mut stderr = io::stderr();
    let _ = stderr.write_fmt(text).and_then(|()| stderr.flush());
}

/// What a call waits for, in one line.
pub(super) fn awaited(call: &ToolCall, now: DateTime<Utc>) -> String {
    let place = call.console_url.as_deref().map(|url| format!(": {url}")).unwrap_or_default();
    let left = left(call.expires_at, now);
    let words = match call.status {
        CallStatus::Approved => format!("approved, and not run yet{place}{left}: {}", call.message),
        CallStatus::Executing => format!("approved, and running{place}"),
        _ => format!("waiting for a person's approval{}{place}{left}", whose(&call.waits_for)),
    };
    let reason = call.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    line(&format!("{words}{reason}"))
}

/// The roles of those who may approve.
fn whose(roles: &[String]) -> String {
    if roles.is_empty() { String::new() } else { format!(" ({})", roles.join(" or ")) }
}

/// Others' words in one line, for a terminal.
pub(super) fn line(text: &str) -> String {
    escaped(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn left(expires_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> String {
    expires_at.map(|at| format!(", expires {}", span(at - now))).unwrap_or_default()
}

/// How long something lasts, in its largest unit.
fn span(left: TimeDelta) -> String {
    match left.num_seconds() {
        ..=0 => "now".to_owned(),
        seconds @ 1..=119 => format!("in {seconds} s"),
        seconds @ 120..=7_199 => format!("in {} min", seconds / 60),
        seconds @ 7_200..=172_799 => format!("in {} h", seconds / 3_600),
        seconds => format!("in {} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::attempt::Stands, *};

    fn said(call: &Value) -> String {
        awaited(&Stands::of(call).call, "2026-07-01T12:00:00Z".parse().expect("a time"))
    }

    #[test]
    fn it_says_for_whom_and_how_long_it_waits() {
        let pending = json!({"status": "pending", "executed": false, "message": "NOT EXECUTED",
            "console_url": "https://mcp.example.com/a", "expires_at": "2026-07-01T12:58:30Z"});
        let words = "waiting for a person's approval: https://mcp.example.com/a, expires in 58 min";
        assert_eq!(said(&pending), words);
        let mut known = pending.clone();
        known["waits_for"] = json!(["admin", "approver"]);
        assert!(said(&known).starts_with("waiting for a person's approval (admin or approver): "), "{}", said(&known));
        let mut barred = pending.clone();
        barred["reason"] = json!("nobody\ncan \u{1b}[2Jdecide");
        assert_eq!(said(&barred), format!("{words} (nobody can \\u{{1b}}[2Jdecide)"));
        let approved = json!({"status": "approved", "executed": false, "message": "the connection is off"});
        assert_eq!(said(&approved), "approved, and not run yet: the connection is off");
    }

    #[test]
    fn a_span_is_told_in_its_largest_unit() {
        for (seconds, words) in [
            (-5, "now"),
            (0, "now"),
            (1, "in 1 s"),
            (119, "in 119 s"),
            (120, "in 2 min"),
            (3_599, "in 59 min"),
            (7_200, "in 2 h"),
            (86_400, "in 24 h"),
            (172_800, "in 2 days"),
        ] {
            assert_eq!(span(TimeDelta::seconds(seconds)), words);
        }
    }

    #[test]
    fn the_spinners_line_is_as_wide_as_what_takes_it_away() {
        let longest = format!("| waiting, expires {}; Ctrl-C leaves it as it is", span(TimeDelta::days(30)));
        assert!(longest.chars().count() <= WIDTH, "{longest}");
    }
}
