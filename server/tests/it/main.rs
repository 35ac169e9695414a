//! Integration tests: one binary.
mod upstream;
