//! How things are put into words and lines. No browser, no server: all of it is tested on the machine
//! that builds it.

pub mod time;

pub mod marks;
