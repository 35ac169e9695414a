//! How much callers may take up of a process (`limit` keeps it).

use super::{ConfigError, vars::Vars};

/// How much somebody may take up at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Requests in flight.
    pub calls: usize,
    /// Bytes of bodies and answers held for them.
    pub bytes: usize,
}

/// The budgets of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budgets {
    /// `PERMESSO_CALLER_MAX_CALLS` and `PERMESSO_CALLER_MAX_BYTES`, of each caller, an API key or a person: 256 and
    /// 64 MiB unless set.
    pub caller: Share,
    /// `PERMESSO_ORG_MAX_CALLS` and `PERMESSO_ORG_MAX_BYTES`, of what the callers of an org take up together, wherever
    /// they call: 1,024 and 256 MiB unless set.
    pub org: Share,
    /// `PERMESSO_PROCESS_MAX_CALLS` and `PERMESSO_PROCESS_MAX_BYTES`, of everybody together: 4,096 and 1 GiB unless
    /// set.
    pub process: Share,
}

pub(super) fn budgets(vars: &Vars<'_>) -> Result<Budgets, ConfigError> {
    let share = |calls: &str, bytes: &str, default: Share| {
        Ok(Share {
            calls: vars.number(calls, 1..=1_000_000, default.calls)?,
            bytes: vars.number(bytes, 65_536..=1_099_511_627_776, default.bytes)?,
        })
    };
    let of = |calls, mebibytes: usize| Share { calls, bytes: mebibytes << 20 };
    Ok(Budgets {
        caller: share("PERMESSO_CALLER_MAX_CALLS", "PERMESSO_CALLER_MAX_BYTES", of(256, 64))?,
        org: share("PERMESSO_ORG_MAX_CALLS", "PERMESSO_ORG_MAX_BYTES", of(1_024, 256))?,
        process: share("PERMESSO_PROCESS_MAX_CALLS", "PERMESSO_PROCESS_MAX_BYTES", of(4_096, 1_024))?,
    })
}
