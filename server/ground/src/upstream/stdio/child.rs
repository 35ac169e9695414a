//! The child process itself: its start, the reading and writing of its streams, and its end. None of its processes
//! outlives its connection.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::super::message::MESSAGE_LIMIT;
use super::super::notices::Pace;
use super::super::status::{Log, Observer};
use super::lines::{Line, read_line, skip_line};
use super::peer::{Outgoing, Peer};
use super::surroundings;
use super::user::ChildUser;
use crate::process::keeper::Kept;

/// How many messages may wait for a child to read.
const OUTBOX: usize = 64;
/// How long a child's pipe is read after the child has ended.
const LAST_WORDS: Duration = Duration::from_millis(250);
/// How long a child may take to end by itself once its input is closed (MCP lifecycle, "Shutdown").
const FAREWELL: Duration = Duration::from_millis(500);
/// Why a child that writes a message over [`MESSAGE_LIMIT`] is no longer read.
const TOO_LONG: &str = "the upstream's process wrote a message over 16 MiB";
/// How long its keeper may take, which waits two seconds between SIGTERM and SIGKILL.
const TERMINATION: Duration = Duration::from_secs(4);

/// Starts the command as `user`, with nothing in its environment but `env`, a `PATH`, a `HOME` and a `LANG`. `Err` is a
/// reason that may be shown: it names the command, no arguments and no values.
pub(super) async fn start(
    command: &str,
    args: &[String],
    env: &[(String, SecretString)],
    cwd: Option<&Path>,
    user: &ChildUser,
) -> Result<Kept, String> {
    let path = surroundings::path(env);
    let program = find(command, &path)?;
    let cwd = cwd.unwrap_or(Path::new("/"));
    let mut child = Command::new(&program);
    child
        .args(args)
        .env_clear()
        .env("PATH", &path)
        .env("HOME", surroundings::home(user))
        .envs(surroundings::lang(env))
        .envs(env.iter().map(|(name, value)| (name, value.expose_secret())))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // npx, uvx and similar tools start the server as a process of its own, with a shell in between.
    let spawned = Kept::spawn(child, user.other(), cwd).await;
    spawned.map_err(|error| format!("the command {command:?} {}", user.explain(&error, &program, cwd)))
}

/// Looks a command up in the child's PATH, then in the gateway's own. A command with a slash is a path, and has to be
/// absolute.
fn find(command: &str, path: &OsStr) -> Result<PathBuf, String> {
    if command.contains('/') {
        return if command.starts_with('/') {
            Ok(PathBuf::from(command))
        } else {
            Err(format!("the command {command:?} is neither a name nor an absolute path"))
        };
    }
    let own = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(path)
        .chain(std::env::split_paths(&own))
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(command))
        .find(|candidate| {
            candidate.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
        })
        .ok_or_else(|| format!("the command {command:?} was not found in PATH"))
}

/// Starts the tasks that serve a child.
pub(super) fn run(mut child: Kept, observer: Arc<Observer>) -> Arc<Peer> {
    let (outbox, outgoing) = mpsc::channel(OUTBOX);
    let peer = Peer::new(outbox, observer);
    let (stdin, stdout, stderr) = child.streams();
    let writer = tokio::spawn(write(stdin, outgoing, peer.clone()));
    let reader = tokio::spawn(read(stdout, peer.clone()));
    let logger = tokio::spawn(log(stderr, peer.observer.clone()));
    peer.observer.children.spawn(attend(Family(child), writer, reader, logger, peer.clone()));
    peer
}

/// Watches the child until all its processes have ended.
async fn attend(
    mut family: Family,
    mut writer: JoinHandle<&'static str>,
    mut reader: JoinHandle<&'static str>,
    mut logger: JoinHandle<()>,
    peer: Arc<Peer>,
) {
    let ended = tokio::select! {
        () = peer.over.cancelled() => None,
        end = family.ended() => {
            // An answer may still be in the pipe.
            let _ = timeout(LAST_WORDS, &mut reader).await;
            Some(end)
        }
        broken = &mut reader => Some(match broken {
            // It may have ended because it was no longer read; the reason for that says more.
            Ok(TOO_LONG) => TOO_LONG.to_owned(),
            broken => family.name_end(broken.ok()).await,
        }),
        broken = &mut writer => Some(family.name_end(broken.ok()).await),
    };
    match ended {
        Some(reason) => peer.end(&reason, true),
        None => peer.end("the connection was closed", false),
    }
    family.end().await;
    let _ = timeout(LAST_WORDS, &mut logger).await;
    // A process that could not be found may still hold the pipes open.
    reader.abort();
    writer.abort();
    logger.abort();
    peer.gone.cancel();
}

/// A child and the processes that it started.
struct Family(Kept);

impl Family {
    /// Waits until the child and its processes have ended, and says how the child ended.
    async fn ended(&mut self) -> String {
        match self.0.ended().await {
            Ok(status) => format!("the upstream's process ended ({status})"),
            Err(_) => "the upstream's process ended".to_owned(),
        }
    }

    /// A stream often closes a moment before its process ends; how that ended says more.
    async fn name_end(&mut self, broken: Option<&'static str>) -> String {
        let broken = broken.unwrap_or("the upstream's process broke");
        let ended = timeout(LAST_WORDS, self.ended()).await;
        ended.unwrap_or_else(|_| broken.to_owned())
    }

    /// Ends the child, first gently: its input is closed already, or about to be.
    async fn end(&mut self) {
        if timeout(FAREWELL, self.ended()).await.is_ok() {
            return;
        }
        self.0.end();
        if timeout(TERMINATION, self.ended()).await.is_err() {
            self.0.kill();
            self.ended().await;
        }
    }
}

/// Writes until the child stops reading or is over, then closes its input.
async fn write(stdin: Option<ChildStdin>, mut outgoing: mpsc::Receiver<Outgoing>, peer: Arc<Peer>) -> &'static str {
    let writing = async {
        let Some(mut stdin) = stdin else { return };
        while let Some(Outgoing { line, request }) = outgoing.recv().await {
            if let Some((id, departure)) = request
                && let Err(why) = departure.leave()
            {
                peer.settle(id, Err(why));
                continue;
            }
            if stdin.write_all(&line).await.is_err() {
                return;
            }
        }
    };
    peer.over.run_until_cancelled(writing).await;
    "the upstream's process closed its input"
}

async fn read(stdout: Option<ChildStdout>, peer: Arc<Peer>) -> &'static str {
    let Some(stdout) = stdout else {
        return "the upstream's process has no output";
    };
    let mut reader = BufReader::with_capacity(64 * 1024, stdout);
    let mut line = Vec::new();
    loop {
        match read_line(&mut reader, &mut line, MESSAGE_LIMIT).await {
            Ok(Line::Whole) => {
                let answers = !line.iter().all(u8::is_ascii_whitespace) && peer.receive(&line);
                if !answers {
                    peer.observer.pace.keep(line.len()).await;
                }
            }
            // It is not known whose answer it was.
            Ok(Line::Cut) => return TOO_LONG,
            Ok(Line::End) | Err(_) => return "the upstream's process closed its output",
        }
        // One huge message must not keep its memory for ever.
        if line.capacity() > 1024 * 1024 {
            line = Vec::new();
        }
    }
}

async fn log<R: AsyncRead + Unpin>(stderr: Option<R>, observer: Arc<Observer>) {
    let Some(stderr) = stderr else { return };
    let mut reader = BufReader::new(stderr);
    let mut line = Vec::new();
    let window = observer.secrets.window(Log::LINE_LENGTH);
    // A pace of its own: a child that logs much must not answer more slowly.
    let pace = Pace::default();
    loop {
        let read = read_line(&mut reader, &mut line, window).await;
        let Ok(read @ (Line::Whole | Line::Cut)) = read else { return };
        observer.log(&String::from_utf8_lossy(&line));
        pace.pass_over(1, line.len()).await;
        if read == Line::Cut && skip_line(&mut reader, &pace).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics fails")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_log_without_end_is_read_no_faster_than_it_may_come() {
        for endless in ["\n".repeat(200_000), "line\n".repeat(200_000), "x".repeat(40_000_000)] {
            let reading = log(Some(endless.as_bytes()), Arc::new(Observer::of_nothing()));
            assert!(timeout(Duration::from_millis(50), reading).await.is_err(), "it is read at once");
        }
    }

    #[tokio::test]
    async fn a_message_over_the_bound_ends_the_reading_where_the_bound_is() {
        let mut reader = BufReader::with_capacity(64 * 1024, tokio::io::repeat(b'x'));
        let mut line = Vec::new();
        let read = timeout(Duration::from_secs(20), read_line(&mut reader, &mut line, MESSAGE_LIMIT)).await;
        assert_eq!(read.unwrap().unwrap(), Line::Cut, "though the line never ends");
    }

    #[test]
    fn a_command_is_found_in_the_childs_path() {
        let found = find("sh", &surroundings::path(&[])).unwrap();
        assert!(found.is_absolute());
        assert!(found.ends_with("sh"));
    }

    #[test]
    fn a_command_that_is_not_there_is_named() {
        let reason = find("no-such-command-anywhere", OsStr::new("/usr/bin:/bin")).unwrap_err();
        assert!(reason.contains("no-such-command-anywhere"), "{reason}");
        assert!(find("relative/command", OsStr::new("/")).is_err());
        assert!(find("", OsStr::new("/")).is_err());
        assert!(find("sh", OsStr::new("/opt/elsewhere")).is_ok(), "it stands in the gateway's own PATH");
    }
}
