//! Keeps what this process knows from other processes of the same user, its own children above all.

use std::{env, io, os::unix::ffi::OsStrExt, ptr};

use nix::{libc, sys::prctl::set_dumpable};

/// Makes this process's memory, environment and open files unreadable to processes of the same user
/// (`PR_SET_DUMPABLE`, see prctl(2) and proc(5)), and empties `/proc/<pid>/environ`, which root could still
/// read. The variables stay where [`env::var`] finds them. There are no core dumps any more.
///
/// # Safety
/// No other thread may run yet: call it first in `main`.
///
/// # Errors
/// When the system refuses.
#[allow(unsafe_code, reason = "passes its own condition on")]
pub unsafe fn conceal() -> io::Result<()> {
    set_dumpable(false)?;
    // SAFETY: the caller promises that no other thread runs.
    unsafe { move_environment() };
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
