//! What pages and decisions have to say: one line, which stands in the bar under a request (`decide::Bar`) and on pages
//! without a request at their foot (`components::status`). Above the line stands what must not be missed, until somebody
//! dismisses it. No news lies over anything else.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use gloo_timers::callback::Timeout;
use leptos::{html, prelude::*};

use super::Tone;
use crate::{reactive::RwSignal, show::words::Words};

/// How long something stands there that asks for nothing, in milliseconds.
const SAID_MS: u32 = 8_000;
/// How many lines may wait to be dismissed; the oldest goes first. As many decisions can be made at once, and none that fails
/// may go unsaid.
const KEPT: usize = 1_000;
/// How many of them are shown while they are folded, and how many are not worth folding.
const FOLDED: usize = 2;

/// Where pages and decisions say their news.
#[derive(Clone, Copy)]
pub struct News {
    pub(super) said: RwSignal<Option<Said>>,
    pub(super) under_way: RwSignal<Option<UnderWay>>,
    /// The newest first.
    pub(super) kept: RwSignal<Vec<Kept>>,
    /// The left half of the bar under a request, while one is on the page.
    pub(super) bar: RwSignal<Option<(u64, NodeRef<html::Div>)>>,
    next: StoredValue<u64>,
}

/// What was said last.
#[derive(Clone)]
pub(super) struct Said {
    id: u64,
    pub tone: Tone,
    pub words: Words,
}

/// What stays until it is dismissed.
#[derive(Clone)]
pub(super) struct Kept {
    pub id: u64,
    pub tone: Tone,
    pub words: Words,
    pub offers: Vec<Offer>,
}

/// What is about to happen, or is happening.
#[derive(Clone)]
pub struct UnderWay {
    /// What.
    pub words: Words,
    /// How it can be stopped, as long as it can.
    pub undo: Option<Undo>,
}

/// How something can be stopped that is about to happen.
#[derive(Clone)]
pub struct Undo {
    /// Since when it could be stopped.
    pub since: DateTime<Utc>,
    /// Until when.
    pub until: DateTime<Utc>,
    /// Stops it.
    pub act: Act,
}

/// What an offer does. It outlives the page that made it, as a `Callback` would not.
pub type Act = Arc<dyn Fn() + Send + Sync>;

/// Something that can be done about a piece of news.
#[derive(Clone)]
pub enum Offer {
    /// Does something, and the news is gone.
    Do(&'static str, Act),
    /// Leads to a page of the console: words and path.
    Go(&'static str, String),
    /// Puts a text on the clipboard: what it is, and the text.
    Copy(&'static str, String),
}

impl News {
    /// Makes the place, for everything underneath.
    pub fn provide() -> Self {
        let news = Self {
            said: RwSignal::new(None),
            under_way: RwSignal::new(None),
            kept: RwSignal::new(Vec::new()),
            bar: RwSignal::new(None),
            next: StoredValue::new(0),
        };
        provide_context(news);
        news
    }

    /// The place that the application made.
    pub fn here() -> Self {
        expect_context()
    }

    /// Says something for eight seconds, in the place of what was said before; what went wrong stays until it is
    /// dismissed.
    pub fn say(self, tone: Tone, words: impl Into<Words>) {
        let words = words.into();
        if matches!(tone, Tone::Warn | Tone::Bad) {
            self.keep(tone, words, Vec::new());
            return;
        }
        let id = self.id();
        self.said.set(Some(Said { id, tone, words }));
        Timeout::new(SAID_MS, move || {
            if self.said.with_untracked(|said| said.as_ref().is_some_and(|said| said.id == id)) {
                self.hush();
            }
        })
        .forget();
    }

    /// What was said last is over: something else is to be read now.
    pub fn hush(self) {
        if self.said.with_untracked(Option::is_some) {
            self.said.set(None);
        }
    }

    /// Says something that stays until it is dismissed or one of the offers is taken.
    pub fn keep(self, tone: Tone, words: impl Into<Words>, offers: Vec<Offer>) -> u64 {
        let id = self.id();
        self.kept.update(|kept| {
            kept.insert(0, Kept { id, tone, words: words.into(), offers });
            kept.truncate(KEPT);
        });
        id
    }

    /// Says what is under way, until it says something else or nothing.
    pub fn under_way(self, what: Option<UnderWay>) {
        self.under_way.set(what);
    }

    /// Whether what was to stay is still there.
    pub fn is_shown(self, id: u64) -> bool {
        self.kept.with_untracked(|kept| kept.iter().any(|kept| kept.id == id))
    }

    /// Removes what was to stay, if it is still there.
    pub fn take_back(self, id: u64) {
        if self.is_shown(id) {
            self.kept.update(|kept| kept.retain(|kept| kept.id != id));
        }
    }

    /// News stand beside this element, for as long as the calling component is shown.
    pub fn stand_beside(self, left: NodeRef<html::Div>) {
        let mine = self.id();
        self.bar.set(Some((mine, left)));
        on_cleanup(move || {
            if self.bar.with_untracked(|bar| bar.as_ref().is_some_and(|(id, _)| *id == mine)) {
                self.bar.set(None);
            }
        });
    }

    /// The element beside which news stand.
    pub fn beside(self) -> Option<web_sys::HtmlDivElement> {
        self.bar.get().and_then(|(_, left)| left.get())
    }

    fn id(self) -> u64 {
        self.next.update_value(|id| *id += 1);
        self.next.get_value()
    }
}

/// How many of so many lines are shown while they are folded: the newest. One line is not folded behind another.
pub(super) fn unfolded(lines: usize) -> usize {
    if lines <= FOLDED + 1 { lines } else { FOLDED }
}

/// How much of a ring around 38 px is left, as a dash.
pub(super) fn ring(since: DateTime<Utc>, until: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let (all, left) = ((until - since).num_milliseconds().max(1), (until - now).num_milliseconds());
    format!("{} 38", (38 * left / all).clamp(0, 38))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn a_few_lines_are_shown_and_the_rest_is_folded_once_that_saves_one() {
        assert_eq!([0, 1, 2, 3, 4, 20].map(unfolded), [0, 1, 2, 3, 2, 2]);
    }

    #[test]
    fn a_ring_is_whole_when_it_begins_and_nothing_at_its_end() {
        let since = DateTime::UNIX_EPOCH;
        let at = |seconds| ring(since, since + TimeDelta::seconds(5), since + TimeDelta::seconds(seconds));
        assert_eq!([-1, 0, 1, 4, 5, 60].map(at), ["38 38", "38 38", "30 38", "7 38", "0 38", "0 38"]);
        assert_eq!(ring(since, since, since), "0 38");
    }
}
