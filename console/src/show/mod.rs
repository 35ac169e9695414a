//! How things are put into words and lines. No browser, no server: all of it is tested on the machine
//! that builds it.

pub mod compare;
pub mod folding;
pub mod json;
pub mod outline;
pub mod sorted;
pub mod time;
pub mod values;
pub mod words;

pub use domain::marks;
