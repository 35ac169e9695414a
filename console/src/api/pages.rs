//! A list read page by page: every page is handed on as soon as it is there. A reading that failed is tried
//! again by itself (`api::retry`) until it succeeds or the page is left.

use std::{rc::Rc, sync::Arc};

use api_types::List;
use leptos::{prelude::*, task::spawn_local};
use serde::de::DeserializeOwned;

use super::{Api, Failure, Retry, encoded, remember};

use crate::reactive::{RwSignal, effect};

/// What happens while a list is read.
pub enum Step<T> {
    /// Another list is read from now on: nothing of the one before is wanted any more.
    Changed,
    /// A reading begins, from the first page on; the one before it is given up.
    Begun,
    /// The next page is there.
    Page {
        /// Its entries, in the server's order.
        rows: Vec<Arc<T>>,
        /// Whether the reading ends with it.
        last: bool,
        /// Whether the server has further pages.
        more: bool,
    },
}

/// How far the reading of a list is. Copied freely.
#[derive(Clone, Copy)]
pub struct Pages {
    /// Why the last reading failed; `None` after one that did not.
    pub failure: RwSignal<Option<Failure>>,
    /// Whether it is being read just now.
    pub reading: RwSignal<bool>,
    wanted: RwSignal<usize>,
    again: Trigger,
}

impl Pages {
    /// Reads the first `pages` pages of what stands at `path`, which has a query, whenever what `path` follows
    /// has changed, and hands them to `take`. `None`: nothing is to be read now.
    pub fn new<T: DeserializeOwned + 'static>(
        pages: impl Fn() -> usize + 'static,
        path: impl Fn() -> Option<String> + 'static,
        take: impl Fn(Step<T>) + 'static,
    ) -> Self {
        let list = Self {
            failure: RwSignal::new(None),
            reading: RwSignal::new(true),
            wanted: RwSignal::new(1),
            again: Trigger::new(),
        };
        let api = Api::here();
        let retry = Retry::new(list.again);
        let turn = StoredValue::new(0_u64);
        let asked = StoredValue::new(None::<String>);
        let take = Rc::new(take);
        effect(move || {
            list.again.track();
            let path = path();
            if asked.with_value(|asked| *asked != path) {
                list.failure.set(None);
                list.wanted.set(pages());
                retry.over();
                asked.set_value(path.clone());
                take(Step::Changed);
            }
            let wanted = list.wanted.get();
            turn.update_value(|turn| *turn += 1);
            let mine = turn.get_value();
            retry.begun();
            list.reading.set(path.is_some());
            let Some(path) = path else { return };
            take(Step::Begun);
            let take = take.clone();
            spawn_local(async move {
                // A newer reading, or a page that is gone, wants none of it.
                let is_wanted = || turn.try_get_value() == Some(mine);
                let answer = read(api, &path, wanted, is_wanted, &*take).await;
                if is_wanted() {
                    list.ended(answer, retry);
                }
            });
        });
        list
    }

    fn ended(self, answer: Result<(), Failure>, retry: Retry) {
        self.reading.set(false);
        match answer {
            Ok(()) => {
                retry.over();
                if self.failure.with_untracked(Option::is_some) {
                    self.failure.set(None);
                }
            }
            Err(failure) => {
                retry.failed(&failure);
                remember(self.failure, failure);
            }
        }
    }

    /// Reads it again.
    pub fn again(self) {
        self.again.notify();
    }

    /// Reads one page more.
    pub fn go_on(self) {
        self.wanted.update(|wanted| *wanted += 1);
    }
}

async fn read<T: DeserializeOwned>(
    api: Api,
    path: &str,
    wanted: usize,
    is_wanted: impl Fn() -> bool,
    take: &impl Fn(Step<T>),
) -> Result<(), Failure> {
    let mut next = path.to_owned();
    for number in 1..=wanted {
        let page: List<T> = api.get(&next).await?;
        if !is_wanted() {
            break;
        }
        let rows = page.items.into_iter().map(Arc::new).collect();
        let more = page.next_cursor.is_some();
        take(Step::Page { rows, last: number == wanted || !more, more });
        let Some(cursor) = page.next_cursor else { break };
        next = format!("{path}&cursor={}", encoded(&cursor));
    }
    Ok(())
}
