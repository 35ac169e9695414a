//! WebAssembly with its bindings, and one file for every group of pages (`console/src/app/groups.rs`).

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Result, anyhow};
use wasm_bindgen_cli_support::Bindgen;

use crate::{
    compact::{self, Names},
    read,
};

/// The script that the page starts.
pub(crate) const SCRIPT: &str = "console.js";
/// What that script loads.
pub(crate) const MODULE: &str = "console_bg.wasm";

/// What that loads besides the main file: where the groups are.
pub(crate) const GROUPS: &str = "groups.js";

/// The groups of pages by their names, and the files that opening one loads.
pub(crate) type Groups = BTreeMap<String, Vec<String>>;

/// Writes the files into the directory. They name each other, and fit only each other. `fast`: as they come, not so that they
/// compress well.
pub(crate) fn split(wasm: &Path, directory: &Path, fast: bool) -> Result<Groups> {
    fs::create_dir_all(directory)?;
    let main = directory.join("console.wasm");
    let linked = read(wasm)?;
    let mut options = wasm_split_cli_support::Options::new(&linked);
    options.output_dir = directory;
    options.main_out_path = &main;
    options.link_name = "./groups.js";
    options.main_module = "./console.js";
    let split = wasm_split_cli_support::transform(options).map_err(|error| anyhow!("{error:?}"))?;
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
    let (script, main) = (directory.join(SCRIPT), directory.join(MODULE));
    if !fast {
        let module = read(&main)?;
        let names = Names::of(&module, "./console_bg.js")?;
        fs::write(&script, names.script(&fs::read_to_string(&script)?)?)?;
        fs::write(main, compact::module(&module, &names)?)?;
        for file in split.split_modules {
            let module = compact::module(&read(&file)?, &Names::default())?;
            fs::write(file, module)?;
        }
    }
    let named = |stem: String| format!("{stem}.wasm");
    Ok(split.prefetch_map.into_iter().map(|(group, files)| (group, files.into_iter().map(named).collect())).collect())
}
