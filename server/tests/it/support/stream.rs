//! An event stream that is read as it comes.

use std::time::Duration;

use futures::StreamExt;
use reqwest::Method;
use serde_json::Value;

use super::Client;

/// What somebody hears.
pub(crate) struct Stream {
    bytes: futures::stream::BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    decoder: wire::sse::Decoder,
    raw: Vec<u8>,
}

/// What is sent when nothing happens.
const KEEP_ALIVE: &[u8] = b": still here\n\n";

impl Stream {
    /// Opens a stream, which has to be one.
    pub(crate) async fn open(
        client: &Client,
        method: Method,
        path: &str,
        body: Option<String>,
        headers: &[(&str, &str)],
    ) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let mut request = http.request(method, format!("{}{path}", client.url));
        request = request.bearer_auth(client.token.as_deref().unwrap_or_default());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        Self { bytes: response.bytes_stream().boxed(), decoder: wire::sse::Decoder::new(1 << 20), raw: Vec::new() }
    }

    /// The next message; `None` when the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(event) = self.decoder.pop() {
                return serde_json::from_str(&event.data).ok();
            }
            self.read_on().await?;
        }
    }

    /// The answer to the request that opened the stream, past all that is told before it.
    pub(crate) async fn answer(&mut self) -> Value {
        loop {
            let message = self.next().await.expect("an answer");
            if message["method"].is_null() {
                return message;
            }
        }
    }

    /// Reads on until so many keep-alives more have come; messages stay for [`next`](Self::next).
    pub(crate) async fn stays_alive(&mut self, times: usize) {
        let wanted = self.keep_alives() + times;
        while self.keep_alives() < wanted {
            self.read_on().await.expect("it is open");
        }
    }

    /// How many keep-alives have come, the one that begins a stream included.
    pub(crate) fn keep_alives(&self) -> usize {
        self.raw.windows(KEEP_ALIVE.len()).filter(|window| *window == KEEP_ALIVE).count()
    }

    async fn read_on(&mut self) -> Option<()> {
        let bytes = tokio::time::timeout(Duration::from_secs(20), self.bytes.next()).await.expect("in time")?.ok()?;
        self.raw.extend_from_slice(&bytes);
        self.decoder.push(&bytes).expect("an event stream");
        Some(())
    }
}
