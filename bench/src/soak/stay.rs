//! What is left when the agents have gone: violations with their histories, and what gateways hold on to.

use std::{fmt::Write, fs};

use anyhow::Context;
use reqwest::Method;
use serde_json::Value;

use super::{
    book::{Book, End},
    figures::Run,
    judge::{excused, violations},
    scene::{self, ORG},
};
use crate::{person::Person, stage::Stage};

/// How many violations are shown with all that is known of them.
const SHOWN: usize = 20;

/// What one gateway uses.
pub(crate) struct Usage {
    /// VmRSS, in kB.
    memory: u64,
    /// None where its open files may not be listed: the gateway shows them to root only.
    sockets: Option<usize>,
}

/// What each gateway uses now.
///
/// # Errors
/// When one is not there any more.
pub(crate) fn usage(stage: &Stage, gateways: usize) -> anyhow::Result<Vec<Usage>> {
    let one = |at| {
        let pid = stage.pid(&scene::name(at)).with_context(|| format!("{} is gone", scene::name(at)))?;
        let memory = stage.memory(&scene::name(at))?;
        let files = fs::read_dir(format!("/proc/{pid}/fd")).ok();
        let is_socket = |link: &std::path::PathBuf| link.to_string_lossy().starts_with("socket:");
        let sockets =
            files.map(|all| all.flatten().filter_map(|file| fs::read_link(file.path()).ok()).filter(is_socket).count());
        Ok(Usage { memory, sockets })
    };
    (0..gateways).map(one).collect()
}

/// Both moments, side by side.
pub(crate) fn table(under_load: &[Usage], afterwards: &[Usage]) -> String {
    let mut table =
        "| gateway | MB under load | sockets | MB afterwards | sockets |\n|---|--:|--:|--:|--:|\n".to_owned();
    for (at, (then, now)) in under_load.iter().zip(afterwards).enumerate() {
        let [then_mb, now_mb] = [then, now].map(|usage| usage.memory / 1024);
        let sockets = |usage: &Usage| usage.sockets.map_or_else(|| "-".to_owned(), |count| count.to_string());
        let (then_sockets, now_sockets) = (sockets(then), sockets(now));
        // Writing to a String does not fail.
        let _ = writeln!(table, "| {} | {then_mb} | {then_sockets} | {now_mb} | {now_sockets} |", at + 1);
    }
    table
}

/// Prints what must not be; returns how much that is.
pub(crate) async fn account(run: &Run, book: &Book, person: &Person) -> usize {
    let mut found = violations(&run.records, &run.arrivals, &run.verdicts, run.outage.as_ref());
    for faulty in run.faults.iter().filter(|faulty| !excused(faulty, run.outage.as_ref())) {
        let took = faulty.at.duration_since(faulty.sent).as_secs_f64();
        let (name, about) = (scene::name(faulty.gateway), &faulty.about);
        found.push((String::new(), format!("{about} at {name} failed after {took:.1} s: {:?}", faulty.fault)));
    }
    found.extend(book.complaints().into_iter().map(|complaint| (String::new(), complaint)));
    let unknown = run.records.iter().filter(|(_, record)| record.end == Some(End::OutcomeUnknown));
    let (mut ran, mut did_not) = (0, 0);
    for (token, _) in unknown {
        match run.arrivals.contains_key(token) {
            true => ran += 1,
            false => did_not += 1,
        }
        let status = approval(run, person, token).await["status"].take();
        if status != "outcome_unknown" {
            found.push((token.clone(), format!("its agent was told that its outcome is unknown, and it is {status}")));
        }
    }
    let decided = run.verdicts.values().filter(|verdict| verdict.decided.is_some()).count();
    let refused = run.verdicts.values().filter(|verdict| verdict.refused.is_some()).count();
    println!("{decided} decisions; {refused} came too late, since the request had ended");
    if run.outage.is_some() {
        println!("{} calls with unknown outcome after the kill: {ran} had run, {did_not} had not", ran + did_not);
    }
    let open = person.send(0, Method::GET, &format!("/orgs/{ORG}/approvals?status=executing"), None).await;
    match open {
        Ok((200, page)) if page["items"].as_array().is_some_and(Vec::is_empty) => {}
        other => found.push((String::new(), format!("something is still executing: {other:?}"))),
    }
    println!("{} violations", found.len());
    for (token, why) in found.iter().take(SHOWN) {
        println!("- {token} {why}");
        if run.verdicts.contains_key(token) {
            println!("  {}", approval(run, person, token).await["history"]);
        }
    }
    found.len()
}

/// What the gateway knows of a call.
async fn approval(run: &Run, person: &Person, token: &str) -> Value {
    let Some(verdict) = run.verdicts.get(token) else { return Value::Null };
    let path = format!("/orgs/{ORG}/approvals/{}", verdict.approval);
    match person.send(0, Method::GET, &path, None).await {
        Ok((200, shown)) => shown,
        other => Value::String(format!("{other:?}")),
    }
}
