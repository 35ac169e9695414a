//! Limits the connections to the number of files that the system lets this process open: beyond it, connections to
//! Postgres and upstreams would fail as well.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::ConnectionLimits;

/// Files reserved for everything else: Postgres, upstreams, files.
const OTHERS: usize = 512;

impl ConnectionLimits {
    /// Asks the system for enough open files for these connections, and adapts the limits to what it grants.
    pub(super) fn within_open_files(self) -> Self {
        let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return self };
        let wanted = (self.open + OTHERS) as u64;
        let raised = soft < wanted && setrlimit(Resource::RLIMIT_NOFILE, wanted.min(hard), hard).is_ok();
        let files = if raised { wanted.min(hard) } else { soft };
        let fitting = self.fitting(usize::try_from(files).unwrap_or(usize::MAX));
        if fitting.open < self.open {
            tracing::warn!(
                files,
                connections = fitting.open,
                connections.per_address = fitting.per_address,
                "this process may not open as many files as PERMESSO_MAX_CONNECTIONS needs: raise its limit \
                 (LimitNOFILE, ulimit -n)"
            );
        }
        fitting
    }

    /// The limits within this many open files; an address keeps the same share.
    fn fitting(self, files: usize) -> Self {
        let open = files.saturating_sub(OTHERS).max(files / 2).clamp(1, self.open.max(1));
        if open >= self.open {
            return self;
        }
        let per_address = (self.per_address.min(self.open) * open / self.open).max(1);
        Self { open, per_address, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_files_are_few_an_address_has_the_same_part_of_them() {
        let fitting = |files| {
            let fitting = ConnectionLimits::default().fitting(files);
            (fitting.open, fitting.per_address)
        };
        assert_eq!(fitting(1_048_576), (10_000, 1_000));
        assert_eq!(fitting(10_512), (10_000, 1_000));
        assert_eq!(fitting(4_512), (4_000, 400));
        assert_eq!(fitting(1_024), (512, 51));
        assert_eq!(fitting(256), (128, 12));
        assert_eq!(fitting(0), (1, 1));
    }
}
