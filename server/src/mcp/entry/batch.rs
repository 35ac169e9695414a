//! Batches, which only 2025-03-26 has: each entry is gated and recorded on its own.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::http::{HeaderMap, StatusCode};
use futures::{FutureExt, StreamExt, stream};
use tokio_util::sync::CancellationToken;
use wire::{
    envelope::Message,
    error::{INVALID_REQUEST, RpcError},
    mcp::RequestMeta,
};

use crate::{
    mcp::{
        answer::{Answer, Payload, fault},
        methods::{self, Asked},
        request::{called, place::Place},
    },
    service::Services,
};

/// How many entries of a batch are in flight at once.
const AT_ONCE: usize = 8;
/// The limit of a batch's answers, in bytes; the remaining entries are refused.
const MAX_ANSWERS: usize = 32 * 1024 * 1024;

type Entry<'a> = Result<Message<'a>, RpcError>;

/// Answers a batch with a batch, as JSON. Its calls are not held open: they would wait for each other.
pub(in crate::mcp) async fn answer(services: &Arc<Services>, place: &Place, entries: Vec<Entry<'_>>) -> Answer {
    let place = &Place { hold: std::time::Duration::ZERO, ..place.clone() };
    // Only its entries count as in flight.
    let _waits = place.load.wait();
    let size = AtomicUsize::new(0);
    let mut answering = Vec::new();
    for entry in entries {
        // Notifications are not answered.
        if matches!(entry, Ok(Message::Request { .. }) | Err(_)) {
            answering.push(answer_entry(services, place, entry, &size).boxed());
        }
    }
    let entries: Vec<Answer> = stream::iter(answering).buffered(AT_ONCE).collect().await;
    if entries.is_empty() {
        return Answer::accepted();
    }
    let mut all = vec![b'['];
    let mut answered = Vec::new();
    for entry in entries {
        if let Payload::Json { bytes, answers } = entry.content {
            if all.len() > 1 {
                all.push(b',');
            }
            all.extend_from_slice(&bytes);
            answered.extend(answers);
        }
    }
    all.push(b']');
    Answer { status: StatusCode::OK, content: Payload::Json { bytes: all, answers: answered }, session: None }
}

async fn answer_entry(services: &Arc<Services>, place: &Place, entry: Entry<'_>, size: &AtomicUsize) -> Answer {
    let wrong = |text| RpcError::new(INVALID_REQUEST, text);
    let tool = called::by_entry(&entry);
    let entry = entry.and_then(|entry| match entry {
        Message::Request { id, .. } if size.load(Ordering::Relaxed) > MAX_ANSWERS => {
            Err(wrong("the answers of this batch are too large; send this one alone").with_id(id))
        }
        Message::Request { id, method, .. } if method == "initialize" => {
            Err(wrong("`initialize` must not be part of a batch").with_id(id))
        }
        Message::Request { id, params, .. } if !matches!(RequestMeta::read(params), Ok(None)) => {
            Err(wrong("a request of MCP 2026-07-28 must not be part of a batch").with_id(id))
        }
        entry => Ok(entry),
    });
    let answer = match entry {
        Ok(Message::Request { id, method, params }) => {
            let place = match place.load.beside() {
                Ok(load) => &Place { load: Arc::new(load), ..place.clone() },
                Err(error) => return fault::turned_away_entry(services, place, &error, id, tool).await,
            };
            let headers = &HeaderMap::new();
            let cancel = CancellationToken::new();
            let asked = Asked { id, method: &method, params, headers, cancel, told: None };
            methods::answer(services, place, asked).await
        }
        Ok(_) => methods::refuse(services, place, wrong("not a request"), tool).await,
        Err(error) => methods::refuse(services, place, error, tool).await,
    };
    if let Payload::Json { bytes, .. } = &answer.content {
        size.fetch_add(bytes.len(), Ordering::Relaxed);
    }
    answer
}
