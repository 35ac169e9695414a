//! A list read page by page and shown as one, and read again when it may have changed. As with `Read`,
//! an answer that says the same as before changes nothing on the page.

use std::sync::Arc;

use api_types::List;
use leptos::{prelude::*, task::spawn_local};
use serde::de::DeserializeOwned;

use super::{Api, Failure, encoded};

/// The pages of a list that were read so far.
pub struct Pages<T: 'static> {
    /// Their entries, in the server's order; `None` before the first page was read.
    pub rows: RwSignal<Option<Arc<Vec<Arc<T>>>>>,
    /// Why the last reading failed; `None` after one that did not.
    pub failure: RwSignal<Option<Failure>>,
    /// Whether the server has more than was read.
    pub more: RwSignal<bool>,
    /// Whether it is being read just now.
    pub reading: RwSignal<bool>,
    wanted: RwSignal<usize>,
    again: Trigger,
}

impl<T> Clone for Pages<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Pages<T> {}

impl<T: DeserializeOwned + Send + Sync + 'static> Pages<T> {
    /// Reads the first `pages` pages of what stands at `path`, which has a query, and forgets them when it
    /// changes. `None`: nothing is to be read now.
    pub fn new(pages: impl Fn() -> usize + 'static, path: impl Fn() -> Option<String> + 'static) -> Self {
        let list = Self {
            rows: RwSignal::new(None),
            failure: RwSignal::new(None),
            more: RwSignal::new(false),
            reading: RwSignal::new(true),
            wanted: RwSignal::new(1),
            again: Trigger::new(),
        };
        let api = Api::here();
        let turn = StoredValue::new(0_u64);
        let last = StoredValue::new((None::<String>, Vec::<String>::new()));
        Effect::new(move |_| {
            list.again.track();
            let path = path();
            if last.with_value(|(known, _)| *known != path) {
                list.rows.set(None);
                list.more.set(false);
                list.wanted.set(pages());
                last.set_value((path.clone(), Vec::new()));
            }
            let wanted = list.wanted.get();
            turn.update_value(|turn| *turn += 1);
            let mine = turn.get_value();
            list.reading.set(path.is_some());
            let Some(path) = path else { return };
            spawn_local(async move {
                let answer = read(api, &path, wanted).await;
                // A newer reading, or a page that is gone, wants none of it.
                if turn.try_get_value() != Some(mine) {
                    return;
                }
                list.reading.set(false);
                match answer {
                    Ok(answer) => list.take(answer, &path, last),
                    Err(failure) => list.failure.set(Some(failure)),
                }
            });
        });
        list
    }

    fn take(self, answer: Answer<T>, path: &str, last: StoredValue<(Option<String>, Vec<String>)>) {
        if last.with_value(|(_, texts)| *texts != answer.texts) || self.rows.with_untracked(Option::is_none) {
            self.rows.set(Some(Arc::new(answer.rows)));
            self.more.set(answer.more);
            last.set_value((Some(path.to_owned()), answer.texts));
        }
        if self.failure.with_untracked(Option::is_some) {
            self.failure.set(None);
        }
    }
}

impl<T> Pages<T> {
    /// Reads it again.
    pub fn again(&self) {
        self.again.notify();
    }

    /// Reads one page more.
    pub fn go_on(&self) {
        self.wanted.update(|wanted| *wanted += 1);
    }
}

struct Answer<T> {
    rows: Vec<Arc<T>>,
    texts: Vec<String>,
    more: bool,
}

async fn read<T: DeserializeOwned>(api: Api, path: &str, wanted: usize) -> Result<Answer<T>, Failure> {
    let mut answer = Answer { rows: Vec::new(), texts: Vec::new(), more: false };
    let mut next = path.to_owned();
    for _ in 0..wanted {
        let text = api.get_text(&next).await?;
        let page: List<T> = serde_json::from_str(&text).map_err(|error| Failure::unreadable(&error))?;
        answer.texts.push(text);
        answer.rows.extend(page.items.into_iter().map(Arc::new));
        answer.more = page.next_cursor.is_some();
        let Some(cursor) = page.next_cursor else { break };
        next = format!("{path}&cursor={}", encoded(&cursor));
    }
    Ok(answer)
}
