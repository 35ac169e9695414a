//! HTTP/1.1 as bytes: what is sent is exactly what a case says, and what comes back is taken apart and not
//! forgiven.

use std::time::Duration;

use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long an answer may take that nothing keeps waiting.
const SOON: Duration = Duration::from_secs(20);

/// One response.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The code of each JSON-RPC answer in it, 0 for a result; none where there is no such answer.
    pub(super) fn codes(&self) -> Vec<i64> {
        let answers = serde_json::from_slice::<Vec<Answer>>(&self.body);
        let answers = answers.or_else(|_| serde_json::from_slice::<Answer>(&self.body).map(|answer| vec![answer]));
        let answers = answers.unwrap_or_default().into_iter().filter(|answer| answer.jsonrpc == "2.0");
        answers.map(|answer| answer.error.map_or(0, |error| error.code)).collect()
    }
}

/// What is read of an answer. Its id may be longer than any number.
#[derive(Deserialize)]
struct Answer {
    jsonrpc: String,
    error: Option<Code>,
}

#[derive(Deserialize)]
struct Code {
    code: i64,
}

/// Sends the bytes and reads until the gateway closes the connection; the error says what was not HTTP.
pub(super) async fn exchange(address: &str, bytes: &[u8]) -> Result<Vec<Reply>, String> {
    let stream = TcpStream::connect(address).await.expect("the gateway listens");
    let (mut reader, mut writer) = stream.into_split();
    let mut answer = Vec::new();
    let reading = timeout(SOON, reader.read_to_end(&mut answer));
    // A gateway that has heard enough closes while we still write.
    let (read, _) = tokio::join!(reading, writer.write_all(bytes));
    let replies = replies(&answer)?;
    match read {
        Ok(_) => Ok(replies),
        Err(_) => Err(format!("the connection stays open after {replies:?}")),
    }
}

/// All responses in what was read.
fn replies(mut bytes: &[u8]) -> Result<Vec<Reply>, String> {
    let mut replies = Vec::new();
    while !bytes.is_empty() {
        let shown = || String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
        let end =
            bytes.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(|| format!("no head: {}", shown()))?;
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let status = head.strip_prefix("http/1.").and_then(|rest| rest.get(2..5)).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| format!("no status: {}", shown()))?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        let rest = &bytes[end + 4..];
        let length = length.unwrap_or_default().min(rest.len());
        replies.push(Reply { status, head, body: rest[..length].to_vec() });
        bytes = &rest[length..];
    }
    Ok(replies)
}
