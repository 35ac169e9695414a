//! The `permesso` command.

use std::process::ExitCode;

use permesso::app::console::Console;

/// The console's files, as `just console` made them. In a development build they are read anew each
/// time; without them, the program says how they are made.
#[derive(rust_embed::RustEmbed)]
#[folder = "../console/dist"]
#[allow_missing = true]
struct Files;

fn main() -> ExitCode {
    permesso::cli::run(Console::new(|path| <Files as rust_embed::RustEmbed>::get(path).map(|file| file.data)))
}
