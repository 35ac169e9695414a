//! Tracks the requests in flight, so that a stop waits for them and for nothing else: browsers keep idle connections
//! open, and those would never end.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http_body::{Frame, SizeHint};
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

/// Counts a request until its answer is fully sent, or its client has gone.
pub(super) async fn count(State(requests): State<TaskTracker>, request: Request, next: Next) -> Response {
    let token = requests.token();
    next.run(request).await.map(|body| Body::new(Counted { body, _token: token }))
}

struct Counted {
    body: Body,
    _token: TaskTrackerToken,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
