//! Makes what a browser loads out of the console's WebAssembly file:
//!
//! ```text
//! bundle <console.wasm> <console directory> <output directory> [--fast]
//! ```
//!
//! WebAssembly by groups of pages and its bindings, in a directory that is named by all of them, since they fit only each
//! other; style sheets joined into one; every other file but `index.html` named by its content. So everything but
//! `index.html` may be cached for ever. Everything is written so that it compresses well (`compact`), with a Brotli and a
//! gzip copy beside each. Prints the sizes, and fails when one is over its limit. `--fast` leaves out all of this, for
//! development.
//!
//! The output directory is replaced whole at the end: a server that reads from it never sees half.

mod compact;
mod dist;
mod fonts;
mod order;
mod split;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use self::dist::Dist;

/// Joined in this order, for every page: typeface and tokens first, what holds for all rooms last.
const STYLES: &[&str] = &["font.css", "tokens.css", "kit.css", "shell.css", "inbox.css", "phone.css", "forced.css"];
/// Joined in this order, for the pages that are loaded in groups, and for paper. The console asks for it when the first of
/// those pages is opened, or once it is idle.
const ROOM_STYLES: &[&str] = &["audit.css", "door.css", "people.css", "print.css"];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (paths, flags): (Vec<_>, Vec<_>) = arguments.iter().partition(|argument| !argument.starts_with("--"));
    let [wasm, console, output] = paths.as_slice() else {
        bail!("usage: bundle <console.wasm> <console directory> <output directory> [--fast]");
    };
    let fast = flags.iter().any(|flag| *flag == "--fast");
    let (console, output) = (Path::new(console), PathBuf::from(output));
    let (building, modules) = (output.with_extension("new"), output.with_extension("modules"));
    for directory in [&building, &modules] {
        if directory.exists() {
            fs::remove_dir_all(directory)?;
        }
    }
    let mut dist = Dist::new(&building, fast)?;
    let groups = split::split(Path::new(wasm), &modules, fast)?;
    let build = dist.together("console", &modules)?;
    let (script, module) = (format!("{build}/{}", split::SCRIPT), format!("{build}/{}", split::MODULE));
    let start = String::from_utf8(read(&console.join("start.js"))?)?;
    let start = fill(&start, &[("console.js", &script), ("console.wasm", &module)])?;
    let start = dist.asset("start", "js", start.as_bytes())?;
    let theme = dist.asset("theme", "js", &read(&console.join("theme.js"))?)?;
    let fonts = dist.together("fonts", &console.join("fonts"))?;
    let styles = fonts::addressed(&joined(console, STYLES, fast)?, &fonts)?;
    let styles = dist.asset("console", "css", styles.as_bytes())?;
    let rooms = dist.asset("rooms", "css", joined(console, ROOM_STYLES, fast)?.as_bytes())?;
    let icon = dist.asset("icon", "svg", &read(&console.join("icon.svg"))?)?;

    let page = String::from_utf8(read(&console.join("index.html"))?)?;
    let loader = format!("{build}/{}", split::GROUPS);
    let names = [
        ("theme.js", &theme),
        ("start.js", &start),
        ("console.js", &script),
        ("groups.js", &loader),
        ("console.wasm", &module),
        ("console.css", &styles),
        ("rooms.css", &rooms),
        ("icon.svg", &icon),
    ];
    let page = fill(&page, &names)?;
    dist.write("index.html", page.as_bytes())?;
    fs::remove_dir_all(modules)?;
    replace(&building, &output)?;
    if fast { Ok(()) } else { dist.judge(&build, &groups, &rooms, &fonts) }
}

/// The style sheets as one. `fast`: as people wrote them.
fn joined(console: &Path, names: &[&str], fast: bool) -> Result<String> {
    let mut styles = Vec::new();
    for name in names {
        styles.extend(read(&console.join("styles").join(name))?);
    }
    let styles = String::from_utf8(styles)?;
    Ok(if fast { styles } else { compact::styles(&styles) })
}

/// Puts what was built in the place of what was built before.
fn replace(building: &Path, output: &Path) -> Result<()> {
    let old = output.with_extension("old");
    if output.exists() {
        fs::rename(output, &old)?;
    }
    fs::rename(building, output)?;
    if old.exists() {
        fs::remove_dir_all(&old)?;
    }
    Ok(())
}

/// Puts addresses where a text names the files, in quotes; each must be named.
fn fill(text: &str, names: &[(&str, &String)]) -> Result<String> {
    let mut text = text.to_owned();
    for (name, address) in names {
        let quoted = format!("\"{name}\"");
        if !text.contains(&quoted) {
            bail!("nothing names {name}");
        }
        text = text.replace(&quoted, &format!("\"{address}\""));
    }
    Ok(text)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("reading {}", path.display()))
}
