//! What the parts of a request share.

use std::sync::Arc;

use crate::reactive::{Memo, RwSignal, memo};
use api_types::ApprovalDetail;

/// The request that is shown, as it is now.
pub(super) type Detail = RwSignal<Arc<ApprovalDetail>>;

/// Whether the tool is destructive and some of its arguments were folded at first and never opened: provided by the card.
#[derive(Clone, Copy)]
pub(super) struct Unopened(pub RwSignal<bool>);

/// A part of a request that says so only when it has changed.
pub(super) fn part<T: PartialEq + Send + Sync + 'static>(
    detail: Detail,
    of: impl Fn(&ApprovalDetail) -> T + Send + Sync + 'static,
) -> Memo<T> {
    memo(move || detail.with(|detail| of(detail)))
}
