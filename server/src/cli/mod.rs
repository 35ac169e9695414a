//! The command line.
pub mod sample_upstream;
