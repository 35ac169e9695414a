//! How long a call that needs approval is held open (approvals.md, "What the agent sees", 1): shorter
//! than the client's patience, and known by the client's name.

use std::{str::FromStr, time::Duration};

/// The longest that a call may be held, in seconds.
pub const LONGEST: u32 = 240;

/// Hold times by the beginning of a client's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldTimes {
    /// In lower case.
    named: Vec<(String, Duration)>,
    other: Duration,
}

/// What clients stand unless the operator says otherwise. Most give up after 60 s; a client that
/// nobody knows may give up after 5 s.
const KNOWN: [(&str, u64); 11] = [
    ("claude-code", 100),
    ("codex", 240),
    ("cursor", 45),
    ("visual studio code", 45),
    ("claude-ai", 45),
    ("cline", 45),
    ("gemini-cli", 45),
    ("goose", 45),
    ("inspector", 45),
    ("windsurf", 45),
    ("zed", 45),
];
const OTHER: u64 = 4;

impl Default for HoldTimes {
    fn default() -> Self {
        let named = KNOWN.into_iter().map(|(name, seconds)| (name.to_owned(), Duration::from_secs(seconds)));
        Self { named: named.collect(), other: Duration::from_secs(OTHER) }
    }
}

impl HoldTimes {
    /// The hold time of a client: that of the longest name here that its own begins with, in whatever
    /// case, else the one for all others.
    pub fn of(&self, client: Option<&str>) -> Duration {
        let client = client.unwrap_or_default().to_lowercase();
        let matching = self.named.iter().filter(|(name, _)| client.starts_with(name));
        matching.max_by_key(|(name, _)| name.len()).map_or(self.other, |(_, time)| *time)
    }
}

/// `name=seconds` parted by commas, on top of the defaults; the name `*` is every other client.
impl FromStr for HoldTimes {
    type Err = InvalidHoldTimes;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut times = Self::default();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let invalid = || InvalidHoldTimes(entry.to_owned());
            let (name, seconds) = entry.rsplit_once('=').ok_or_else(invalid)?;
            let seconds =
                seconds.trim().parse().ok().filter(|seconds: &u32| *seconds <= LONGEST).ok_or_else(invalid)?;
            let (name, time) = (name.trim().to_lowercase(), Duration::from_secs(seconds.into()));
            match name.as_str() {
                "" => return Err(invalid()),
                "*" => times.other = time,
                _ => {
                    times.named.retain(|(known, _)| *known != name);
                    times.named.push((name, time));
                }
            }
        }
        Ok(times)
    }
}

/// An entry that is not `name=seconds` with 0 to [`LONGEST`] seconds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a client's name, `=` and 0 to 240 seconds; write for example claude-code=100, or *=4 for all others"
)]
pub struct InvalidHoldTimes(String);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn seconds(times: &HoldTimes, client: &str) -> u64 {
        times.of(Some(client)).as_secs()
    }

    #[test]
    fn a_client_is_known_by_the_beginning_of_its_name() {
        let times = HoldTimes::default();
        for (client, expected) in [
            ("claude-code 2.1.3", 100),
            ("codex-mcp-client", 240),
            ("cursor-vscode", 45),
            ("Visual Studio Code - Insiders", 45),
            ("my-claude-code", 4),
            ("python-httpx/0.28", 4),
            ("", 4),
        ] {
            assert_eq!(seconds(&times, client), expected, "{client}");
        }
        assert_eq!(times.of(None).as_secs(), 4);
    }

    #[test]
    fn an_operator_changes_single_times() {
        let times: HoldTimes = " claude-code = 20, claude-code-ci=0 ,*=9,Acme Bot=120".parse().unwrap();
        assert_eq!(seconds(&times, "claude-code"), 20);
        assert_eq!(seconds(&times, "claude-code-ci/1"), 0);
        assert_eq!(seconds(&times, "ACME bot"), 120);
        assert_eq!(seconds(&times, "codex"), 240);
        assert_eq!(seconds(&times, "curl/8"), 9);
    }

    #[test]
    fn what_is_no_hold_time_is_named() {
        for wrong in ["claude-code", "=5", "codex=241", "codex=-1", "codex=4.5", "a=1,codex=x"] {
            let error = wrong.parse::<HoldTimes>().unwrap_err().to_string();
            let entry = wrong.rsplit(',').next().unwrap();
            assert!(error.starts_with(&format!("{entry:?}")), "{error}");
        }
    }
}
