//! The quick filters, and which filters in use they stand for.

use chrono::{DateTime, Utc};

use super::filters::{Filters, Name, point};

/// One press for what people look for most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quick {
    /// Since midnight.
    Today,
    /// An error of the tool or the server, or a server that could not be reached.
    Failed,
    /// Refused by a rule or a check.
    Refused,
    /// The approvals of people.
    Approved,
    /// What may have run.
    Unknown,
}

impl Quick {
    pub(super) const ALL: [Self; 5] = [Self::Today, Self::Failed, Self::Refused, Self::Approved, Self::Unknown];

    /// Its words.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Today => "Today",
            Self::Failed => "Failed",
            Self::Refused => "Refused",
            Self::Approved => "Approved",
            Self::Unknown => "Outcome unknown",
        }
    }

    /// The filter that it sets, where that is not a range of time.
    fn sets(self) -> Option<(Name, &'static str)> {
        match self {
            Self::Today => None,
            Self::Failed => Some((Name::Status, "error,failed")),
            Self::Refused => Some((Name::Status, "refused")),
            Self::Approved => Some((Name::Action, "approve_approval")),
            Self::Unknown => Some((Name::Status, "unknown")),
        }
    }

    /// Whether it is on. `midnight` is when today began.
    pub(super) fn is_on(self, filters: &Filters, midnight: DateTime<Utc>) -> bool {
        match self.sets() {
            Some((name, value)) => filters.get(name) == value,
            None => filters.range() == (Some(midnight), None),
        }
    }

    /// The filters after a press.
    pub(super) fn press(self, filters: &Filters, midnight: DateTime<Utc>) -> Filters {
        let is_on = self.is_on(filters, midnight);
        match self.sets() {
            Some((name, value)) => filters.with(name, if is_on { "" } else { value }),
            None => filters
                .with(Name::From, if is_on { String::new() } else { point(midnight) }.as_str())
                .with(Name::To, ""),
        }
    }
}

/// The filters in use that need a chip of their own: not what a quick filter says. What is searched for has one, because a
/// field does not show hidden characters. A range of time has one chip, as `From` or, without a beginning, as `To`.
pub(super) fn chips(filters: &Filters, midnight: DateTime<Utc>) -> Vec<(Name, String)> {
    let said = |name: Name| {
        let names = |quick: &Quick| quick.sets().map_or(Name::From, |(name, _)| name) == name;
        Quick::ALL.iter().filter(|quick| names(quick)).any(|quick| quick.is_on(filters, midnight))
    };
    let has_from = !filters.get(Name::From).is_empty();
    let wants_chip = |name: Name| match name {
        Name::To => !has_from,
        name => !said(name),
    };
    filters.iter().filter(|(name, _)| wants_chip(*name)).map(|(name, value)| (name, value.to_owned())).collect()
}

/// The filters without that of a chip.
pub(super) fn without(filters: &Filters, name: Name) -> Filters {
    match name {
        Name::From | Name::To => filters.with(Name::From, "").with(Name::To, ""),
        name => filters.with(name, ""),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    const MIDNIGHT: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn query(filters: &Filters) -> String {
        filters.query(str::to_owned)
    }

    #[test]
    fn each_is_turned_on_and_off_by_a_press() {
        for quick in Quick::ALL {
            let on = quick.press(&Filters::default().with(Name::Tool, "pay"), MIDNIGHT);
            assert!(quick.is_on(&on, MIDNIGHT), "{quick:?}");
            assert_eq!(query(&quick.press(&on, MIDNIGHT)), "tool=pay", "{quick:?}");
        }
    }

    #[test]
    fn errors_of_servers_are_failures() {
        assert_eq!(query(&Quick::Failed.press(&Filters::default(), MIDNIGHT)), "status=error,failed");
    }

    #[test]
    fn one_outcome_takes_the_place_of_another() {
        let failed = Quick::Failed.press(&Filters::default(), MIDNIGHT);
        assert_eq!(query(&Quick::Refused.press(&failed, MIDNIGHT)), "status=refused");
    }

    #[test]
    fn a_chip_stands_only_for_what_nothing_else_says() {
        let names = |filters: &Filters| chips(filters, MIDNIGHT).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        let today = Quick::Today.press(&Filters::default(), MIDNIGHT);
        assert!(names(&Quick::Failed.press(&today, MIDNIGHT)).is_empty());
        assert_eq!(names(&today.with(Name::Status, "held").with(Name::Q, "x")), [Name::Q, Name::Status]);
        let hour = today.within(MIDNIGHT, MIDNIGHT + TimeDelta::hours(1));
        assert_eq!(names(&hour), [Name::From], "a range is one chip");
        assert_eq!(names(&hour.with(Name::From, "")), [Name::To]);
        assert_eq!(query(&without(&hour.with(Name::Q, "x"), Name::From)), "q=x");
    }
}
