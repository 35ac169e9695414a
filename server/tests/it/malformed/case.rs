//! One case, and what holds after each.

use reqwest::Method;
use serde_json::json;

use super::{colleague, panics, raw};
use crate::support::{Client, World, client::text};

/// What is sent, and what must come of it.
pub(super) struct Case {
    name: String,
    bytes: Vec<u8>,
    answers: Vec<(u16, Vec<i64>)>,
    /// The id that the first answer repeats, as JSON.
    id: Option<&'static str>,
    records: usize,
    calls: usize,
}

/// The head of a request to the toolkit that authenticates.
pub(super) const POST: &str = "POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\n";

impl Case {
    /// These bytes, in which the words of [`Places`] are filled in.
    pub(super) fn raw(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        let (name, bytes) = (name.into(), bytes.into());
        Self { name, bytes, answers: Vec::new(), id: None, records: 0, calls: 0 }
    }

    /// A body with these lines (`\n` for CRLF) in its head, its length, and the wish that nothing follow.
    pub(super) fn with_head(name: impl Into<String>, head: &[u8], body: &[u8]) -> Self {
        let length = format!("content-length: {}\nconnection: close\n\n", body.len());
        let head = [head, length.as_bytes()].concat();
        Self::raw(name, [crlf(&head), body.to_vec()].concat())
    }

    /// A body of a toolkit's client that speaks `revision`.
    pub(super) fn of(revision: &str, name: impl Into<String>, body: &[u8]) -> Self {
        let head = format!(
            "{POST}accept: application/json, text/event-stream\ncontent-type: application/json\n\
             mcp-protocol-version: {revision}\n"
        );
        Self::with_head(name, head.as_bytes(), body)
    }

    /// One more answer: its status, and the code of each JSON-RPC answer in it, 0 for a result. An answer with
    /// any of them is recorded once for each.
    pub(super) fn gets(mut self, status: u16, codes: &[i64]) -> Self {
        self.answers.push((status, codes.to_vec()));
        self.records += codes.len();
        self
    }

    /// What is on record, where it is not one record for each answer.
    pub(super) fn recorded(mut self, records: usize) -> Self {
        self.records = records;
        self
    }

    /// The id that is repeated.
    pub(super) fn id(mut self, id: &'static str) -> Self {
        self.id = Some(id);
        self
    }

    /// It is a call after all, and reaches the upstream.
    pub(super) fn calls(mut self) -> Self {
        self.calls = 1;
        self
    }
}

/// Lines as HTTP ends them.
pub(super) fn crlf(lines: &[u8]) -> Vec<u8> {
    lines.iter().flat_map(|&byte| if byte == b'\n' { vec![b'\r', b'\n'] } else { vec![byte] }).collect()
}

/// What differs from run to run.
pub(super) struct Places {
    host: String,
    words: Vec<(&'static str, String)>,
}

impl Places {
    pub(super) async fn of(world: &World) -> Self {
        let host = world.gateway.url.trim_start_matches("http://").to_owned();
        let words = vec![
            ("@HOST@", host.clone()),
            ("@KEY@", world.agent.token.clone().unwrap()),
            ("@SESSION@", session(&world.agent).await),
            ("@THEIR-SESSION@", session(&colleague(world).await).await),
        ];
        Self { host, words }
    }

    /// Where the gateway listens.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// What stands for a word.
    pub(super) fn word(&self, word: &str) -> &str {
        self.words.iter().find(|(known, _)| *known == word).map(|(_, value)| value).expect("a known word")
    }

    /// The bytes with every word filled in.
    pub(super) fn fill(&self, bytes: &[u8]) -> Vec<u8> {
        self.words
            .iter()
            .fold(bytes.to_vec(), |bytes, (word, value)| replaced(&bytes, word.as_bytes(), value.as_bytes()))
    }
}

fn replaced(bytes: &[u8], word: &[u8], value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    // Bodies are long, and have none of the words but near their beginning.
    while let Some(at) = rest.iter().take(100_000).enumerate().position(|(at, _)| rest[at..].starts_with(word)) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(value);
        rest = &rest[at + word.len()..];
    }
    out.extend_from_slice(rest);
    out
}

async fn session(client: &Client) -> String {
    let params =
        json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}).to_string();
    let answer = client.send(Method::POST, "/acme/bank/mcp", Some(body), &[]).await;
    answer.headers["mcp-session-id"].to_str().unwrap().to_owned()
}

/// Sends each case and looks at everything that must hold after it; tells of all that did not.
pub(super) async fn check_all(world: &World, places: &Places, cases: Vec<Case>) {
    panics::watch();
    assert!(!cases.is_empty());
    let mut wrong = Vec::new();
    for case in cases {
        if let Err(what) = check(world, places, &case).await {
            wrong.push(format!("{}: {what}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

async fn check(world: &World, places: &Places, case: &Case) -> Result<(), String> {
    let (records, calls) = (recorded(world).await, world.upstream.calls());
    let replies = raw::exchange(&places.host, &places.fill(&case.bytes)).await?;
    let got: Vec<_> = replies.iter().map(|reply| (reply.status, reply.codes())).collect();
    if got != case.answers {
        let texts: Vec<_> = replies.iter().map(|reply| reply.text().chars().take(300).collect::<String>()).collect();
        return Err(format!("{got:?}, not {:?}: {texts:?}", case.answers));
    }
    if let Some(reply) = replies.iter().find(|reply| reply.status >= 500 || reply.head.contains("text/plain")) {
        return Err(format!("not ours: {} {}", reply.status, reply.text()));
    }
    let has = |reply: &raw::Reply, id: &str| match id {
        "none" => !reply.text().contains("\"id\":"),
        id => reply.text().contains(&format!("\"id\":{id},")),
    };
    if let Some(id) = case.id
        && !replies.first().is_some_and(|reply| has(reply, id))
    {
        return Err(format!("another id than {id}: {}", replies[0].text()));
    }
    let (now_recorded, called) = (recorded(world).await - records, world.upstream.calls() - calls);
    if (now_recorded, called) != (case.records, case.calls) {
        return Err(format!("{now_recorded} records and {called} calls, not {} and {}", case.records, case.calls));
    }
    let well = world.agent.call("balance", json!({})).await;
    if text(&well) != "done" || world.upstream.calls() != calls + case.calls + 1 {
        return Err(format!("a good call after it: {well}"));
    }
    match panics::seen() {
        0 => Ok(()),
        seen => Err(format!("{seen} panics")),
    }
}

/// How much the agent has on record.
async fn recorded(world: &World) -> usize {
    let query = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM audit_intents WHERE actor_name = 'robot'");
    let count = query.fetch_one(&mut world.sql().await).await.expect("the records are there");
    usize::try_from(count).expect("a number")
}
