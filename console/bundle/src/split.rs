//! WebAssembly with its bindings, and one file for every group of pages (`console/src/app/groups.rs`).

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, anyhow};
use wasm_bindgen_cli_support::Bindgen;
use wasm_encoder::{RawSection, Section};
use wasmparser::{Parser, Payload};

use crate::read;

/// The script that the page starts.
pub(crate) const SCRIPT: &str = "console.js";
/// What that script loads.
pub(crate) const MODULE: &str = "console_bg.wasm";

/// What that loads besides the main file: where the groups are.
pub(crate) const GROUPS: &str = "groups.js";

/// The groups of pages by their names, and the files that opening one loads.
pub(crate) type Groups = BTreeMap<String, Vec<String>>;

/// Writes the files into the directory. They name each other, and fit only each other.
pub(crate) fn split(wasm: &Path, directory: &Path) -> Result<Groups> {
    fs::create_dir_all(directory)?;
    let main = directory.join("console.wasm");
    let linked = read(wasm)?;
    let mut options = wasm_split_cli_support::Options::new(&linked);
    options.output_dir = directory;
    options.main_out_path = &main;
    options.link_name = "./groups.js";
    options.main_module = "./console.js";
    let split = wasm_split_cli_support::transform(options).map_err(|error| anyhow!("{error:?}"))?;
    for file in split.split_modules {
        let stripped = strip(&read(&file)?)?;
        fs::write(file, stripped)?;
    }
    Bindgen::new()
        .input_path(&main)
        .out_name("console")
        .web(true)?
        .typescript(false)
        .demangle(false)
        // By their names the groups find what they share with the main file.
        .keep_lld_exports(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(directory)?;
    fs::remove_file(&main)?;
    let named = |stem: String| format!("{stem}.wasm");
    Ok(split.prefetch_map.into_iter().map(|(group, files)| (group, files.into_iter().map(named).collect())).collect())
}

/// A module without its custom sections: names, and what the linker wanted to know.
fn strip(module: &[u8]) -> Result<Vec<u8>> {
    let mut stripped = wasm_encoder::Module::HEADER.to_vec();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        if matches!(payload, Payload::CustomSection(_)) {
            continue;
        }
        if let Some((id, range)) = payload.as_section() {
            let range = usize::try_from(range.start)?..usize::try_from(range.end)?;
            let data = module.get(range).context("a section beyond the end of its module")?;
            RawSection { id, data }.append_to(&mut stripped);
        }
    }
    Ok(stripped)
}
