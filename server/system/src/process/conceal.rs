//! Keeps what this process knows from other processes of the same user, its own children above all.

use std::{
    env, fs, io,
    os::{
        fd::{BorrowedFd, RawFd},
        unix::ffi::OsStrExt,
    },
    ptr,
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, FdFlag, fcntl},
    libc,
    sys::prctl::set_dumpable,
};

/// Makes this process's memory, environment and open files unreadable to processes of the same user
/// (`PR_SET_DUMPABLE`, see prctl(2) and proc(5)), and empties `/proc/<pid>/environ`, which root could still
/// read. The variables stay where [`env::var`] finds them. Files that were handed to this process open, such as
/// a secret behind `/dev/fd/3`, are not handed on to children. There are no core dumps any more.
///
/// # Safety
/// No other thread may run yet: call it first in `main`.
///
/// # Errors
/// When the system refuses, or there is no `/proc`.
#[allow(unsafe_code, reason = "passes its own condition on")]
pub unsafe fn conceal() -> io::Result<()> {
    set_dumpable(false)?;
    // SAFETY: the caller promises that no other thread runs.
    unsafe { move_environment() };
    keep_files()
}

/// Has every open file but the three standard streams closed in children. What is opened later is so anyway.
fn keep_files() -> io::Result<()> {
    let names: Vec<_> = fs::read_dir("/proc/self/fd")?.flatten().map(|entry| entry.file_name()).collect();
    for fd in names.iter().filter_map(|name| name.to_str()?.parse::<RawFd>().ok()).filter(|fd| *fd > 2) {
        #[allow(unsafe_code, reason = "a number is all that is known of what was inherited")]
        // SAFETY: it was open a moment ago, and nobody else opens or closes anything; the list's own, which is
        // closed, is only asked about.
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        match fcntl(fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)) {
            Ok(_) | Err(Errno::EBADF) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// `/proc/<pid>/environ` shows the block that the kernel made at `exec`, whatever is set or removed later. So
/// the block is overwritten whole, which no variable can escape, and the variables move to the heap.
///
/// # Safety
/// No other thread may run.
#[allow(unsafe_code, reason = "only the C library's `environ` says where the block is")]
unsafe fn move_environment() {
    let variables: Vec<_> = env::vars_os().collect();
    // SAFETY: nobody else reads or writes the environment, as the caller promises. `environ` is null or an array
    // that ends with null, of C strings that are writable up to their end (environ(7)).
    unsafe {
        let mut entry = libc::environ;
        while !entry.is_null() && !(*entry).is_null() {
            ptr::write_bytes(*entry, 0, libc::strlen(*entry));
            entry = entry.add(1);
        }
        libc::clearenv();
    }
    // Of two variables of one name, programs see the first.
    for (name, value) in variables.into_iter().rev() {
        // A name that begins with `=` can be inherited but not set.
        if !name.as_bytes().contains(&b'=') {
            // SAFETY: as above.
            unsafe { env::set_var(name, value) };
        }
    }
}
