//! The protocol revisions that are spoken, and how they differ for the gateway.

/// A revision of MCP, named by its date. Later ones compare greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Revision {
    /// 2024-11-05: the first; over HTTP it had its own transport, but servers and clients speak it over Streamable HTTP too.
    V2024_11_05,
    /// 2025-03-26: Streamable HTTP, batches.
    V2025_03_26,
    /// 2025-06-18: no batches; structured content, the version header.
    V2025_06_18,
    /// 2025-11-25: the last that opens a session with `initialize`.
    V2025_11_25,
    /// 2026-07-28: every request says for itself what it needs, nothing is a session.
    V2026_07_28,
}

impl Revision {
    /// Every revision that is spoken, oldest first.
    pub const ALL: [Self; 5] =
        [Self::V2024_11_05, Self::V2025_03_26, Self::V2025_06_18, Self::V2025_11_25, Self::V2026_07_28];
    /// The newest of them.
    pub const LATEST: Self = Self::V2026_07_28;
    /// The newest that `initialize` can agree on.
    pub const LATEST_LEGACY: Self = Self::V2025_11_25;

    /// The revision with exactly this name, if it is spoken.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|revision| revision.as_str() == name)
    }

    /// The revision that an upstream names: as [`parse`](Self::parse) has it, and 2024-10-07, the draft that became
    /// 2024-11-05 and differs from it in nothing that the gateway uses.
    #[must_use]
    pub fn of_upstream(name: &str) -> Option<Self> {
        Self::parse(name).or((name == "2024-10-07").then_some(Self::V2024_11_05))
    }

    /// Its name in `protocolVersion` and in the header `MCP-Protocol-Version`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// Whether it carries version, client and capabilities in every request instead of
    /// in `initialize` (MCP 2026-07-28, basic/versioning, "Terminology").
    #[must_use]
    pub fn is_modern(self) -> bool {
        self >= Self::V2026_07_28
    }

    /// The answer to an `initialize` that asks for `requested`: the same where it is
    /// spoken and has `initialize` at all, else [`LATEST_LEGACY`](Self::LATEST_LEGACY)
    /// (MCP lifecycle, "Version Negotiation").
    #[must_use]
    pub fn negotiate(requested: &str) -> Self {
        let legacy = Self::parse(requested).filter(|revision| !revision.is_modern());
        legacy.unwrap_or(Self::LATEST_LEGACY)
    }

    /// Whether a body may be a batch: only 2025-03-26 had them.
    #[must_use]
    pub fn allows_batches(self) -> bool {
        self == Self::V2025_03_26
    }
}

impl std::fmt::Display for Revision {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spoken_revision_is_granted_and_any_other_gets_the_latest() {
        for revision in Revision::ALL {
            assert_eq!(Revision::parse(revision.as_str()), Some(revision));
            assert!(revision <= Revision::LATEST);
        }
        for legacy in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
            assert_eq!(Revision::negotiate(legacy).as_str(), legacy);
        }
        assert_eq!(Revision::of_upstream("2024-10-07"), Some(Revision::V2024_11_05));
        assert_eq!(Revision::of_upstream("2024-10-08"), None);
        for other in ["2024-10-07", "2099-01-01", "", "2025-06-18 "] {
            assert_eq!(Revision::parse(other), None);
            assert_eq!(Revision::negotiate(other).as_str(), "2025-11-25");
        }
    }

    #[test]
    fn initialize_never_agrees_on_a_revision_without_initialize() {
        assert_eq!(Revision::negotiate("2026-07-28").as_str(), "2025-11-25");
        let modern: Vec<_> = Revision::ALL.into_iter().filter(|r| r.is_modern()).collect();
        assert_eq!(modern, [Revision::V2026_07_28]);
    }

    #[test]
    fn only_one_revision_has_batches() {
        let with: Vec<_> = Revision::ALL.into_iter().filter(|r| r.allows_batches()).collect();
        assert_eq!(with, [Revision::V2025_03_26]);
    }
}
