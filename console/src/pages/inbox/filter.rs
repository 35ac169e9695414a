//! Which requests of a tab are shown, and in which order they stand: pure rules, kept in the URL by `place`.

use std::collections::HashMap;

use api_types::Approval;

use super::{
    board::Entry,
    order::{Group, key, matches},
};
use crate::show::sorted::sort;

/// Something that a filter can name exactly. The row of a request does not say its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The toolkit's slug.
    Toolkit,
    /// The tool's name.
    Tool,
    /// The caller's name.
    Caller,
}

impl Field {
    /// All of them, as they are offered.
    pub const ALL: [Self; 3] = [Self::Toolkit, Self::Tool, Self::Caller];

    /// Its name in the URL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Toolkit => "toolkit",
            Self::Tool => "tool",
            Self::Caller => "caller",
        }
    }

    /// Its label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Toolkit => "Toolkit",
            Self::Tool => "Tool",
            Self::Caller => "Caller",
        }
    }

    /// What a request has there.
    pub fn of(self, approval: &Approval) -> &str {
        match self {
            Self::Toolkit => &approval.toolkit,
            Self::Tool => &approval.tool,
            Self::Caller => &approval.caller_name,
        }
    }
}

/// Something that a request has or has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    /// The server says that the tool is destructive.
    Destructive,
    /// The tool has changed, and nobody has reviewed that.
    Changed,
}

impl Only {
    /// All of them, as they are offered.
    pub const ALL: [Self; 2] = [Self::Destructive, Self::Changed];

    /// Its name in the URL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Destructive => "destructive",
            Self::Changed => "changed",
        }
    }

    /// Its label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Destructive => "Destructive",
            Self::Changed => "Tool changed",
        }
    }

    fn is(self, approval: &Approval) -> bool {
        match self {
            Self::Destructive => approval.hints.destructive == Some(true),
            Self::Changed => approval.definition_changed,
        }
    }
}

/// What a request must be to be shown; the default lets every request through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    fields: [Option<String>; 3],
    only: [bool; 2],
}

impl Filter {
    /// What a field must be.
    pub fn field(&self, field: Field) -> Option<&str> {
        self.fields[field as usize].as_deref()
    }

    /// Names what a field must be, or lets everything through again.
    pub fn set_field(&mut self, field: Field, value: Option<String>) {
        self.fields[field as usize] = value.filter(|value| !value.is_empty());
    }

    /// Whether requests must have this.
    pub fn only(&self, only: Only) -> bool {
        self.only[only as usize]
    }

    /// Says whether requests must have this.
    pub fn set_only(&mut self, only: Only, on: bool) {
        self.only[only as usize] = on;
    }

    /// In how many ways it filters.
    pub fn count(&self) -> usize {
        self.fields.iter().flatten().count() + self.only.iter().filter(|only| **only).count()
    }

    fn allows(&self, approval: &Approval) -> bool {
        Field::ALL.iter().all(|field| self.field(*field).is_none_or(|value| field.of(approval) == value))
            && Only::ALL.iter().all(|only| !self.only(*only) || only.is(approval))
    }
}

/// What leaves a request in the list: the filter, and the words of the search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// The filter.
    pub filter: Filter,
    /// The words, as [`super::order::words`] gives them.
    pub words: Vec<String>,
}

impl Finding {
    /// Whether the list shows this one.
    pub fn finds(&self, entry: &Entry) -> bool {
        self.filter.allows(&entry.approval) && matches(&entry.text, &self.words)
    }
}

/// How the requests of a tab are ordered; the default is by urgency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// The newest first, and not what expires first.
    pub newest: bool,
    /// Requests of the same tool together, and of these the same calls.
    pub alike: bool,
}

impl Order {
    /// Puts a list in order.
    pub fn sort(self, entries: &mut Vec<Entry>) {
        let key = |entry: &Entry| key(&entry.approval, entry.group, self.newest);
        sort(entries, |one, other| key(one).cmp(&key(other)));
        if self.alike {
            self.gather(entries);
        }
    }

    /// Under which tool's heading a row stands, if under one.
    pub fn heading(self, entry: &Entry) -> Option<(&str, &str)> {
        (self.alike && entry.group.is_mine()).then_some((&*entry.approval.tool, &*entry.approval.toolkit))
    }

    /// Each request goes up to the first one of its tool, and there to the first one of the same call.
    fn gather(self, entries: &mut Vec<Entry>) {
        let mut firsts: HashMap<(&str, &str, &str), usize> = HashMap::new();
        let ranks: Vec<_> = entries
            .iter()
            .enumerate()
            .map(|(at, entry)| {
                let Some((tool, toolkit)) = self.heading(entry) else { return (entry.group, at, at, at) };
                let of_tool = *firsts.entry((tool, toolkit, "")).or_insert(at);
                let of_call = *firsts.entry((tool, toolkit, &entry.approval.arguments_sha256)).or_insert(at);
                (Group::Soon, of_tool, of_call, at)
            })
            .collect();
        let mut ranked: Vec<_> = ranks.into_iter().zip(std::mem::take(entries)).collect();
        sort(&mut ranked, |(one, _), (other, _)| one.cmp(other));
        entries.extend(ranked.into_iter().map(|(_, entry)| entry));
    }
}

/// What a field can be among these requests, in alphabetical order, each with how many have it.
pub fn options(entries: &[Entry], field: Field) -> Vec<(String, usize)> {
    let mut values: Vec<&str> = entries.iter().map(|entry| field.of(&entry.approval)).collect();
    sort(&mut values, Ord::cmp);
    let same = values.chunk_by(|one, other| one == other);
    same.filter_map(|same| Some(((*same.first()?).to_owned(), same.len()))).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        api::sample::request,
        pages::inbox::{
            board::{Board, News},
            order::words,
        },
    };

    /// Number, minutes, tool, hash of the arguments.
    type Row = (u128, i64, &'static str, &'static str);

    fn rows(of: &[Row]) -> Vec<Approval> {
        of.iter()
            .map(|(n, minutes, tool, hash)| Approval {
                may_decide: true,
                tool: (*tool).to_owned(),
                arguments_sha256: (*hash).to_owned(),
                created_at: chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::minutes(i64::try_from(*n).unwrap_or(0)),
                ..request(*n, "pending", *minutes)
            })
            .collect()
    }

    fn entries(of: &[Approval], order: Order) -> Vec<Entry> {
        let rows = of.iter().map(|row| (row.id, Arc::new(row.clone()))).collect();
        let news = News {
            rows: &rows,
            complete: true,
            now: chrono::DateTime::UNIX_EPOCH,
            here: &|_| true,
            doing: &|_| None,
            held: false,
            selected: None,
            order,
        };
        Board::default().after(&news).entries
    }

    fn ids(of: &[Row], order: Order) -> Vec<u128> {
        entries(&rows(of), order).iter().map(|entry| entry.id().as_u128()).collect()
    }

    const FIVE: [Row; 5] =
        [(1, 30, "pay", "x"), (2, 4, "mail", "y"), (3, 20, "pay", "z"), (4, 40, "mail", "w"), (5, 50, "pay", "z")];

    #[test]
    fn what_expires_first_stands_first_unless_the_newest_should() {
        assert_eq!(ids(&FIVE, Order::default()), [2, 3, 1, 4, 5]);
        let newest = Order { newest: true, ..Order::default() };
        assert_eq!(ids(&FIVE, newest), [2, 5, 4, 3, 1], "what is urgent stays above");
    }

    #[test]
    fn requests_of_one_tool_stand_together_and_the_same_calls_next_to_each_other() {
        let order = Order { alike: true, ..Order::default() };
        assert_eq!(ids(&FIVE, order), [2, 4, 3, 5, 1]);
        let rows = entries(&rows(&FIVE), order);
        let headings: Vec<_> = rows.iter().map(|entry| order.heading(entry)).collect();
        assert_eq!(headings[1], Some(("mail", "finance")));
        assert_eq!(Order::default().heading(&rows[1]), None);
    }

    #[test]
    fn every_condition_of_a_filter_must_hold() {
        let mut approvals = rows(&FIVE);
        approvals[0].hints.destructive = Some(true);
        approvals[2].definition_changed = true;
        let entries = entries(&approvals, Order::default());
        let found = |filter: &Filter, search: &str| {
            let finding = Finding { filter: filter.clone(), words: words(search) };
            entries.iter().filter(|entry| finding.finds(entry)).map(|entry| entry.id().as_u128()).collect::<Vec<_>>()
        };
        let mut filter = Filter::default();
        assert_eq!((found(&filter, "").len(), filter.count()), (5, 0));
        filter.set_field(Field::Tool, Some("pay".to_owned()));
        assert_eq!(found(&filter, ""), [3, 1, 5]);
        assert_eq!(found(&filter, "nothing like it"), [0; 0]);
        filter.set_only(Only::Destructive, true);
        assert_eq!((found(&filter, "brightwater"), filter.count()), (vec![1], 2));
        filter.set_only(Only::Changed, true);
        assert_eq!(found(&filter, ""), [0; 0]);
        filter.set_field(Field::Tool, Some(String::new()));
        assert_eq!(filter.field(Field::Tool), None, "nothing chosen is no condition");
    }

    #[test]
    fn pickers_offer_what_there_is_with_counts() {
        let entries = entries(&rows(&FIVE), Order::default());
        assert_eq!(options(&entries, Field::Tool), [("mail".to_owned(), 2), ("pay".to_owned(), 3)]);
        assert_eq!(options(&entries, Field::Caller), [("Billing-Agent".to_owned(), 5)]);
    }
}
