//! How urgent a waiting request is, by the time that is left until it expires.

use chrono::{DateTime, TimeDelta, Utc};

/// From when on a request is urgent: its time is red, and it stands above the others.
pub const SOON: TimeDelta = TimeDelta::minutes(5);
/// From when on its row is tinted too, and counts seconds.
const LAST: TimeDelta = TimeDelta::minutes(1);

/// How urgent a request is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Urgency {
    /// There is time.
    #[default]
    Later,
    /// It expires within five minutes.
    Soon,
    /// It expires within one minute.
    Last,
}

impl Urgency {
    /// Of a request that expires then.
    pub fn of(expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        match expires_at - now {
            left if left < LAST => Self::Last,
            left if left < SOON => Self::Soon,
            _ => Self::Later,
        }
    }

    /// The classes that show it.
    pub fn class(self) -> &'static str {
        match self {
            Self::Later => "",
            Self::Soon => " soon",
            Self::Last => " soon last",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_minutes_and_one_minute_are_the_bounds() {
        let urgency = |seconds| Urgency::of(DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds), DateTime::UNIX_EPOCH);
        assert_eq!([300, 299, 60, 59, -5].map(urgency), {
            use Urgency::{Last, Later, Soon};
            [Later, Soon, Soon, Last, Last]
        });
    }
}
