//! The records that were found: the newest are read again as calls finish, and shown as they come or, while somebody reads
//! in the list, only counted, so that nothing moves under a pointer or a focus. Older ones follow page by page.

use api_types::AuditRecords;
use leptos::{ev::PointerEvent, html, prelude::*};
use uuid::Uuid;

use super::{
    filters::{Name, with_query},
    local, neighbours,
    roll::{MOST, Roll},
    search::Search,
};
use crate::{
    api::{encoded, live::Live, of_org, read::Read},
    reactive::{Memo, RwSignal, effect, effect_again, memo},
    shell::Org,
    show::folding::number,
};

/// How many records are read first, and again as calls finish.
pub(super) const PAGE: usize = 50;
/// How many older ones are read at once.
const MORE: usize = 100;
/// Above this, in pixels of the window, lies the page's header: a list that begins there was scrolled.
const HEADER: f64 = 64.0;

/// The list.
#[derive(Clone, Copy)]
pub(super) struct Results {
    /// The newest records, as the server has them now.
    pub newest: Read<AuditRecords>,
    /// The next older page, while it is wanted.
    pub older: Read<AuditRecords>,
    /// How many there are in all.
    total: Read<AuditRecords>,
    /// What is shown; `None` before anything was read.
    pub roll: RwSignal<Option<Roll>>,
    wanted: RwSignal<Option<String>>,
    /// How many newer ones there are that are not shown.
    pub new: RwSignal<usize>,
    /// Whether new ones are to be shown as they come.
    pub on: RwSignal<bool>,
    /// Whether there can be new ones.
    pub open: Memo<bool>,
    /// Where they stand.
    pub place: NodeRef<html::Div>,
    pointed: StoredValue<bool>,
    query: Memo<String>,
    org: Org,
}

impl Results {
    /// Reads what is searched for.
    pub(super) fn new(search: Search) -> Self {
        let org = Org::here();
        let query = memo(move || search.filters.with(|filters| filters.query(encoded)));
        let path = memo(move || path(org, "audit", &format!("limit={PAGE}"), &query.get()));
        let roll = RwSignal::new(None::<Roll>);
        let wanted = RwSignal::new(None);
        let goes_on = memo(move || roll.with(|roll| roll.as_ref().is_some_and(|roll| roll.next.is_some())));
        let results = Self {
            newest: Read::new(move || Some(path.get())),
            older: Read::new(move || wanted.get()),
            // A list that was read to its end counts itself.
            total: Read::new(move || {
                goes_on.get().then(|| self::path(org, "audit", "limit=1&count=true", &query.get()))
            }),
            roll,
            wanted,
            new: RwSignal::new(0),
            on: RwSignal::new(true),
            open: memo(move || search.filters.with(|filters| filters.get(Name::To).is_empty())),
            place: NodeRef::new(),
            pointed: StoredValue::new(false),
            query,
            org,
        };
        results.show(path);
        results.follow();
        results
    }

    /// Shows everything there is now.
    pub(super) fn catch_up(self) {
        if let Some(newest) = self.newest.value.get_untracked() {
            self.let_in(&newest);
        }
    }

    /// A mouse came over the list or left it.
    pub(super) fn point(self, event: &PointerEvent, over: bool) {
        self.pointed.set_value(over && event.pointer_type() == "mouse");
    }

    /// Reads the next older page, unless it is being read.
    pub(super) fn go_on(self) {
        let next = self.roll.with_untracked(|roll| roll.as_ref().filter(|roll| roll.goes_on())?.next.clone());
        if let Some(cursor) = next.filter(|_| self.wanted.with_untracked(Option::is_none)) {
            let from = format!("limit={MORE}&cursor={}", encoded(&cursor));
            self.wanted.set(Some(path(self.org, "audit", &from, &self.query.get_untracked())));
        }
    }

    /// The record before or after this one.
    pub(super) fn beside(self, id: Option<Uuid>, forward: bool) -> Option<Uuid> {
        self.roll.with_untracked(|roll| roll.as_ref()?.beside(id, forward))
    }

    /// How many are shown of how many, in words.
    pub(super) fn count(self) -> String {
        let total = self.total.value.with(|total| {
            let total = total.as_ref()?;
            Some((total.count?, total.more.unwrap_or_default()))
        });
        self.roll.with(|roll| {
            let Some(roll) = roll else { return String::new() };
            let total = total.map(|(count, more)| (count + roll.added, more));
            counted(roll.entries.len(), roll.next.is_some(), total)
        })
    }

    fn begin(self, newest: &AuditRecords) {
        self.wanted.set(None);
        self.roll.set(Some(Roll::new(newest, |record| local::date_of(record.at))));
        self.new.set(0);
    }

    fn let_in(self, newest: &AuditRecords) {
        let mut merged = false;
        self.roll.update(|roll| merged = roll.as_mut().is_some_and(|roll| roll.merge(newest)));
        if merged {
            self.new.set(0);
        } else {
            self.begin(newest);
            self.total.again();
        }
    }

    fn show(self, path: Memo<String>) {
        let of = StoredValue::new(String::new());
        effect(move || {
            let Some(newest) = self.newest.value.get() else {
                // Something else is searched for: the old stays until that is there, unless it cannot be read.
                if self.newest.failure.with(Option::is_some) {
                    self.roll.set(None);
                }
                return;
            };
            let path = path.get_untracked();
            if of.with_value(|of| *of != path) {
                of.set_value(path);
                self.begin(&newest);
            } else if self.on.get_untracked() && !self.is_read() {
                self.let_in(&newest);
            } else {
                self.wait(&newest);
            }
        });
        effect(move || {
            if let Some(older) = self.older.value.get() {
                self.roll.update(|roll| {
                    if let Some(roll) = roll {
                        roll.append(&older);
                    }
                });
                self.wanted.set(None);
            }
        });
        effect(move || self.roll.with(|roll| neighbours::remember(roll.as_ref().map(Roll::ids))));
    }

    fn wait(self, newest: &AuditRecords) {
        let arrived = self.roll.with_untracked(|roll| {
            let roll = roll.as_ref()?;
            roll.refresh(&newest.items);
            Some(roll.arrived(&newest.items))
        });
        match arrived {
            Some(arrived) => self.new.set(arrived),
            None => self.begin(newest),
        }
    }

    /// Reads again when a call has finished, one reading at a time.
    fn follow(self) {
        let calls = Live::here().calls;
        let behind = StoredValue::new(false);
        effect_again(move |again| {
            calls.track();
            if again && self.open.get_untracked() {
                match self.newest.reading.get_untracked() {
                    true => behind.set_value(true),
                    false => self.newest.again(),
                }
            }
        });
        effect(move || {
            if !self.newest.reading.get() && behind.get_value() {
                behind.set_value(false);
                self.newest.again();
            }
        });
    }

    /// Somebody points into the list, has the focus in it, or has scrolled down in it.
    fn is_read(self) -> bool {
        let Some(place) = self.place.get_untracked() else { return false };
        let focus = document().active_element();
        self.pointed.get_value()
            || focus.is_some_and(|focus| place.contains(Some(&focus)))
            || place.get_bounding_client_rect().top() < HEADER
    }
}

/// The path of something of the audit with these parameters and filters.
pub(super) fn path(org: Org, what: &str, parameters: &str, filters: &str) -> String {
    let and = if filters.is_empty() { "" } else { "&" };
    of_org(&org.slug.get(), &with_query(&format!("/{what}"), &format!("{parameters}{and}{filters}")))
}

/// How many are shown of how many. `next`: there are older ones. `total`: how many were counted, and whether there are
/// more than that.
fn counted(shown: usize, next: bool, total: Option<(u64, bool)>) -> String {
    let shown_words = number(shown);
    let of = match total {
        _ if !next && shown == 1 => return "1 record".to_owned(),
        _ if !next => return format!("{shown_words} records"),
        Some((count, true)) => format!(" of more than {}", number(usize::try_from(count).unwrap_or(usize::MAX))),
        // Records came in while it was counted.
        Some((count, false)) => format!(" of {}", number(usize::try_from(count).unwrap_or(usize::MAX).max(shown + 1))),
        None => String::new(),
    };
    match shown {
        MOST.. => format!("Showing the newest {shown_words}{of}. Narrow the filters to see older ones."),
        _ => format!("Showing {shown_words}{of}"),
    }
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn a_list_says_how_much_of_it_is_shown() {
        assert_eq!(counted(1, false, None), "1 record");
        assert_eq!(counted(0, false, None), "0 records");
        assert_eq!(counted(1_234, false, Some((1_234, false))), "1,234 records");
        assert_eq!(counted(50, true, None), "Showing 50");
        assert_eq!(counted(50, true, Some((1_234, false))), "Showing 50 of 1,234");
        assert_eq!(counted(50, true, Some((10_000, true))), "Showing 50 of more than 10,000");
        assert_eq!(counted(50, true, Some((50, false))), "Showing 50 of 51", "one came in meanwhile");
    }

    #[test]
    fn a_list_that_is_as_long_as_it_gets_says_what_to_do() {
        let words = counted(5_000, true, Some((10_000, true)));
        assert_eq!(words, "Showing the newest 5,000 of more than 10,000. Narrow the filters to see older ones.");
    }
}
