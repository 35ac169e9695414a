//! Handles the unread rest of a body after an early answer. An unread rest would be taken for the next request, so the
//! connection has to be closed, and the next request of the client or the pooling proxy on it is lost. A small rest is
//! therefore read and discarded before the answer is sent; otherwise the answer says `Connection: close` (RFC 9112,
//! section 9.3).

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    body::{Body, HttpBody},
    extract::Request,
    http::{HeaderValue, header},
    middleware::Next,
    response::Response,
};
use bytes::Bytes;
use futures::StreamExt;
use http_body::{Frame, SizeHint};
use parking_lot::Mutex;

/// How much is read and discarded, in bytes.
const MOST: usize = 64 * 1024;
/// The timeout for that.
const WITHIN: Duration = Duration::from_secs(1);

/// The layer around everything that answers.
pub(super) async fn read(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let is_awaited = request.headers().contains_key(header::EXPECT);
    let left = Arc::new(Mutex::new(Left::Nothing));
    let lent =
        |body| Body::new(Lent { body, is_begun: !is_awaited, has_ended: false, is_broken: false, left: left.clone() });
    let mut response = next.run(request.map(lent)).await;
    let left = std::mem::take(&mut *left.lock());
    let may_go_on = match left {
        Left::Nothing => true,
        Left::Unreadable => false,
        Left::Rest(body) => discard(body).await,
    };
    if !may_go_on {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Reads a small body to its end; `false` if it was too large or too slow.
async fn discard(body: Body) -> bool {
    let is_small = |bytes: u64| usize::try_from(bytes).is_ok_and(|bytes| bytes <= MOST);
    if !is_small(body.size_hint().lower()) {
        return false;
    }
    let discarded = async {
        let mut pieces = body.into_data_stream();
        let mut room = MOST;
        while let Some(piece) = pieces.next().await {
            let Some(less) = piece.ok().and_then(|piece| room.checked_sub(piece.len())) else { return false };
            room = less;
        }
        true
    };
    tokio::time::timeout(WITHIN, discarded).await.unwrap_or_default()
}

/// What a handler left of a body.
#[derive(Default)]
enum Left {
    /// Everything was read.
    #[default]
    Nothing,
    /// The rest.
    Rest(Body),
    /// A rest that cannot be read: it is broken, or the client sends it only on request.
    Unreadable,
}

/// A body lent to a handler; the unread rest is returned.
struct Lent {
    body: Body,
    /// Whether the client is sending the body, on request or not.
    is_begun: bool,
    has_ended: bool,
    is_broken: bool,
    left: Arc<Mutex<Left>>,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.is_begun = true;
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            None => self.has_ended = true,
            Some(Err(_)) => self.is_broken = true,
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        *self.left.lock() = if self.has_ended || self.body.is_end_stream() {
            Left::Nothing
        } else if self.is_broken || !self.is_begun {
            Left::Unreadable
        } else {
            Left::Rest(std::mem::take(&mut self.body))
        };
    }
}
