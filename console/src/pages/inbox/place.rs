//! Where in the inbox one is, as the URL has it: reload and share give the same view.

use uuid::Uuid;

use super::filter::{Field, Filter, Only, Order};

/// Which requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// Those that need somebody.
    #[default]
    Waiting,
    /// Those that needed somebody.
    Decided,
}

impl Tab {
    /// Its name in the URL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Decided => "decided",
        }
    }

    /// The states of its requests, as the API's filter has them.
    pub fn statuses(self) -> &'static str {
        match self {
            Self::Waiting => "pending,outcome_unknown",
            Self::Decided => "approved,rejected,expired,withdrawn,invalidated,executing,executed,not_executed",
        }
    }
}

/// A view of the inbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Which requests.
    pub tab: Tab,
    /// What is searched for.
    pub search: String,
    /// What else a request must be.
    pub filter: Filter,
    /// In which order they stand.
    pub order: Order,
    /// Which of them is looked at.
    pub selected: Option<Uuid>,
}

impl Place {
    /// Reads it from the parameters of a URL, which `parameter` gives by name; a parameter that makes no sense counts as
    /// missing.
    pub fn of(parameter: impl Fn(&str) -> Option<String>) -> Self {
        let is = |name: &str, value: &str| parameter(name).as_deref() == Some(value);
        let mut filter = Filter::default();
        for field in Field::ALL {
            filter.set_field(field, parameter(field.name()));
        }
        let only = parameter("only").unwrap_or_default();
        for one in Only::ALL {
            filter.set_only(one, only.split(',').any(|name| name == one.name()));
        }
        Self {
            tab: if is("tab", Tab::Decided.name()) { Tab::Decided } else { Tab::Waiting },
            search: parameter("q").unwrap_or_default(),
            filter,
            order: Order { newest: is("sort", "newest"), alike: is("group", "tool") },
            selected: parameter("selected").and_then(|id| id.parse().ok()),
        }
    }

    /// The parameters, `?` included; `encode` encodes a value.
    pub fn query(&self, encode: impl Fn(&str) -> String) -> String {
        let mut parts = Vec::new();
        if self.tab == Tab::Decided {
            parts.push(format!("tab={}", Tab::Decided.name()));
        }
        if !self.search.is_empty() {
            parts.push(format!("q={}", encode(&self.search)));
        }
        for field in Field::ALL {
            if let Some(value) = self.filter.field(field) {
                parts.push(format!("{}={}", field.name(), encode(value)));
            }
        }
        let only: Vec<_> = Only::ALL.into_iter().filter(|only| self.filter.only(*only)).map(Only::name).collect();
        if !only.is_empty() {
            parts.push(format!("only={}", only.join(",")));
        }
        if self.order.newest {
            parts.push("sort=newest".to_owned());
        }
        if self.order.alike {
            parts.push("group=tool".to_owned());
        }
        if let Some(id) = self.selected {
            parts.push(format!("selected={id}"));
        }
        if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_says_where_one_is_and_nothing_more() {
        let id = Uuid::from_u128(7);
        let place = Place { tab: Tab::Decided, search: "a b".to_owned(), selected: Some(id), ..Place::default() };
        assert_eq!(place.query(|text| text.replace(' ', "%20")), format!("?tab=decided&q=a%20b&selected={id}"));
        assert_eq!(Place::default().query(str::to_owned), "");
    }

    #[test]
    fn a_url_that_makes_no_sense_leads_to_what_waits() {
        let place = |of: &[(&str, &str)]| {
            Place::of(|name| of.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(place(&[("tab", "nothing"), ("selected", "x'><script>")]), Place::default());
        assert_eq!(place(&[("tab", "decided")]).tab, Tab::Decided);
    }

    #[test]
    fn a_filter_and_an_order_survive_the_url() {
        let mut place = Place { order: Order { newest: true, alike: true }, ..Place::default() };
        place.filter.set_field(Field::Caller, Some("billing agent".to_owned()));
        place.filter.set_only(Only::Changed, true);
        let query = place.query(|text| text.replace(' ', "+"));
        assert_eq!(query, "?caller=billing+agent&only=changed&sort=newest&group=tool");
        let again = Place::of(|name| {
            let part = query[1..].split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
            part.map(|value| value.replace('+', " "))
        });
        assert_eq!(again, place);
    }
}
