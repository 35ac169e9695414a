//! The list that was shown last: the page of one of its records steps through it.

use std::cell::RefCell;

use uuid::Uuid;

use super::roll;

thread_local! {
    static LISTED: RefCell<Vec<Uuid>> = const { RefCell::new(Vec::new()) };
}

/// Keeps the ids of the list, in order; a list that was not read yet changes nothing.
pub(super) fn remember(ids: Option<Vec<Uuid>>) {
    if let Some(ids) = ids {
        LISTED.with_borrow_mut(|listed| *listed = ids);
    }
}

/// The record before or after this one, if the list has it.
pub(super) fn beside(id: Uuid, forward: bool) -> Option<Uuid> {
    LISTED.with_borrow(|listed| roll::beside(listed, Some(id), forward).filter(|_| listed.contains(&id)))
}
