//! The `permesso` command.

use std::process::ExitCode;

use permesso::app::console::Console;
use permesso::process::keeper;

/// The console's files, as `just console` made them. In a development build they are read anew each
/// time; without them, the program says how they are made.
#[derive(rust_embed::RustEmbed)]
#[folder = "../console/dist"]
#[allow_missing = true]
struct Files;

#[allow(unsafe_code, reason = "what must come before any thread can only be promised")]
fn main() -> ExitCode {
    // SAFETY: nothing has started a thread yet.
    if let Err(error) = unsafe { permesso::process::conceal() } {
        eprintln!("permesso: cannot keep its memory from other processes: {error}");
        return ExitCode::FAILURE;
    }
    if let Some(ended) = keeper::keep(std::env::args_os()) {
        return ended;
    }
    // This program, whatever has become of its file.
    keeper::keep_with("/proc/self/exe");
    permesso::cli::run(Console::new(|path| <Files as rust_embed::RustEmbed>::get(path).map(|file| file.data)))
}
