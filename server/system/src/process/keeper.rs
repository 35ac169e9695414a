//! A keeper: a tiny process between this one and a child, which ends all that the child started, whatever its
//! group or session, once the child or this process has ended, even by `SIGKILL`.
//!
//! The child's program cannot be asked to do that, and a death signal reaches one process and not what it started.
//! The keeper is the parent of the child, and the kernel makes it the parent of every descendant whose own parent
//! ended (`PR_SET_CHILD_SUBREAPER`, prctl(2)). So nobody gets away by ending in between or by setsid(2), and a
//! process number that the keeper signals is always one of its own.
//!
//! What it cannot end: a program of another machine, container or service manager that a child asked to run, and
//! anything once the keeper itself was killed, as by a program of the same user that looks for it; then the child
//! ends with the keeper, and the gateway ends their process group.
//!
//! The keeper holds no secret: it gets neither environment, arguments nor open files of this process or of the
//! child, and does not change its user, so that a child of another user can neither signal nor look into it.

use std::{
    ffi::{CStr, CString, OsString},
    fs,
    io::{self, Write},
    os::{
        raw::c_char,
        unix::{ffi::OsStrExt, process::ExitStatusExt},
    },
    path::{Path, PathBuf},
    process::{ExitCode, ExitStatus},
    ptr,
    sync::OnceLock,
    thread,
    time::Duration,
};

use nix::{
    errno::Errno,
    libc,
    sys::{
        prctl::{set_child_subreaper, set_name, set_no_new_privs, set_pdeathsig},
        signal::{SigHandler, SigSet, SigmaskHow, Signal, kill, killpg, raise, signal, sigprocmask},
    },
    unistd::{ForkResult, Gid, Pid, Uid, alarm, chdir, fork, getpid, getppid, setgid, setgroups, setsid, setuid},
};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use super::{SystemUser, end_group, on_spawner, panicked};

/// What a keeper is called in lists of processes: not what the gateway is called, so that whoever ends the gateway
/// by its name leaves the keepers to their work.
const NAME: &CStr = c"keeper";
/// Asks a keeper to end its family. No program sends this one to its process group, which the keeper is in.
const END: Signal = Signal::SIGPWR;
/// How many seconds the family may take after SIGTERM before it is killed.
const TERMINATION: u32 = 2;

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Says which program becomes the keeper of children: one whose `main` calls [`keep`] first. The first word counts.
pub fn keep_with(program: impl Into<PathBuf>) {
    let _ = PROGRAM.set(program.into());
}

/// A child process under a keeper. When it is dropped, everything the child started is ended soon.
#[derive(Debug)]
pub struct Kept {
    keeper: Child,
    /// The process group of keeper and child. None once the keeper was waited for: its number may be another's then.
    group: Option<u32>,
}

impl Kept {
    /// Starts `command` in `directory` as `user`, or as this process does when there is none. The command must not
    /// set a user, a group or a directory itself.
    ///
    /// The child has no terminal, and neither it nor what it starts gains rights by set-uid programs or file
    /// capabilities (`PR_SET_NO_NEW_PRIVS`, prctl(2)).
    ///
    /// # Errors
    /// As [`std::process::Command::spawn`]; also when no program was named that keeps children ([`keep_with`]).
    pub async fn spawn(mut command: Command, user: Option<SystemUser>, directory: &Path) -> io::Result<Self> {
        let keeper = PROGRAM.get().ok_or_else(|| io::Error::other("no program was named that keeps children"))?;
        leash(
            command.as_std_mut(),
            Plan {
                keeper: CString::new(keeper.as_os_str().as_bytes())?,
                directory: CString::new(directory.as_os_str().as_bytes())?,
                user,
                gateway: getpid(),
            },
        );
        let runtime = tokio::runtime::Handle::current();
        let (tell, told) = tokio::sync::oneshot::channel();
        on_spawner(move || {
            let _inside = runtime.enter();
            let kept = command.spawn().map(|keeper| Self { group: keeper.id(), keeper });
            drop(tell.send(kept));
        })?;
        told.await.map_err(|_| panicked())?
    }

    /// The child's standard streams, those that the command asked for; each once.
    pub fn streams(&mut self) -> (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>) {
        (self.keeper.stdin.take(), self.keeper.stdout.take(), self.keeper.stderr.take())
    }

    /// Waits until the child and everything that it started have ended, and tells how the child did.
    ///
    /// # Errors
    /// When the system does not say.
    pub async fn ended(&mut self) -> io::Result<ExitStatus> {
        let status = self.keeper.wait().await;
        // A keeper that was killed left its group behind. Its number stays taken as long as the group has members,
        // and numbers are not used again at once: this meets those or nobody.
        self.kill();
        self.group = None;
        status
    }

    /// Asks the keeper to end them all: by SIGTERM to the child's process group, and two seconds later by SIGKILL to
    /// everything that is left.
    pub fn end(&self) {
        if let Some(group) = self.group.and_then(|group| i32::try_from(group).ok())
            && let Err(errno) = kill(Pid::from_raw(group), END)
            && errno != Errno::ESRCH
        {
            tracing::warn!(group, %errno, "a keeper cannot be signalled");
        }
    }

    /// Kills the process group, its keeper included: for a keeper that does not do its work.
    pub fn kill(&self) {
        if let Some(group) = self.group
            && let Err(error) = end_group(group, Signal::SIGKILL)
        {
            tracing::warn!(group, %error, "a process group cannot be signalled");
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.end();
    }
}

/// What has to be known between fork and exec, where nothing may be allocated.
struct Plan {
    keeper: CString,
    directory: CString,
    user: Option<SystemUser>,
    gateway: Pid,
}

#[allow(unsafe_code, reason = "only code between fork and exec can put a process between")]
fn leash(command: &mut std::process::Command, plan: Plan) {
    use std::os::unix::process::CommandExt;

    let split = move || {
        // Its group has the keeper's number too, and no terminal that it could type into (TIOCSTI, tty_ioctl(4)).
        setsid()?;
        set_no_new_privs()?;
        // Where the kernel has none, what lost its parent is out of reach.
        let _ = set_child_subreaper(true);
        let keeper = getpid();
        // SAFETY: the default is no function. Ignored, as it can be inherited, children would vanish unseen.
        unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) }?;
        // SAFETY: nothing but system calls follows on either side.
        match unsafe { fork() }? {
            ForkResult::Child => plan.become_child(keeper),
            ForkResult::Parent { child } => plan.become_keeper(child),
        }
    };
    // SAFETY: `split` makes system calls and errors from numbers: it neither allocates nor locks.
    unsafe { command.pre_exec(split) };
}

impl Plan {
    /// The rest is the standard library's, which then runs the command.
    fn become_child(&self, keeper: Pid) -> io::Result<()> {
        if let Some(user) = self.user {
            setgroups(&[])?;
            setgid(Gid::from_raw(user.gid))?;
            setuid(Uid::from_raw(user.uid))?;
        }
        chdir(self.directory.as_c_str())?;
        // After the change of user, which would undo it.
        set_pdeathsig(Signal::SIGKILL)?;
        // A keeper that died before the line above sends nothing any more.
        if getppid() == keeper { Ok(()) } else { Err(Errno::ESRCH.into()) }
    }

    /// Returns only when there can be no keeper; the child dies with the process then.
    #[allow(unsafe_code, reason = "a safe exec allocates")]
    fn become_keeper(&self, child: Pid) -> io::Result<()> {
        // Kept through exec: no signal may end a keeper before it waits for signals.
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None)?;
        let (mut first, mut second) = ([0; 16], [0; 16]);
        // The last byte stays zero, and ends the text.
        write!(&mut first[..15], "{child}")?;
        write!(&mut second[..15], "{}", self.gateway)?;
        let number = |text: &[u8; 16]| text.as_ptr().cast::<c_char>();
        let arguments = [NAME.as_ptr(), number(&first), number(&second), ptr::null()];
        let environment = [ptr::null::<c_char>()];
        // SAFETY: the streams are the child's, which has its own copies; the standard library opens /dev/null in
        // their place when the keeper starts. The arrays end with null and hold strings that outlive the call.
        unsafe {
            for stream in 0..3 {
                libc::close(stream);
            }
            libc::execve(self.keeper.as_ptr(), arguments.as_ptr(), environment.as_ptr());
        }
        Err(io::Error::last_os_error())
    }
}

/// If this process was started as a keeper: keeps the child until nothing of it is left, and gives the child's exit
/// code. A child that a signal ended has the keeper ended by the same. `None` in any other process.
///
/// To be called first in `main`, with the process's arguments.
pub fn keep(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut arguments = arguments.into_iter();
    let called = arguments.next()?;
    if called.as_bytes() != NAME.to_bytes() {
        return None;
    }
    let mut number = || arguments.next()?.to_str()?.parse().ok().map(Pid::from_raw);
    let (child, gateway) = (number()?, number()?);
    Some(attend(child, gateway))
}

fn attend(child: Pid, gateway: Pid) -> ExitCode {
    let signals = SigSet::all();
    // They are blocked already, unless a person plays.
    let _ = signals.thread_block();
    let _ = set_name(NAME);
    // Asked for here and not before: exec of a program with file capabilities would undo it.
    let asked = set_pdeathsig(END);
    let mut family = Family { child, status: None, terminating: false };
    if asked.is_err() || getppid() != gateway {
        family.terminate();
    }
    while family.reap() && family.status.is_none() {
        match signals.wait() {
            Ok(END) => family.terminate(),
            Ok(Signal::SIGALRM) => break,
            // A child ended, or a signal was for the group.
            Ok(_) | Err(_) => {}
        }
    }
    family.kill();
    family.exit()
}

/// What a keeper keeps.
struct Family {
    child: Pid,
    /// How the child ended.
    status: Option<ExitStatus>,
    terminating: bool,
}

impl Family {
    /// Begins to end it politely. The keeper is of the group, and lets that signal pass.
    fn terminate(&mut self) {
        // Asked a second time, the clock goes on: a child could ask without end.
        if !self.terminating {
            self.terminating = true;
            let _ = killpg(getpid(), Signal::SIGTERM);
            alarm::set(TERMINATION);
        }
    }

    /// Buries whoever has ended. `false`: nobody is left.
    #[allow(unsafe_code, reason = "nix refuses the status of a process that a real-time signal ended")]
    fn reap(&mut self) -> bool {
        loop {
            let mut status = 0;
            // SAFETY: it writes to the number that it is given.
            match unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) } {
                0 => return true,
                pid if pid == self.child.as_raw() => self.status = Some(ExitStatus::from_raw(status)),
                -1 if Errno::last() != Errno::EINTR => return false,
                _ => {}
            }
        }
    }

    /// Kills every child of the keeper until there is none: what a killed one leaves behind becomes the keeper's.
    /// It goes on as long as one is left, however fast they start others.
    fn kill(&mut self) {
        let mut pause = Duration::from_millis(1);
        while self.reap() {
            for child in children_of(getpid()) {
                let _ = kill(child, Signal::SIGKILL);
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }

    /// Ends as the child did.
    #[allow(unsafe_code, reason = "a signal handler is the standard library's, and has to go")]
    fn exit(&self) -> ExitCode {
        let Some(status) = self.status else { return ExitCode::FAILURE };
        if let Some(Ok(ended_by)) = status.signal().map(Signal::try_from) {
            let mut only = SigSet::empty();
            only.add(ended_by);
            // SAFETY: the default is no function.
            let _ = unsafe { signal(ended_by, SigHandler::SigDfl) };
            let _ = raise(ended_by);
            let _ = only.thread_unblock();
        }
        status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
    }
}

/// All processes whose parent is `parent` (proc_pid_stat(5)). Those that cannot be seen are left out.
fn children_of(parent: Pid) -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let children = numbers.filter(|pid: &i32| {
        let Ok(stat) = fs::read(format!("/proc/{pid}/stat")) else { return false };
        // The name in parentheses is the process's own to choose, parentheses included.
        let after = stat.iter().rposition(|byte| *byte == b')').and_then(|end| stat.get(end + 1..));
        let numbers = after.and_then(|after| std::str::from_utf8(after).ok());
        // State, parent.
        numbers.and_then(|numbers| numbers.split_whitespace().nth(1)?.parse().ok()) == Some(parent.as_raw())
    });
    children.map(Pid::from_raw).collect()
}
