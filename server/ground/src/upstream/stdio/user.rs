//! The user that the children of stdio connections run as.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::unistd::geteuid;

use crate::process::SystemUser;

/// The user that the children of stdio connections run as. Cheap to clone.
#[derive(Debug, Clone)]
pub enum ChildUser {
    /// The gateway's own, which is an ordinary user.
    Gateway,
    /// The gateway's own, which is root: children can read everything that it can.
    Root,
    /// Another user; the gateway is root.
    Other {
        /// Its name.
        name: Arc<str>,
        /// The user.
        user: SystemUser,
    },
}

/// Why children cannot run as `PERMESSO_CHILD_USER`. One line for the operator.
#[derive(Debug, thiserror::Error)]
pub enum NoChildUser {
    /// No such user, or root, or a member of root's group, who may read much of root's.
    #[error(
        "PERMESSO_CHILD_USER: {0:?} is no user of this system other than root and its group; \
         make one, for example with `useradd --system permesso-tools`"
    )]
    Unfit(String),
    /// Only root may become another user.
    #[error(
        "PERMESSO_CHILD_USER: only root can start programs as {0:?}, and this process is not root; \
         start it as root, or unset the variable"
    )]
    NotRoot(String),
    /// The system's list of users cannot be read.
    #[error("PERMESSO_CHILD_USER: {0:?} cannot be looked up: {1}")]
    Unreadable(String, io::Error),
}

impl ChildUser {
    /// The user `name` (`PERMESSO_CHILD_USER`); the gateway's own if there is none.
    ///
    /// # Errors
    /// If the gateway cannot run anything as that user.
    pub fn find(name: Option<&str>) -> Result<Self, NoChildUser> {
        let gateway = geteuid();
        let Some(name) = name else {
            return Ok(if gateway.is_root() { Self::Root } else { Self::Gateway });
        };
        let user = SystemUser::find(name).map_err(|error| NoChildUser::Unreadable(name.to_owned(), error))?;
        match user.filter(|user| user.gid != 0) {
            None => Err(NoChildUser::Unfit(name.to_owned())),
            Some(user) if gateway.is_root() => Ok(Self::Other { name: name.into(), user }),
            Some(user) if gateway.as_raw() == user.uid => Ok(Self::Gateway),
            Some(_) => Err(NoChildUser::NotRoot(name.to_owned())),
        }
    }

    /// A warning about a connection whose child runs as this user, if there is one.
    pub fn warning(&self) -> Option<&'static str> {
        match self {
            Self::Root => Some(
                "child processes run as root and can read all that the gateway knows, its master key included; \
                 set PERMESSO_CHILD_USER to a user without rights",
            ),
            Self::Gateway | Self::Other { .. } => None,
        }
    }

    /// The user, if it is not the gateway's own.
    pub fn other(&self) -> Option<SystemUser> {
        match self {
            Self::Other { user, .. } => Some(*user),
            Self::Gateway | Self::Root => None,
        }
    }

    /// Why this user's `program` did not start in `directory`, as the rest of a sentence about it.
    pub(super) fn explain(&self, error: &io::Error, program: &Path, directory: &Path) -> String {
        let Self::Other { name, user } = self else {
            return format!("could not be started: {error}");
        };
        let closed = |path: &Path| user.closed_directory(path).ok().flatten();
        // The user may have no access to the directory to start in, or to one on the way to the program.
        let found = (error.kind() == io::ErrorKind::PermissionDenied)
            .then(|| closed(directory).or_else(|| closed(program)).or_else(|| closed(&interpreter(program)?)));
        match found.flatten() {
            Some(closed) => format!(
                "could not be started as the user {name:?}, to whom the directory {} is closed; \
                 open it or install the command elsewhere",
                closed.display()
            ),
            None => format!("could not be started as the user {name:?}: {error}"),
        }
    }
}

/// The interpreter of a script (execve(2), "Interpreter scripts").
fn interpreter(script: &Path) -> Option<PathBuf> {
    // Opening a pipe would wait for its writer.
    if !script.metadata().ok()?.is_file() {
        return None;
    }
    let mut line = Vec::new();
    BufReader::new(File::open(script).ok()?.take(256)).read_until(b'\n', &mut line).ok()?;
    let line = String::from_utf8(line).ok()?;
    line.strip_prefix("#!")?.split_whitespace().next().map(PathBuf::from)
}
