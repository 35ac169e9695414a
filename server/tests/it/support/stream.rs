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
}

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
        Self { bytes: response.bytes_stream().boxed(), decoder: wire::sse::Decoder::new(1 << 20) }
    }

    /// The next message; `None` when the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(event) = self.decoder.pop() {
                return serde_json::from_str(&event.data).ok();
            }
            let bytes = tokio::time::timeout(Duration::from_secs(10), self.bytes.next()).await.expect("in time")?;
            self.decoder.push(&bytes.ok()?).expect("an event stream");
        }
    }
}
