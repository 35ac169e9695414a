//! Names for elements that belong together, a label and its field.

use std::sync::atomic::{AtomicU32, Ordering};

static LAST: AtomicU32 = AtomicU32::new(0);

/// A name that no other element of the page has.
pub(super) fn unique(what: &str) -> String {
    format!("{what}-{}", LAST.fetch_add(1, Ordering::Relaxed))
}
