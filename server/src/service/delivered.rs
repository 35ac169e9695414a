//! A response body that knows whether it was fully sent: only then does the stored result of an approval count as
//! answered (approvals.md, "What the agent sees", 5). A client that has already gone never receives it.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use domain::{ApprovalId, OrgId};

use super::Base;
use crate::{
    db::{self, OrgScope, Reason},
    error::Result,
    limit::Load,
};

/// The size of a piece: the last piece is requested only after the pieces before it were sent.
const PIECE: usize = 32 * 1024;

/// JSON bytes, and the approvals they answer.
pub struct Tracked {
    left: Bytes,
    services: Arc<Base>,
    answers: Vec<(OrgId, ApprovalId)>,
    /// Keeps these bytes counted, and their request in flight, until they are sent.
    _load: Arc<Load>,
}

impl Tracked {
    /// These bytes, which count at the load until they are sent.
    pub fn new(services: &Arc<Base>, bytes: Vec<u8>, answers: Vec<(OrgId, ApprovalId)>, load: &Arc<Load>) -> Self {
        load.carry(bytes.len());
        Self { left: bytes.into(), services: services.clone(), answers, _load: load.clone() }
    }
}

impl axum::body::HttpBody for Tracked {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<http_body::Frame<Bytes>, Infallible>>> {
        let left = &mut self.get_mut().left;
        let piece = left.split_to(left.len().min(PIECE));
        Poll::Ready((!piece.is_empty()).then(|| Ok(http_body::Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.left.len() as u64)
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        if !self.left.is_empty() || self.answers.is_empty() {
            return;
        }
        let (services, answers) = (self.services.clone(), std::mem::take(&mut self.answers));
        self.services.dispatched.spawn(async move {
            for (org, id) in answers {
                if let Err(error) = mark(&services, org, id).await {
                    // The result is then kept longer, until the approval's own end.
                    tracing::warn!(approval.id = %id, %error, "an answer could not be marked as given");
                }
            }
        });
    }
}

async fn mark(services: &Base, org: OrgId, id: ApprovalId) -> Result<()> {
    let mut scope = OrgScope::system(&services.db.calls, org, Reason::Upkeep).await?;
    db::approval::mark_answered(&mut scope, id).await?;
    scope.commit().await
}
