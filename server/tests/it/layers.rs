//! The import direction of docs/architecture.md: every path of the server looks down, on the second level as well.

mod sources;

use std::{
    collections::BTreeSet,
    fs, iter,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use regex::Regex;

use self::sources::{Module, Sources};

/// Upper layers first. Modules of one layer do not import each other.
const LAYERS: &[&[&str]] = &[&["cli"], &["app"], &["api", "mcp", "jobs"], &["service"]];
const GROUND: &[&[&str]] = &[
    &["auth", "directory", "audit", "upstream"],
    &["db", "live"],
    &["limit", "egress", "seal"],
    &["error", "config", "telemetry", "metrics"],
];

/// The console's, likewise.
const CONSOLE_LAYERS: &[&[&str]] =
    &[&["app"], &["pages"], &["decide"], &["shell"], &["components"], &["api", "show"], &["reactive"]];

/// The second levels, and what the third is of calls.
const SERVICE: &[&[&str]] = &[
    &["call", "feed", "mcp_session", "audit_export", "overview"],
    &["identity", "catalog"],
    &["approval"],
    &["change", "on_record", "loosening", "consequence", "summary", "recording", "delivered"],
    &["access"],
    &["signed", "label", "etag", "reason", "exports", "key_uses", "counted_calls"],
];
const CALL: &[&[&str]] = &[
    &["own"],
    &["status", "decide", "keyed"],
    &["held"],
    &["dispatch", "run"],
    &["task"],
    &["say", "wait", "ready"],
    &["nobody", "stored", "input", "builtin"],
    &["marked"],
    &["context", "outcome"],
    &["facts"],
    &["progress", "once"],
];
const MCP: &[&[&str]] = &[&["entry"], &["listen"], &["methods"], &["answer"], &["request"], &["connect"]];
const API: &[&[&str]] = &[
    &["docs", "refused"],
    &["openapi"],
    &["approvals", "audit_export", "api_keys", "events", "calls", "overview"],
    &["audit", "identity", "catalog"],
    &["support"],
];

/// Each level: its folder, how its rows in docs/architecture.md begin, and its layers.
const LEVELS: [(&str, &str, &[&[&str]]); 6] = [
    ("src", "server/src/", LAYERS),
    ("ground/src", "ground/", GROUND),
    ("src/mcp", "mcp/", MCP),
    ("src/api", "api/", API),
    ("src/service", "service/", SERVICE),
    ("src/service/call", "service/call/", CALL),
];

/// The largest number of files that may use each other all the way round: a module, and the two it is made of.
const LARGEST_CIRCLE: usize = 3;

/// What stands above every function of `db` that has a statement: a span with the function's name, and nothing of its
/// arguments, which costs next to nothing while nobody asks for `permesso_ground::db` at this level.
const SPAN: &str = r#"#[tracing::instrument(level = "debug", skip_all)]"#;
static FUNCTION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\s*(pub(\([a-z]+\))? )?(async )?fn \w+").expect("a pattern"));

fn crate_at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn layer(layers: &[&[&str]], module: &str) -> usize {
    let found = layers.iter().position(|layer| layer.contains(&module));
    found.unwrap_or_else(|| panic!("`{module}` stands in no layer: add it to this test and to docs/architecture.md"))
}

/// Every module right below `parent` uses only those that stand in a lower layer.
fn looks_down(sources: &Sources, parent: &[&str], layers: &[&[&str]], at_least: usize) {
    let below = |module: &Module| -> Option<String> {
        let is_below = module.len() > parent.len() && module.iter().zip(parent).all(|(one, other)| one == other);
        is_below.then(|| module[parent.len()].clone())
    };
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (from, to) in sources.uses() {
        let (Some(upper), Some(lower)) = (below(from), below(to)) else { continue };
        seen += 1;
        if upper != lower && layer(layers, &lower) <= layer(layers, &upper) {
            wrong.push(format!("{} uses {}", from.join("::"), to.join("::")));
        }
    }
    assert!(seen > at_least, "the test reads the source: {seen} uses below {parent:?}");
    assert!(wrong.is_empty(), "these look up or sideways:\n{}", wrong.join("\n"));
}

#[test]
fn every_module_looks_down() {
    let server = Sources::read(&crate_at("src"));
    looks_down(&server, &[], LAYERS, 200);
    looks_down(&server, &["service"], SERVICE, 100);
    looks_down(&server, &["service", "call"], CALL, 50);
    looks_down(&server, &["mcp"], MCP, 30);
    looks_down(&server, &["api"], API, 30);
    looks_down(&Sources::read(&crate_at("ground/src")), &[], GROUND, 100);
    looks_down(&Sources::read(&crate_at("../console/src")), &[], CONSOLE_LAYERS, 100);
}

/// The modules of a folder.
fn modules(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("the source is there").map(|entry| entry.expect("an entry").path());
    let modules = entries.filter(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "rs"));
    let names = modules.map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned());
    names.filter(|name| !["lib", "main", "mod"].contains(&name.as_str())).collect()
}

/// The rows of a document's tables whose first module begins with `prefix`, each with its modules.
fn rows(document: &str, prefix: &str) -> Vec<Vec<String>> {
    let row = |line: &str| -> Option<Vec<String>> {
        let (cell, _) = line.strip_prefix("| ")?.split_once(" |")?;
        let mut names = cell.split(", ").map(|name| name.trim_matches('`'));
        let first = names.next()?.strip_prefix(prefix).filter(|name| !name.contains('/'))?;
        Some(iter::once(first).chain(names).map(str::to_owned).collect())
    };
    document.lines().filter_map(row).collect()
}

#[test]
fn the_document_names_every_module_from_top_to_bottom() {
    let document = fs::read_to_string(crate_at("../docs/architecture.md")).expect("the document is there");
    for (folder, prefix, layers) in LEVELS {
        let placed: BTreeSet<String> = layers.iter().copied().flatten().map(|module| (*module).to_owned()).collect();
        assert_eq!(modules(&crate_at(folder)), placed, "the modules in {folder}, and those in a layer of this test");
        assert_eq!(rows(&document, prefix), layers, "the rows of docs/architecture.md that begin with `{prefix}`");
    }
}

/// The crates that a crate in `server` is built on, without those of its tests.
fn dependencies(name: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(crate_at(name).join("Cargo.toml")).expect("a crate");
    let lines = manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| line.split(['.', ' ']).next()).map(str::to_owned).collect()
}

#[test]
fn crates_are_built_on_those_below_them_in_the_document_and_those_without_io_on_nothing_that_does_any() {
    let document = fs::read_to_string(crate_at("../docs/architecture.md")).expect("the document is there");
    let order: Vec<String> = rows(&document, "server/").into_iter().flatten().collect();
    let entries =
        fs::read_dir(crate_at(".")).expect("the source is there").map(|entry| entry.expect("an entry").path());
    let crates: BTreeSet<_> = entries.filter(|path| path.join("Cargo.toml").is_file()).collect();
    let names = crates.iter().map(|path| path.file_name().expect("a name").to_string_lossy().into_owned());
    assert_eq!(names.collect::<BTreeSet<_>>(), order.iter().cloned().collect(), "the crates, and their rows");
    let mut seen = 0;
    for (at, name) in order.iter().enumerate() {
        let built_on = dependencies(name);
        for upper in &order[..=at] {
            assert!(!built_on.contains(upper), "{name} is built on {upper}, which stands above it");
        }
        seen += order[at..].iter().filter(|lower| built_on.contains(*lower)).count();
        let row = document.lines().find(|line| line.starts_with(&format!("| `server/{name}` |"))).expect("its row");
        if row.contains("No IO") {
            for io in ["axum", "hyper", "nix", "reqwest", "sqlx", "system", "tokio"] {
                assert!(!built_on.contains(io), "{name} is said to do no IO, and is built on {io}");
            }
        }
    }
    assert!(seen > 3, "the test reads the manifests: {seen} dependencies");
}

#[test]
fn no_more_than_three_files_use_each_other_all_the_way_round() {
    let crates = [
        "ground",
        "devkit",
        "connect",
        "system",
        "api-types",
        "redact",
        "wire",
        "domain",
        ".",
        "../bench",
        "../console",
    ];
    for source in crates.map(|name| format!("{name}/src")) {
        let circles = Sources::read(&crate_at(&source)).circles();
        let large: Vec<_> = circles.iter().filter(|circle| circle.len() > LARGEST_CIRCLE).collect();
        assert!(large.is_empty(), "{source}: {large:#?}");
    }
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

/// The files of the server above the crates that are of use to others too.
fn server_files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(&crate_at("src"), &mut found);
    files(&crate_at("ground/src"), &mut found);
    found
}

fn word(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn queries_stand_in_db_only() {
    let found = server_files();
    let db = crate_at("ground/src/db");
    assert!(found.iter().any(|path| path.starts_with(&db)), "the test reads the source");
    let strays: Vec<_> = found
        .iter()
        .filter(|path| !path.starts_with(&db))
        .filter(|path| fs::read_to_string(path).is_ok_and(|source| source.contains("sqlx::query")))
        .collect();
    assert!(strays.is_empty(), "SQL outside of db: {strays:?}");
}

/// A signature of `service` says which part it needs (`Base`, `Identity`, `Catalog`, `Views`, `Calls`): none takes all.
#[test]
fn no_function_of_service_takes_all_of_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/service");
    let mut found = Vec::new();
    files(&src, &mut found);
    let whole = |source: &str| source.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "Services");
    let strays: Vec<_> = found
        .iter()
        .filter(|path| **path != src.join("mod.rs"))
        .filter(|path| fs::read_to_string(path).is_ok_and(|source| whole(&source)))
        .collect();
    assert!(found.len() > 50 && strays.is_empty(), "they take everything: {strays:?}");
}

/// Whose connections the modules use: agents', people's, the upkeep's, the configuration's. The first that fits counts.
const POOLS: &[(&str, &[&str])] = &[
    ("api", &["people"]),
    ("mcp", &["calls"]),
    ("jobs.rs", &["upkeep"]),
    ("service/call", &["calls", "upkeep"]),
    ("service/mcp_session", &["calls", "upkeep"]),
    ("service/catalog/connection", &["upkeep"]),
    ("service/identity/key.rs", &["upkeep"]),
    ("service/delivered.rs", &["calls"]),
    ("service", &["people", "upkeep"]),
    ("app", &["people", "upkeep", "directory"]),
];

#[test]
fn every_module_uses_the_connections_of_those_it_works_for() {
    let (found, mut wrong, mut seen) = (server_files(), Vec::new(), 0);
    for path in &found {
        let inside = path.strip_prefix(crate_at("src")).or_else(|_| path.strip_prefix(crate_at("ground/src")));
        let inside = inside.expect("below src");
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

#[test]
fn metrics_are_counted_by_the_functions_of_one_file() {
    let others = ["counter!", "gauge!", "histogram!", " ::metrics::", "use metrics", "metrics_exporter_prometheus"];
    let (found, mut wrong, mut seen) = (server_files(), Vec::new(), 0);
    for path in &found {
        let source = fs::read_to_string(path).expect("UTF-8");
        // Tests have recorders of their own.
        let source = source.split("#[cfg(test)]\n").next().unwrap_or_default();
        if path.starts_with(crate_at("ground/src/metrics")) || path.ends_with("src/metrics.rs") {
            seen += others.iter().filter(|word| source.contains(*word)).count();
        } else {
            wrong.extend(others.iter().filter(|word| source.contains(*word)).map(|word| (path.clone(), *word)));
        }
    }
    assert!(seen > 3, "the test reads the source: {seen} uses in its own place");
    assert!(wrong.is_empty(), "these count past server/ground/src/metrics.rs: {wrong:?}");
}

#[test]
fn every_statement_has_a_span_with_the_name_of_its_function() {
    let src = crate_at("ground/src/db");
    let (mut found, mut wrong, mut seen) = (Vec::new(), Vec::new(), 0);
    files(&src, &mut found);
    for path in &found {
        let source = fs::read_to_string(path).expect("UTF-8");
        let lines: Vec<&str> = source.lines().take_while(|line| *line != "#[cfg(test)]").collect();
        for (at, line) in lines.iter().enumerate() {
            if !["sqlx::query", "sqlx::raw_sql", ".execute("].iter().any(|start| line.contains(start)) {
                continue;
            }
            seen += 1;
            let begins =
                (0..at).rev().find(|at| FUNCTION.is_match(lines[*at])).expect("a statement stands in a function");
            let mut above = lines[..begins].iter().rev().take_while(|line| line.trim_start().starts_with("#["));
            if !above.any(|line| line.trim() == SPAN) {
                wrong.push(format!("{}: {}", path.display(), lines[begins].trim()));
            }
        }
    }
    wrong.dedup();
    assert!(seen > 200, "the test reads the source: {seen} statements");
    assert!(wrong.is_empty(), "write `{SPAN}` above these:\n{}", wrong.join("\n"));
}
