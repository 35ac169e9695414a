//! Something read from the server and shown, and read again when it may have changed. While it is
//! read again the page keeps what it has; an answer that says the same as before changes nothing on
//! the page, so focus and scrolling stay where they are. A reading that failed is tried again by itself
//! (`api::retry`) until it succeeds or the page is left.

use std::sync::Arc;

use leptos::{prelude::*, task::spawn_local};
use serde::de::DeserializeOwned;

use super::{Api, Failure, Retry, remember};

use crate::reactive::effect;

/// What is known of one thing of the server.
pub struct Read<T: 'static> {
    /// The thing, once it was read; stays while it is read again.
    pub value: RwSignal<Option<Arc<T>>>,
    /// Why the last reading failed; `None` after one that did not.
    pub failure: RwSignal<Option<Failure>>,
    /// Whether it is being read just now.
    pub reading: RwSignal<bool>,
    again: Trigger,
}

impl<T> Clone for Read<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Read<T> {}

impl<T: DeserializeOwned + Send + Sync + 'static> Read<T> {
    /// Reads what stands at `path`, again whenever the path changes, and forgets the old thing then.
    /// `None`: nothing is to be read now.
    pub fn new(path: impl Fn() -> Option<String> + 'static) -> Self {
        let read = Self {
            value: RwSignal::new(None),
            failure: RwSignal::new(None),
            reading: RwSignal::new(true),
            again: Trigger::new(),
        };
        let api = Api::here();
        let retry = Retry::new(read.again);
        let turn = StoredValue::new(0_u64);
        let asked = StoredValue::new(None::<String>);
        // What the value was made of, to know an answer that says the same.
        let last = StoredValue::new(None::<String>);
        effect(move || {
            read.again.track();
            let path = path();
            turn.update_value(|turn| *turn += 1);
            let mine = turn.get_value();
            if asked.with_value(|asked| *asked != path) {
                read.value.set(None);
                read.forgive();
                last.set_value(None);
                retry.over();
                asked.set_value(path.clone());
            }
            retry.begun();
            read.reading.set(path.is_some());
            let Some(path) = path else { return };
            spawn_local(async move {
                let answer = api.get_text(&path).await;
                // A newer reading, or a page that is gone, wants none of it.
                if turn.try_get_value() != Some(mine) {
                    return;
                }
                read.reading.set(false);
                match answer.and_then(|text| read.take(text, last)) {
                    Ok(()) => {
                        retry.over();
                        read.forgive();
                    }
                    Err(failure) => {
                        retry.failed(&failure);
                        remember(read.failure, failure);
                    }
                }
            });
        });
        read
    }

    fn take(self, text: String, last: StoredValue<Option<String>>) -> Result<(), Failure> {
        if last.with_value(|last| last.as_ref() != Some(&text)) {
            let value = serde_json::from_str(&text).map_err(|error| Failure::unreadable(&error))?;
            self.value.set(Some(Arc::new(value)));
            last.set_value(Some(text));
        }
        Ok(())
    }
}

impl<T> Read<T> {
    fn forgive(self) {
        if self.failure.with_untracked(Option::is_some) {
            self.failure.set(None);
        }
    }

    /// Reads it again.
    pub fn again(self) {
        self.again.notify();
    }
}
