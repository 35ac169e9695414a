//! Makes what a browser loads out of the console's WebAssembly file:
//!
//! ```text
//! bundle <console.wasm> <console directory> <output directory> [--fast]
//! ```
//!
//! Bindings by wasm-bindgen; style sheets joined into one; every file but `index.html` named by its
//! content, so that it may be cached for ever; a Brotli and a gzip copy beside each. Prints the sizes.
//! `--fast` leaves out the copies, for development.
//!
//! The output directory is replaced whole at the end: a server that reads from it never sees half.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

/// Joined in this order: tokens first, pages last.
const STYLES: &[&str] = &[
    "tokens.css",
    "base.css",
    "components.css",
    "tree.css",
    "shell.css",
    "pages.css",
    "inbox.css",
    "audit.css",
    "people.css",
    "forced.css",
    "print.css",
];

/// What the whole application's WebAssembly may weigh, in bytes after Brotli (the console's contract).
const LIMIT: usize = 450_000;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (paths, flags): (Vec<_>, Vec<_>) = arguments.iter().partition(|argument| !argument.starts_with("--"));
    let [wasm, console, output] = paths.as_slice() else {
        bail!("usage: bundle <console.wasm> <console directory> <output directory> [--fast]");
    };
    let fast = flags.iter().any(|flag| *flag == "--fast");
    let (console, output) = (Path::new(console), PathBuf::from(output));
    let building = output.with_extension("new");
    if building.exists() {
        fs::remove_dir_all(&building)?;
    }
    let mut dist = Dist { directory: building.clone(), fast, total: 0 };
    fs::create_dir_all(building.join("assets"))?;

    let bindings = bind(Path::new(wasm), &building.join("bindgen"))?;
    let module = dist.asset("console", "wasm", &bindings.wasm)?;
    let wasm_size = dist.total;
    let script = dist.asset("console", "js", &bindings.script)?;
    let start = String::from_utf8(read(&console.join("start.js"))?)?;
    let start = fill(&start, &[("console.js", &script), ("console.wasm", &module)])?;
    let start = dist.asset("start", "js", start.as_bytes())?;
    let theme = dist.asset("theme", "js", &read(&console.join("theme.js"))?)?;
    let mut styles = Vec::new();
    for name in STYLES {
        styles.extend(read(&console.join("styles").join(name))?);
    }
    let styles = dist.asset("console", "css", &styles)?;
    let icon = dist.asset("icon", "svg", &read(&console.join("icon.svg"))?)?;

    let page = String::from_utf8(read(&console.join("index.html"))?)?;
    let names = [
        ("theme.js", &theme),
        ("start.js", &start),
        ("console.js", &script),
        ("console.wasm", &module),
        ("console.css", &styles),
        ("icon.svg", &icon),
    ];
    let page = fill(&page, &names)?;
    dist.write("index.html", page.as_bytes())?;

    fs::remove_dir_all(building.join("bindgen"))?;
    let old = output.with_extension("old");
    if output.exists() {
        fs::rename(&output, &old)?;
    }
    fs::rename(&building, &output)?;
    if old.exists() {
        fs::remove_dir_all(&old)?;
    }
    if !fast {
        println!(
            "console: {} kB in all, its WebAssembly {} kB of at most {} kB (Brotli)",
            dist.total / 1000,
            wasm_size / 1000,
            LIMIT / 1000
        );
        if wasm_size > LIMIT {
            bail!("the console's WebAssembly has become too large");
        }
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

struct Bindings {
    wasm: Vec<u8>,
    script: Vec<u8>,
}

fn bind(wasm: &Path, directory: &Path) -> Result<Bindings> {
    wasm_bindgen_cli_support::Bindgen::new()
        .input_path(wasm)
        .web(true)?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(directory)?;
    Ok(Bindings { wasm: read(&directory.join("console_bg.wasm"))?, script: read(&directory.join("console.js"))? })
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("reading {}", path.display()))
}

struct Dist {
    directory: PathBuf,
    fast: bool,
    /// Bytes written, as Brotli has them.
    total: usize,
}

impl Dist {
    /// Writes a file that is named by its content, and returns its address.
    fn asset(&mut self, name: &str, extension: &str, content: &[u8]) -> Result<String> {
        let digest = Sha256::digest(content);
        let hash: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let path = format!("assets/{name}-{hash}.{extension}");
        self.write(&path, content)?;
        Ok(format!("/{path}"))
    }

    fn write(&mut self, path: &str, content: &[u8]) -> Result<()> {
        let file = self.directory.join(path);
        fs::write(&file, content)?;
        if self.fast {
            return Ok(());
        }
        let mut brotli = Vec::new();
        brotli::BrotliCompress(
            &mut &content[..],
            &mut brotli,
            &brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, ..Default::default() },
        )?;
        fs::write(self.directory.join(format!("{path}.br")), &brotli)?;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(content)?;
        fs::write(self.directory.join(format!("{path}.gz")), gzip.finish()?)?;
        println!("{:>8} {:>8} {path}", content.len(), brotli.len());
        self.total += brotli.len();
        Ok(())
    }
}
