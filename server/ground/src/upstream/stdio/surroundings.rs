//! A child's default environment: a `PATH`, without which a script finds no interpreter; a writable `HOME`, without
//! which npx, uvx and many servers end at once; and a `LANG`, without which some runtimes write their answers in ASCII
//! or Latin-1 (MCP, "Transports": messages are UTF-8).

use std::ffi::OsString;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use nix::unistd::{AccessFlags, User, access, geteuid};
use secrecy::{ExposeSecret, SecretString};

use super::user::ChildUser;

/// The path to programs if the gateway itself has none.
const USUAL_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Where the child and its programs are looked up: the connection's `PATH`, otherwise the gateway's own. Only absolute
/// paths count: the gateway's directory is not the child's.
pub(super) fn path(env: &[(String, SecretString)]) -> OsString {
    if let Some((_, path)) = env.iter().find(|(name, _)| name == "PATH") {
        return path.expose_secret().into();
    }
    let own = env::var_os("PATH").unwrap_or_default();
    let whole = env::split_paths(&own).filter(|directory| directory.is_absolute());
    match env::join_paths(whole) {
        Ok(path) if !path.is_empty() => path,
        _ => USUAL_PATH.into(),
    }
}

/// The UTF-8 locale of no country, unless the connection sets another one.
pub(super) fn lang(env: &[(String, SecretString)]) -> Option<(&'static str, &'static str)> {
    let chosen = env.iter().any(|(name, _)| name == "LANG" || name == "LC_ALL");
    (!chosen).then_some(("LANG", "C.UTF-8"))
}

/// The home of the user that the child runs as, if it exists and is writable; otherwise a directory of the user's own
/// among the temporary files. Many system users have no home, and a container's may be read-only.
pub(super) fn home(user: &ChildUser) -> PathBuf {
    let (uid, gid, home) = match user.other() {
        Some(other) => (other.uid, other.gid, other.home().filter(|home| is_own(home, other.uid))),
        None => {
            let uid = geteuid();
            let listed = || Some(User::from_uid(uid).ok()??.dir);
            let own = env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute()).or_else(listed);
            let may_write =
                |home: &PathBuf| home.is_dir() && access(home, AccessFlags::W_OK | AccessFlags::X_OK).is_ok();
            (uid.as_raw(), nix::unistd::getegid().as_raw(), own.filter(may_write))
        }
    };
    home.unwrap_or_else(|| {
        let spare = env::temp_dir().join(format!("permesso-home-{uid}"));
        match make(&spare, uid, gid) {
            Ok(()) => spare,
            Err(error) => {
                tracing::warn!(%error, directory = %spare.display(), "a child process has no home: set HOME for it");
                PathBuf::from("/nonexistent")
            }
        }
    })
}

/// Makes the directory for this user alone, or checks that it is already so: anybody may write among the temporary
/// files, and could have put a link there.
fn make(directory: &Path, uid: u32, gid: u32) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(directory) {
        Ok(()) => chown(directory, Some(uid), Some(gid)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_own(directory, uid) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether this is a directory that belongs to the user, is no link, and that nobody else may write to.
fn is_own(directory: &Path, uid: u32) -> bool {
    fs::symlink_metadata(directory).is_ok_and(|found| {
        found.is_dir() && found.uid() == uid && found.mode() & 0o300 == 0o300 && found.mode() & 0o022 == 0
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics fails")]

    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_path_of_the_connections_own_replaces_the_gateways() {
        let own = [("PATH".to_owned(), SecretString::from("/opt/node/bin"))];
        assert_eq!(path(&own), "/opt/node/bin");
        let inherited = path(&[]);
        assert!(
            env::split_paths(&inherited).count() > 0 && env::split_paths(&inherited).all(|part| part.is_absolute())
        );
    }

    #[test]
    fn a_child_writes_utf_8_unless_its_connection_chose_a_language() {
        let chosen = |name: &str| lang(&[(name.to_owned(), SecretString::from("de_DE"))]);
        assert_eq!((lang(&[]), chosen("LC_NUMERIC")), (Some(("LANG", "C.UTF-8")), Some(("LANG", "C.UTF-8"))));
        assert_eq!((chosen("LANG"), chosen("LC_ALL")), (None, None));
    }

    #[test]
    fn the_home_of_a_child_is_there_and_can_be_written_to() {
        let home = home(&ChildUser::Gateway);
        assert!(tempfile::tempfile_in(&home).is_ok(), "{}", home.display());
    }

    #[test]
    fn a_home_among_temporary_files_is_nobody_elses() {
        let around = tempfile::tempdir().unwrap();
        let (uid, gid) = (geteuid().as_raw(), nix::unistd::getegid().as_raw());
        let made = around.path().join("made");
        for _ in 0..2 {
            make(&made, uid, gid).unwrap();
        }
        assert_eq!(fs::metadata(&made).unwrap().permissions().mode() & 0o777, 0o700);
        fs::set_permissions(&made, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(make(&made, uid, gid).is_err(), "others may write to it");
        let link = around.path().join("link");
        symlink(around.path(), &link).unwrap();
        assert!(make(&link, uid, gid).is_err(), "it leads elsewhere");
        assert!(make(around.path(), uid.wrapping_add(1), gid).is_err(), "it is somebody else's");
    }
}
