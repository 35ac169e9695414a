//! Child processes that do not outlive this one, however it ends. [`keeper`] also ends what they started themselves,
//! for programs that are not ours.
//!
//! `PR_SET_PDEATHSIG` follows the *thread* that forked (prctl(2)), and runtimes end their threads
//! when idle. So one thread, which lives as long as the process, does all the spawning.
//!
//! Also as whom they run, and what they may not see of this process.

mod conceal;
pub mod keeper;
mod system_user;

use std::{
    io,
    os::unix::process::CommandExt,
    panic::{AssertUnwindSafe, catch_unwind},
    process::{Child, Command},
    sync::{OnceLock, mpsc},
    thread,
};

use nix::{
    errno::Errno,
    sys::{
        prctl::{set_no_new_privs, set_pdeathsig},
        signal::{Signal, killpg},
    },
    unistd::{Pid, getpid, getppid, setsid},
};

pub use conceal::conceal;
pub use system_user::SystemUser;

/// Spawns `command` in a session and a process group of its own. The kernel sends it `on_parent_death` when this
/// process ends, even by `SIGKILL`. It has no terminal, so that a Ctrl-C does not reach it and it can type into none:
/// whoever spawns it ends it. Neither it nor what it starts gains rights by set-uid programs or file capabilities
/// (`PR_SET_NO_NEW_PRIVS`, prctl(2)). The command must not ask for a process group itself.
///
/// The signal is lost if the program changes its user id or is set-uid; [`Command::uid`] is fine, as
/// it takes effect before.
///
/// # Errors
/// As [`Command::spawn`].
pub fn spawn(mut command: Command, on_parent_death: Signal) -> io::Result<Child> {
    leash(&mut command, on_parent_death);
    let (tell, told) = mpsc::sync_channel(1);
    on_spawner(move || drop(tell.send(command.spawn())))?;
    told.recv().map_err(|_| panicked())?
}

/// Sends `signal` to the child `pid` and to everything in its process group. A group that is already
/// gone is not an error.
///
/// Call it only for a child from this module that has not been waited for: afterwards the number may
/// belong to someone else.
///
/// # Errors
/// `InvalidInput` for 0 and 1, which mean our own group and every process there is (kill(2)), and what
/// the system answers, such as a group that is not ours to signal.
pub fn end_group(pid: u32, signal: Signal) -> io::Result<()> {
    let group = i32::try_from(pid).ok().filter(|pid| *pid > 1).ok_or(io::ErrorKind::InvalidInput)?;
    match killpg(Pid::from_raw(group), signal) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

#[allow(unsafe_code, reason = "only code between fork and exec can ask for the death signal")]
fn leash(command: &mut Command, on_parent_death: Signal) {
    let parent = getpid();
    let ask = move || {
        // Its group has the child's number too. A child that kept our terminal could type into it (TIOCSTI, tty_ioctl(4))
        // what our shell reads after us.
        setsid()?;
        set_no_new_privs()?;
        set_pdeathsig(on_parent_death)?;
        // A parent that died before the line above sends nothing any more.
        if getppid() == parent { Ok(()) } else { Err(Errno::ESRCH.into()) }
    };
    // SAFETY: `ask` makes system calls and an error from a number: it neither allocates nor locks.
    unsafe { command.pre_exec(ask) };
}

type Job = Box<dyn FnOnce() + Send>;

fn on_spawner(job: impl FnOnce() + Send + 'static) -> io::Result<()> {
    static SPAWNER: OnceLock<io::Result<mpsc::Sender<Job>>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (jobs, inbox) = mpsc::channel::<Job>();
        thread::Builder::new().name("spawner".into()).spawn(move || {
            for job in inbox {
                // If this thread ended, so would every child.
                drop(catch_unwind(AssertUnwindSafe(job)));
            }
        })?;
        Ok(jobs)
    });
    match spawner {
        Ok(jobs) => jobs.send(Box::new(job)).map_err(|_| panicked()),
        Err(error) => Err(io::Error::new(error.kind(), format!("cannot start the thread that spawns: {error}"))),
    }
}

fn panicked() -> io::Error {
    io::Error::other("spawning a child process panicked")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::{
        io::Read,
        os::unix::process::ExitStatusExt,
        process::Stdio,
        time::{Duration, Instant},
    };

    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).stdout(Stdio::piped()).stdin(Stdio::null());
        command
    }

    #[test]
    fn a_child_outlives_the_thread_that_asked_for_it() {
        let mut child = thread::spawn(|| spawn(sh("sleep 0.3; echo done"), Signal::SIGKILL).unwrap()).join().unwrap();
        let mut said = String::new();
        child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(child.wait().unwrap().success());
        assert_eq!(said, "done\n");
    }

    #[test]
    fn ending_a_group_ends_grandchildren_too() {
        let mut child = spawn(sh("sleep 60 & echo started; wait"), Signal::SIGKILL).unwrap();
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut [0; 8]).unwrap();
        let before = Instant::now();
        end_group(child.id(), Signal::SIGKILL).unwrap();
        // The pipe is held by the grandchild as well: it closes when both are gone.
        stdout.read_to_end(&mut Vec::new()).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(Signal::SIGKILL as i32));
        assert!(before.elapsed() < Duration::from_secs(30));
        end_group(child.id(), Signal::SIGKILL).unwrap();
    }

    #[test]
    fn a_child_has_a_session_of_its_own_no_terminal_and_gains_no_rights() {
        let script = "cat /proc/$$/stat; grep NoNewPrivs /proc/$$/status";
        let child = spawn(sh(script), Signal::SIGKILL).unwrap();
        let pid = child.id().to_string();
        let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        // After the name in parentheses: state, parent, group, session, terminal (proc_pid_stat(5)).
        let (_, numbers) = said.split_once(") ").unwrap();
        let numbers: Vec<&str> = numbers.split(' ').take(5).collect();
        assert_eq!(numbers[2..], [pid.as_str(), &pid, "0"], "{said}");
        assert!(said.ends_with("NoNewPrivs:\t1\n"), "{said}");
    }

    #[test]
    fn numbers_that_mean_everyone_are_refused() {
        for pid in [0, 1, u32::MAX] {
            assert_eq!(end_group(pid, Signal::SIGCONT).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn a_missing_program_is_an_error_and_the_next_child_still_starts() {
        let missing = spawn(Command::new("/nonexistent/program"), Signal::SIGKILL).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        assert!(spawn(sh("exit 0"), Signal::SIGKILL).unwrap().wait().unwrap().success());
    }
}
