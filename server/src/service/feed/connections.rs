//! Which connections have changed since the last look: their configuration, what they offer, or how they
//! are doing, as far as this replica or the last list of their tools knows.

use std::collections::{BTreeSet, HashMap};

use domain::ConnectionId;

use crate::{
    db::{
        OrgScope,
        connection::{Mark, marks},
    },
    error::Result,
    upstream::{State as UpstreamState, Upstreams},
};

/// What is remembered between two looks.
#[derive(Debug, Default)]
pub(super) struct Connections {
    /// The version of the org's configuration at which tools were looked at; `None`: never.
    version: Option<i64>,
    known: HashMap<ConnectionId, (Mark, Option<UpstreamState>)>,
}

impl Connections {
    /// The names of those that changed, appeared or went. `version` is that of the org's configuration: while it
    /// stays, so do tools.
    pub(super) async fn look(
        &mut self,
        scope: &mut OrgScope,
        upstreams: &Upstreams,
        version: i64,
    ) -> Result<BTreeSet<String>> {
        let tools = self.version != Some(version);
        let rows = marks(scope, tools).await?;
        self.version = Some(version);
        let states = |id: ConnectionId| upstreams.status(id.0).map(|status| status.state);
        Ok(self.compare(rows, tools, states))
    }

    fn compare(
        &mut self,
        rows: Vec<(ConnectionId, Mark)>,
        tools: bool,
        state: impl Fn(ConnectionId) -> Option<UpstreamState>,
    ) -> BTreeSet<String> {
        let mut changed = BTreeSet::new();
        let mut before = std::mem::take(&mut self.known);
        for (id, mut mark) in rows {
            let old = before.remove(&id);
            if !tools {
                mark.tools = old.as_ref().and_then(|(mark, _)| mark.tools.clone());
            }
            // Every attempt begins with this: news is how it ends.
            let here = match state(id) {
                Some(UpstreamState::Connecting) => old.as_ref().and_then(|(_, state)| *state),
                other => other,
            };
            let now = (mark, here);
            if old.as_ref() != Some(&now) {
                changed.insert(now.0.slug.clone());
            }
            self.known.insert(id, now);
        }
        changed.extend(before.into_values().map(|(mark, _)| mark.slug));
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(slug: &str, version: i64, tools: Option<&str>) -> Mark {
        Mark {
            slug: slug.to_owned(),
            version,
            enabled: true,
            connect_timeout_ms: 1,
            call_timeout_ms: 1,
            trust_definitions: false,
            last_error: None,
            tools: tools.map(ToOwned::to_owned),
        }
    }

    #[test]
    fn only_what_changed_is_named() {
        let (a, b) = (ConnectionId::new(), ConnectionId::new());
        let mut known = Connections::default();
        let none = |_| None;
        let both = vec![(a, mark("a", 1, Some("x"))), (b, mark("b", 1, None))];
        assert_eq!(known.compare(both.clone(), true, none).len(), 2, "both are new");
        assert!(known.compare(both, true, none).is_empty());
        let unread = vec![(a, mark("a", 1, None)), (b, mark("b", 1, None))];
        assert!(known.compare(unread, false, none).is_empty(), "tools that were not read have not changed");
        let tools = vec![(a, mark("a", 1, Some("y"))), (b, mark("b", 2, None))];
        assert_eq!(known.compare(tools, true, none), BTreeSet::from(["a".to_owned(), "b".to_owned()]));
        let one = vec![(a, mark("a", 1, Some("y")))];
        assert_eq!(known.compare(one, true, none), BTreeSet::from(["b".to_owned()]), "b is gone");
    }

    #[test]
    fn how_an_attempt_ends_is_news_and_not_that_it_begins() {
        let id = ConnectionId::new();
        let mut known = Connections::default();
        let mut look = |state| known.compare(vec![(id, mark("a", 1, None))], true, |_| Some(state)).len();
        assert_eq!(look(UpstreamState::Error), 1);
        assert_eq!(look(UpstreamState::Connecting), 0);
        assert_eq!(look(UpstreamState::Connected), 1);
        assert_eq!(look(UpstreamState::Connected), 0);
    }
}
