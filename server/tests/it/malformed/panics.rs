//! Whether the gateway's code panicked, in whatever task: a layer of its own would only see the handlers'.

use std::{
    panic,
    sync::{
        Once,
        atomic::{AtomicUsize, Ordering},
    },
};

static SEEN: AtomicUsize = AtomicUsize::new(0);

/// Counts from now on; a test's own failures are not counted.
pub(super) fn watch() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if info.location().is_some_and(|place| !place.file().contains("tests/")) {
                SEEN.fetch_add(1, Ordering::SeqCst);
            }
            before(info);
        }));
    });
}

/// How many there were.
pub(super) fn seen() -> usize {
    SEEN.load(Ordering::SeqCst)
}
