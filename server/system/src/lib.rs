//! What comes from the operating system, each in one place: the time, random bytes, child processes.

pub mod clock;
pub mod process;
pub mod random;
