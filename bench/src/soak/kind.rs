//! The kinds of agents, and how each speaks.

use std::time::Duration;

/// One kind of agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// Earlier revisions without a session, JSON only, a client that nobody knows.
    Json,
    /// A session, event streams, progress; some go away while they wait.
    Claude,
    /// A session and event streams, no progress.
    Cursor,
    /// 2026-07-28, a client that nobody knows.
    Modern,
    /// 2026-07-28 with tasks, asked for by `tasks/get`; some are cancelled.
    TaskGet,
    /// 2026-07-28 with tasks, followed by `subscriptions/listen`.
    TaskListen,
    /// Gives up after five seconds and calls again.
    Impatient,
    /// Calls what is always allowed.
    Always,
}

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Single requests of an earlier revision, answered with JSON.
    Json,
    /// A session of 2025-11-25 with event streams.
    Session {
        /// The client's name, by which it is held.
        client: &'static str,
        /// Whether calls have a progress token.
        progress: bool,
    },
    /// 2026-07-28.
    Modern {
        /// Whether the tasks extension is declared.
        tasks: bool,
    },
}

impl Kind {
    /// All of them, each with its part of a hundred agents.
    pub(crate) const ALL: [(Self, usize); 8] = [
        (Self::Json, 15),
        (Self::Claude, 15),
        (Self::Cursor, 12),
        (Self::Modern, 13),
        (Self::TaskGet, 12),
        (Self::TaskListen, 12),
        (Self::Impatient, 11),
        (Self::Always, 10),
    ];

    /// The kinds of `agents` agents: each kind is there, the parts are as near as they can be.
    pub(crate) fn spread(agents: usize) -> Vec<Self> {
        let mut spread: Vec<Self> = Vec::with_capacity(agents);
        while spread.len() < agents {
            // Whoever lacks most of its part is next.
            let lacking = |(kind, part): &(Self, usize)| {
                let have = spread.iter().filter(|other| *other == kind).count();
                have * 1_000 / part
            };
            let next = Self::ALL.iter().min_by_key(|entry| lacking(entry)).map_or(Self::Json, |entry| entry.0);
            spread.push(next);
        }
        spread
    }

    /// Its name in tables and tokens.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Claude => "claude-code",
            Self::Cursor => "cursor",
            Self::Modern => "modern",
            Self::TaskGet => "task-get",
            Self::TaskListen => "task-listen",
            Self::Impatient => "impatient",
            Self::Always => "always",
        }
    }

    /// How agent number `number` of this kind speaks.
    pub(crate) fn dialect(self, number: usize) -> Dialect {
        match self {
            Self::Json => Dialect::Json,
            Self::Claude => Dialect::Session { client: "claude-code", progress: true },
            Self::Cursor => Dialect::Session { client: "cursor", progress: false },
            Self::Modern => Dialect::Modern { tasks: false },
            Self::TaskGet | Self::TaskListen => Dialect::Modern { tasks: true },
            // Clients that nobody knows are answered in time; known ones are held, and go away while they are.
            Self::Impatient if number.is_multiple_of(2) => Dialect::Session { client: "cursor", progress: false },
            Self::Impatient => Dialect::Session { client: "five-seconds", progress: false },
            Self::Always if number.is_multiple_of(2) => Dialect::Modern { tasks: false },
            Self::Always => Dialect::Json,
        }
    }

    /// How long it waits for an answer: longer than it is ever held, but for the impatient.
    pub(crate) fn patience(self) -> Duration {
        Duration::from_secs(match self {
            Self::Impatient => 5,
            Self::Claude => 120,
            Self::Cursor => 60,
            Self::Json | Self::Modern | Self::TaskGet | Self::TaskListen | Self::Always => 30,
        })
    }

    /// What it tells `approval_status` to wait; nothing leaves that to the gateway.
    pub(crate) fn wait_seconds(self) -> Option<u64> {
        (self == Self::Modern).then_some(20)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_there_and_has_its_part() {
        let count = |agents, kind| Kind::spread(agents).into_iter().filter(|other| *other == kind).count();
        for (kind, part) in Kind::ALL {
            assert_eq!(count(8, kind), 1, "{}", kind.name());
            assert_eq!(count(200, kind), 2 * part, "{}", kind.name());
        }
        assert_eq!(Kind::spread(200).len(), 200);
    }
}
