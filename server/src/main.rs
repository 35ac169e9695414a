//! The `permesso` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    permesso::cli::run()
}
