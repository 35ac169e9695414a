//! Something read from the server and shown, and read again when it may have changed. While it is
//! read again the page keeps what it has; an answer that says the same as before changes nothing on
//! the page, so focus and scrolling stay where they are.

use std::sync::Arc;

use leptos::{prelude::*, task::spawn_local};
use serde::de::DeserializeOwned;

use super::{Api, Failure};

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
        let turn = StoredValue::new(0_u64);
        let last = StoredValue::new(None::<(String, String)>);
        Effect::new(move |_| {
            read.again.track();
            let path = path();
            turn.update_value(|turn| *turn += 1);
            let mine = turn.get_value();
            let same = last.with_value(|last| last.as_ref().map(|(path, _)| path.clone()) == path);
            if !same {
                read.value.set(None);
                last.set_value(None);
            }
            let Some(path) = path else {
                read.reading.set(false);
                return;
            };
            read.reading.set(true);
            spawn_local(async move {
                let answer = api.get_text(&path).await;
                // A newer reading, or a page that is gone, wants none of it.
                if turn.try_get_value() != Some(mine) {
                    return;
                }
                read.take(answer, path, last);
            });
        });
        read
    }

    fn take(self, answer: Result<String, Failure>, path: String, last: StoredValue<Option<(String, String)>>) {
        self.reading.set(false);
        let text = match answer {
            Ok(text) => text,
            Err(failure) => return self.failure.set(Some(failure)),
        };
        let known = last.with_value(|last| last.as_ref().is_some_and(|(_, known)| *known == text));
        if !known {
            match serde_json::from_str(&text) {
                Ok(value) => {
                    self.value.set(Some(Arc::new(value)));
                    last.set_value(Some((path, text)));
                }
                Err(error) => return self.failure.set(Some(Failure::unreadable(&error))),
            }
        }
        if self.failure.with_untracked(Option::is_some) {
            self.failure.set(None);
        }
    }
}

impl<T> Read<T> {
    /// Reads it again.
    pub fn again(&self) {
        self.again.notify();
    }
}
