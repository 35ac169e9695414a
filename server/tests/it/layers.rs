//! The import direction of docs/architecture.md: every `crate::` path in server/src looks down.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Upper layers first. Modules of one layer do not import each other.
const LAYERS: &[&[&str]] = &[
    &["cli"],
    &["app"],
    &["api", "mcp", "jobs"],
    &["service"],
    &["auth", "vault", "directory", "audit", "upstream"],
    &["db", "live"],
    &["postgres"],
    &["limit"],
    &["error", "clock", "config", "telemetry", "process", "random"],
];

/// The console's, likewise.
const CONSOLE_LAYERS: &[&[&str]] =
    &[&["app"], &["pages"], &["decide"], &["shell"], &["components"], &["api", "show"], &["reactive"]];

fn layer(layers: &[&[&str]], module: &str) -> usize {
    let found = layers.iter().position(|layer| layer.contains(&module));
    found.unwrap_or_else(|| panic!("`{module}` stands in no layer: add it to this test and to docs/architecture.md"))
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("the source is there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The modules that `crate::…` paths of a source name, `use crate::{a, b::c}` included.
fn imports(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in source.match_indices("crate::") {
        let before = source[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &source[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => found.extend(top_level(group)),
            None => found.push(word(rest)),
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

fn word(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The first word of each entry of a `{…}` group.
fn top_level(group: &str) -> Vec<String> {
    let (mut depth, mut start, mut names) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(word(&group[start..at]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(word(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    names
}

fn looks_down(src: &Path, layers: &[&[&str]], at_least: usize) {
    let (mut found, mut wrong, mut seen) = (Vec::new(), Vec::new(), 0);
    files(src, &mut found);
    for path in &found {
        let inside = path.strip_prefix(src).expect("below src");
        let first = inside.components().next().expect("a name").as_os_str().to_string_lossy();
        let module = first.trim_end_matches(".rs");
        if matches!(module, "lib" | "main") || module.ends_with("_tests") {
            continue;
        }
        let source = fs::read_to_string(path).expect("UTF-8");
        for import in imports(&source) {
            seen += 1;
            let (from, to) = (layer(layers, module), layer(layers, &import));
            if import != module && to <= from {
                wrong.push(format!("{}: crate::{import}", inside.display()));
            }
        }
    }
    assert!(seen > at_least, "the test reads the source: {seen} imports in {} files", found.len());
    assert!(wrong.is_empty(), "these look up or sideways:\n{}", wrong.join("\n"));
}

#[test]
fn every_import_looks_down() {
    looks_down(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), LAYERS, 100);
}

#[test]
fn every_import_of_the_console_looks_down() {
    looks_down(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../console/src"), CONSOLE_LAYERS, 20);
}

#[test]
fn imports_are_found_in_every_form() {
    let source = "use crate::{db::{self, x}, error::Error};\nuse crate::live::Live; crate::app::run(); mycrate::no();";
    assert_eq!(imports(source), ["db", "error", "live", "app"]);
}

#[test]
fn queries_stand_in_db_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&src, &mut found);
    let strays: Vec<_> = found
        .iter()
        .filter(|path| !path.starts_with(src.join("db")))
        .filter(|path| fs::read_to_string(path).is_ok_and(|source| source.contains("sqlx::query")))
        .collect();
    assert!(strays.is_empty(), "SQL outside of db: {strays:?}");
}

/// Whose connections the modules use: agents', people's, the upkeep's, the configuration's. The first that fits counts.
const POOLS: &[(&str, &[&str])] = &[
    ("api", &["people"]),
    ("mcp", &["calls"]),
    ("jobs.rs", &["upkeep"]),
    ("service/call", &["calls", "upkeep"]),
    ("service/mcp_session", &["calls", "upkeep"]),
    ("service/connection", &["upkeep"]),
    ("service/key.rs", &["upkeep"]),
    ("service", &["people", "upkeep"]),
    ("app", &["people", "upkeep", "directory"]),
];

#[test]
fn every_module_uses_the_connections_of_those_it_works_for() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut found, mut wrong, mut seen) = (Vec::new(), Vec::new(), 0);
    files(&src, &mut found);
    for path in &found {
        let inside = path.strip_prefix(&src).expect("below src");
        let pools = POOLS.iter().find(|(module, _)| inside.starts_with(module)).map_or(&[][..], |(_, pools)| pools);
        let source = fs::read_to_string(path).expect("UTF-8");
        for (at, start) in source.match_indices("db.") {
            let pool = word(&source[at + start.len()..]);
            if ["calls", "people", "upkeep", "directory"].contains(&pool.as_str()) {
                seen += 1;
                if !pools.contains(&pool.as_str()) {
                    wrong.push(format!("{}: db.{pool}", inside.display()));
                }
            }
        }
    }
    assert!(seen > 50, "the test reads the source: {seen} uses");
    assert!(wrong.is_empty(), "these take connections that are kept for others:\n{}", wrong.join("\n"));
}
