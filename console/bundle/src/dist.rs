//! The files as they are served, what each weighs, and what they may weigh (the console's contract).

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::{fonts, read, split::Groups};

/// What the inbox may load, in bytes after Brotli: everything but the groups. Most of it is Leptos compiled anew for every
/// type that is shown or followed (`console/src/reactive.rs`), and JSON.
const INBOX: usize = 345_000;
/// What opening a page of a group may load beyond that.
const GROUP: usize = 75_000;
/// What all files together may weigh.
const ALL: usize = 900_000;
/// What the typeface of every page may weigh. It has a limit of its own and is no part of [`INBOX`], because nothing waits
/// for it: text is shown at once in the system's font (`font-display: swap`), and the browser keeps the file over all
/// releases of the console. Its second file is loaded only where a page has a character of it.
const TYPEFACE: usize = 60_000;

/// The files that were written.
pub(crate) struct Dist {
    directory: PathBuf,
    fast: bool,
    /// By address, what each weighs as it is sent: after Brotli, but for what is compressed already.
    sizes: BTreeMap<String, usize>,
}

impl Dist {
    /// Nothing yet, in a new directory. `fast`: without compressed copies, so that nothing is weighed.
    pub(crate) fn new(directory: &Path, fast: bool) -> Result<Self> {
        fs::create_dir_all(directory.join("assets"))?;
        Ok(Self { directory: directory.to_owned(), fast, sizes: BTreeMap::new() })
    }

    /// Writes a file that is named by its content, and returns its address.
    pub(crate) fn asset(&mut self, name: &str, extension: &str, content: &[u8]) -> Result<String> {
        let path = format!("assets/{name}-{}.{extension}", hash(&Sha256::digest(content)));
        self.write(&path, content)?;
        Ok(format!("/{path}"))
    }

    /// Writes the files of a directory, under their own names, into one that is named by the content of all of them, and
    /// returns its address.
    pub(crate) fn together(&mut self, name: &str, from: &Path) -> Result<String> {
        let mut files = Vec::new();
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            files.push((entry.file_name().to_string_lossy().into_owned(), read(&entry.path())?));
        }
        files.sort();
        let mut digest = Sha256::new();
        for (file, content) in &files {
            digest.update(file);
            digest.update(Sha256::digest(content));
        }
        let path = format!("assets/{name}-{}", hash(&digest.finalize()));
        fs::create_dir_all(self.directory.join(&path))?;
        for (file, content) in &files {
            self.write(&format!("{path}/{file}"), content)?;
        }
        Ok(format!("/{path}"))
    }

    /// Writes a file, and its compressed copies beside it unless it is compressed already.
    pub(crate) fn write(&mut self, path: &str, content: &[u8]) -> Result<()> {
        fs::write(self.directory.join(path), content)?;
        if self.fast {
            return Ok(());
        }
        if path.ends_with(".woff2") {
            self.weighs(path, content.len(), content.len());
            return Ok(());
        }
        let mut brotli = Vec::new();
        brotli::BrotliCompress(
            &mut &content[..],
            &mut brotli,
            &brotli::enc::BrotliEncoderParams {
                quality: 11,
                lgwin: 22,
                size_hint: content.len(),
                ..Default::default()
            },
        )?;
        fs::write(self.directory.join(format!("{path}.br")), &brotli)?;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(content)?;
        fs::write(self.directory.join(format!("{path}.gz")), gzip.finish()?)?;
        self.weighs(path, content.len(), brotli.len());
        Ok(())
    }

    fn weighs(&mut self, path: &str, before: usize, sent: usize) {
        println!("{before:>8} {sent:>8} {path}");
        self.sizes.insert(format!("/{path}"), sent);
    }

    /// Prints what is loaded when, and fails where that is over its limit. The files of the groups are those of the
    /// build, and `rooms` is the style sheet that comes with the first of them; `typeface` is the address of the directory
    /// with its files.
    pub(crate) fn judge(&self, build: &str, groups: &Groups, rooms: &str, typeface: &str) -> Result<()> {
        let mut rows = Vec::new();
        let styles = *self.sizes.get(rooms).context("the style sheet of the rooms was not written")?;
        let mut of_groups = BTreeMap::new();
        for (group, files) in groups {
            let mut sizes = BTreeMap::new();
            for file in files {
                let size =
                    self.sizes.get(&format!("{build}/{file}")).with_context(|| format!("{file} was not written"))?;
                sizes.insert(file, *size);
            }
            rows.push((format!("the group {group}"), sizes.values().sum::<usize>() + styles, GROUP));
            of_groups.extend(sizes);
        }
        let all = self.sizes.values().sum::<usize>();
        let of_typeface = self.sizes.iter().filter(|(address, _)| address.starts_with(typeface));
        let of_typeface = of_typeface.map(|(_, size)| size).sum::<usize>();
        let everywhere = self.sizes.get(&format!("{typeface}/{}", fonts::TYPEFACE));
        rows.push(("the typeface".to_owned(), *everywhere.context("the typeface was not written")?, TYPEFACE));
        rows.push(("the inbox".to_owned(), all - of_groups.values().sum::<usize>() - styles - of_typeface, INBOX));
        rows.push(("everything".to_owned(), all, ALL));
        println!("the console, after Brotli:");
        for (what, size, limit) in &rows {
            println!("{:>6.1} kB of at most {:>3}: {what}", *size as f64 / 1000.0, limit / 1000);
        }
        let over: Vec<_> =
            rows.iter().filter(|(_, size, limit)| size > limit).map(|(what, ..)| what.as_str()).collect();
        if !over.is_empty() {
            bail!("the console has become too large: {}", over.join(", "));
        }
        Ok(())
    }
}

/// The beginning of a hash: enough to tell builds apart.
fn hash(digest: &[u8]) -> String {
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
