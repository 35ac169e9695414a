//! The messages of one response: JSON is one, an event stream has any number.

use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;
use wire::sse::Decoder;

use super::book::Fault;

/// A stream sends something every fifteen seconds; nobody in between waits for ever.
const SILENCE: Duration = Duration::from_secs(25);
const MAX_EVENT: usize = 1 << 20;

/// What is still to come of a response.
pub(crate) struct Messages {
    response: reqwest::Response,
    /// `None`: JSON.
    events: Option<Decoder>,
}

impl Messages {
    pub(crate) fn of(response: reqwest::Response) -> Self {
        let kind = response.headers().get("content-type").map(|kind| kind.as_bytes());
        let is_stream = kind.is_some_and(|kind| kind.starts_with(b"text/event-stream"));
        Self { response, events: is_stream.then(|| Decoder::new(MAX_EVENT)) }
    }

    /// The next message.
    ///
    /// # Errors
    /// When the response ends or breaks before it, is silent for too long, or is none.
    pub(crate) async fn next(&mut self) -> Result<Value, Fault> {
        let Some(events) = &mut self.events else {
            let mut body = Vec::new();
            while let Some(piece) = self.response.chunk().await.map_err(|_| Fault::Broke)? {
                body.extend_from_slice(&piece);
            }
            return parsed(&String::from_utf8_lossy(&body));
        };
        loop {
            if let Some(event) = events.pop() {
                return parsed(&event.data);
            }
            let piece = timeout(SILENCE, self.response.chunk()).await.map_err(|_| Fault::Overdue)?;
            match piece {
                Ok(Some(bytes)) => events.push(&bytes).map_err(|error| Fault::Rpc(error.to_string()))?,
                Ok(None) | Err(_) => return Err(Fault::Broke),
            }
        }
    }
}

fn parsed(text: &str) -> Result<Value, Fault> {
    serde_json::from_str(text)
        .map_err(|_| Fault::Rpc(format!("no JSON: {}", text.chars().take(200).collect::<String>())))
}
