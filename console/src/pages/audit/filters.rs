//! The filters of the audit, as the address has them. Their names are the API's, so the same words go to the page, to
//! the list, to the timeline and to the export.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use uuid::Uuid;

use super::words::{ENDINGS, ending};

/// One filter, in the order of the chips.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    /// Text in requests, responses, actions and request ids.
    Q,
    /// The outcome: one word of the API, or several with commas between them.
    Status,
    /// The toolkit's slug.
    Toolkit,
    /// The tool's name.
    Tool,
    /// The actor's name or id.
    Actor,
    /// The MCP method or REST operation.
    Action,
    /// The approval's id.
    Approval,
    /// Not before, RFC 3339.
    From,
    /// Before, RFC 3339.
    To,
}

impl Name {
    pub(super) const ALL: [Self; 9] = [
        Self::Q,
        Self::Status,
        Self::Toolkit,
        Self::Tool,
        Self::Actor,
        Self::Action,
        Self::Approval,
        Self::From,
        Self::To,
    ];

    /// The API's word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Q => "q",
            Self::Status => "status",
            Self::Toolkit => "toolkit",
            Self::Tool => "tool",
            Self::Actor => "actor",
            Self::Action => "action",
            Self::Approval => "approval",
            Self::From => "from",
            Self::To => "to",
        }
    }

    /// The word for people.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Q => "Search",
            Self::Status => "Outcome",
            Self::Toolkit => "Toolkit",
            Self::Tool => "Tool",
            Self::Actor => "Caller",
            Self::Action => "Action",
            Self::Approval => "Request",
            Self::From => "From",
            Self::To => "To",
        }
    }

    /// The value as the server takes it, or `None` for one that it would refuse.
    fn valid(self, value: &str) -> Option<String> {
        let value = value.trim();
        match self {
            _ if value.is_empty() || value.chars().any(char::is_control) => None,
            Self::Status => statuses(value),
            Self::From | Self::To => value.parse::<DateTime<Utc>>().ok().map(point),
            Self::Approval => value.parse::<Uuid>().ok().map(|id| id.to_string()),
            _ => Some(value.to_owned()),
        }
    }
}

/// The known words of a list of statuses, each once, in one order, so that the same choice is always the same address.
fn statuses(value: &str) -> Option<String> {
    let asked: Vec<&str> = value.split(',').map(str::trim).collect();
    if asked.iter().any(|word| ending(word).is_none()) {
        return None;
    }
    let words: Vec<_> = ENDINGS.iter().map(|ending| ending.word).filter(|word| asked.contains(word)).collect();
    Some(words.join(","))
}

/// A point in time as the address has it.
pub(super) fn point(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The filters in use; a record must pass all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filters(BTreeMap<Name, String>);

impl Filters {
    /// Reads them from the address. What the server would refuse is left out.
    pub(super) fn read(value: impl Fn(&str) -> Option<String>) -> Self {
        let found = Name::ALL.into_iter().filter_map(|name| Some((name, name.valid(&value(name.word())?)?)));
        Self(found.collect())
    }

    /// The value, or nothing.
    pub(super) fn get(&self, name: Name) -> &str {
        self.0.get(&name).map_or("", String::as_str)
    }

    /// The same with this one set; with an empty or impossible value, without it.
    pub(super) fn with(&self, name: Name, value: &str) -> Self {
        let mut filters = self.clone();
        match name.valid(value) {
            Some(value) => filters.0.insert(name, value),
            None => filters.0.remove(&name),
        };
        filters
    }

    /// Whether there is no filter.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The time range, as far as it is limited.
    pub(super) fn range(&self) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        let at = |name| self.get(name).parse().ok();
        (at(Name::From), at(Name::To))
    }

    /// The same, from one point in time to another.
    pub(super) fn within(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        self.with(Name::From, &point(from)).with(Name::To, &point(to))
    }

    /// All of them, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Name, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// `actor=…&q=…`, each value through `encode`; empty for none.
    pub(super) fn query(&self, encode: impl Fn(&str) -> String) -> String {
        let pairs: Vec<String> =
            self.iter().map(|(name, value)| format!("{}={}", name.word(), encode(value))).collect();
        pairs.join("&")
    }
}

/// `path?query`, or the path alone.
pub(super) fn with_query(path: &str, query: &str) -> String {
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Filters {
        Filters::read(|name| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).next_back()
        })
    }

    #[test]
    fn an_address_read_and_written_again_is_the_same() {
        let query = "q=brightwater&status=refused&tool=send_invoice&actor=billing-agent&from=2026-11-21T14:20:00Z";
        assert_eq!(read(query).query(str::to_owned), query);
    }

    #[test]
    fn values_are_encoded_and_names_are_not() {
        let filters = Filters::default().with(Name::Q, "a&b=c");
        assert_eq!(filters.query(|value| value.replace('&', "%26").replace('=', "%3D")), "q=a%26b%3Dc");
    }

    #[test]
    fn what_the_server_would_refuse_is_not_asked() {
        assert!(read("from=yesterday&approval=7&to=&status=bogus&actor=%20".replace("%20", " ").as_str()).is_empty());
        assert!(read("status=ok,bogus").is_empty());
    }

    #[test]
    fn the_same_outcomes_are_the_same_address() {
        assert_eq!(read("status=failed, error,failed").query(str::to_owned), "status=error,failed");
    }

    #[test]
    fn a_range_is_two_filters() {
        let (from, to) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(1));
        let filters = Filters::default().within(from, to);
        assert_eq!(filters.query(str::to_owned), "from=1970-01-01T00:00:00Z&to=1970-01-01T01:00:00Z");
        assert_eq!(filters.range(), (Some(from), Some(to)));
        assert_eq!(Filters::default().range(), (None, None));
    }

    #[test]
    fn times_with_an_offset_are_told_in_utc() {
        assert_eq!(read("from=2026-11-21T15:20:00+01:00").get(Name::From), "2026-11-21T14:20:00Z");
    }

    #[test]
    fn an_empty_value_takes_a_filter_away() {
        let filters = read("status=held&tool=send_invoice").with(Name::Status, "  ");
        assert_eq!(filters.query(str::to_owned), "tool=send_invoice");
        assert_eq!(filters.get(Name::Status), "");
    }
}
