//! Another system user that a child process runs as.

use std::{
    fs, io,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};

use nix::unistd::User;

/// A system user other than root. A child that runs as one has no supplementary groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemUser {
    /// Its user id, never 0.
    pub uid: u32,
    /// Its primary group.
    pub gid: u32,
}

impl SystemUser {
    /// The user of this name; none when the system knows none, or when it is root.
    ///
    /// # Errors
    /// When the system's list of users cannot be read.
    pub fn find(name: &str) -> io::Result<Option<Self>> {
        let user = User::from_name(name)?.filter(|user| !user.uid.is_root());
        Ok(user.map(|user| Self { uid: user.uid.as_raw(), gid: user.gid.as_raw() }))
    }

    /// Its home directory, as the system's list of users has it.
    pub fn home(self) -> Option<PathBuf> {
        Some(User::from_uid(self.uid.into()).ok()??.dir)
    }

    /// Has `command` run as this user. Only root may spawn it; the standard library then drops root's
    /// supplementary groups.
    pub fn take(self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }

    /// The first directory on the way from the root to `path` that this user may not pass, by owner, group and
    /// mode. Follows links. Whether the user may read or run `path` itself is not asked.
    ///
    /// # Errors
    /// When something on the way is missing or cannot be looked at.
    pub fn closed_directory(self, path: &Path) -> io::Result<Option<PathBuf>> {
        // The directory of a link may be closed while that of its target is open.
        let places = [path.parent().unwrap_or(path).canonicalize()?, path.canonicalize()?];
        for place in places {
            let mut ancestors: Vec<&Path> = place.ancestors().collect();
            ancestors.reverse();
            for ancestor in ancestors {
                let metadata = fs::metadata(ancestor)?;
                if metadata.is_dir() && !self.may_pass(&metadata) {
                    return Ok(Some(ancestor.to_owned()));
                }
            }
        }
        Ok(None)
    }

    fn may_pass(self, directory: &fs::Metadata) -> bool {
        let search = if directory.uid() == self.uid {
            0o100
        } else if directory.gid() == self.gid {
            0o010
        } else {
            0o001
        };
        directory.mode() & search != 0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// Nobody's: it owns nothing, so only the last three bits of a mode count.
    const STRANGER: SystemUser = SystemUser { uid: 4_000_000_001, gid: 4_000_000_001 };

    #[test]
    fn neither_root_nor_whom_the_system_does_not_know_is_found() {
        assert_eq!(SystemUser::find("root").unwrap(), None);
        assert_eq!(SystemUser::find("no-such-user-anywhere").unwrap(), None);
    }

    #[test]
    fn the_closed_directory_is_named_also_behind_a_link_and_before_its_target() {
        let around = tempfile::tempdir().unwrap();
        let around = around.path().canonicalize().unwrap();
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        set(&around, 0o755);
        let (open, closed) = (around.join("open"), around.join("closed"));
        let below = closed.join("below");
        fs::create_dir_all(&below).unwrap();
        fs::create_dir(&open).unwrap();
        for program in [open.join("program"), below.join("program")] {
            fs::write(program, "").unwrap();
        }
        symlink(below.join("program"), open.join("leads-in")).unwrap();
        symlink(open.join("program"), below.join("leads-out")).unwrap();
        set(&closed, 0o750);

        let found = |path: PathBuf| STRANGER.closed_directory(&path).unwrap();
        assert_eq!(found(open.join("program")), None);
        for path in [below.join("program"), open.join("leads-in"), below.join("leads-out"), closed.clone()] {
            assert_eq!(found(path.clone()), Some(closed.clone()), "{}", path.display());
        }
        assert!(STRANGER.closed_directory(&open.join("missing")).is_err());
    }
}
