//! The `permesso` command.
fn main() {}
