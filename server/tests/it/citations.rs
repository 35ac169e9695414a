//! What the code cites is there: each document, heading and numbered point that a comment names exists in `docs`, and each
//! link of a document leads to a file and a heading.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use regex::Regex;

/// The kinds of files that are read, with the mark that a comment begins with.
const KINDS: [(&str, &str); 5] =
    [(".rs", "//"), (".mjs", "//"), (".sql", "--"), ("Justfile", "#"), (".env.example", "#")];
const PLACES: [&str; 7] = ["server", "console", "bench", "migrations", "e2e", "Justfile", ".env.example"];
/// What others wrote, and what is built.
const PASSED_OVER: [&str; 3] = ["node_modules", "target", "dist"];

static DOCUMENT: LazyLock<Regex> = LazyLock::new(|| regex(r"((?:[\w.-]+/)*)([\w-]+\.md)\b"));
static NEXT: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"^[\s,:(]*(?:and )?(?:"([^"]+)"|(\d+)\b|[Pp]romises? \d+(?:(?:, | and )\d+)*)"#));
static PROMISES: LazyLock<Regex> = LazyLock::new(|| regex(r"\b[Pp]romises? (\d+(?:(?:, | and )\d+)*)"));
static LINK: LazyLock<Regex> = LazyLock::new(|| regex(r"\]\(([^)#\s:]*)(?:#([^)\s]+))?\)"));

/// A pattern that is known to be one.
pub(crate) fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern")
}

/// Where the repository begins.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files below a place that comments are read in, each with its mark.
pub(crate) fn sources(path: &Path, found: &mut Vec<(PathBuf, &'static str)>) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if path.is_dir() {
        if PASSED_OVER.contains(&&*name) || name.starts_with('.') {
            return;
        }
        let entries = fs::read_dir(path).expect("the source is there").map(|entry| entry.expect("an entry").path());
        entries.for_each(|path| sources(&path, found));
    } else if let Some((_, mark)) = KINDS.iter().find(|(end, _)| name.ends_with(end)) {
        found.push((path.to_owned(), mark));
    }
}

/// The comments of a source, the lines of each joined, with the line where it begins.
fn comments(source: &str, mark: &str) -> Vec<(usize, String)> {
    let (mut found, mut goes_on) = (Vec::<(usize, String)>::new(), false);
    for (number, line) in (1..).zip(source.lines()) {
        let whole = line.trim_start();
        let inside = whole.strip_prefix(mark).or_else(|| whole.strip_prefix("/*")).or_else(|| whole.strip_prefix("* "));
        let behind = line.split_once(&format!(" {mark} ")).map(|(_, comment)| comment);
        let text = inside.or(behind).unwrap_or_default().trim_start_matches(['/', '!', '*', '-', '#']).trim();
        match found.last_mut() {
            Some((_, comment)) if goes_on && inside.is_some() => *comment = format!("{comment} {text}"),
            _ if !text.is_empty() => found.push((number, text.to_owned())),
            _ => {}
        }
        goes_on = inside.is_some() && !text.is_empty();
    }
    found
}

/// The headings of a document, each with the numbers of the points right below it.
type Headings = BTreeMap<String, BTreeSet<u32>>;

fn headings(document: &str) -> Headings {
    let (mut found, mut last) = (Headings::new(), String::new());
    for line in prose(document) {
        if let Some((_, heading)) = line.split_once("# ").filter(|(marks, _)| marks.chars().all(|c| c == '#')) {
            last = heading.trim().to_owned();
            found.entry(last.clone()).or_default();
        } else if let Some(Ok(number)) = line.split_once(". ").map(|(number, _)| number.parse()) {
            found.entry(last.clone()).or_default().insert(number);
        }
    }
    found
}

/// The lines of a document outside of code.
pub(crate) fn prose(document: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    document.lines().filter(move |line| {
        let is_fence = line.starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// What a comment cites and is not there.
fn broken(comment: &str, documents: &BTreeMap<String, Headings>) -> Vec<String> {
    let mut wrong = Vec::new();
    for cited in DOCUMENT.captures_iter(comment) {
        let name = format!("{}{}", &cited[1], &cited[2]);
        let found = documents.get(&name).or_else(|| documents.get(&format!("docs/{name}")));
        let Some(headings) = found else {
            wrong.push(format!("{name}: no such document"));
            continue;
        };
        let mut rest = &comment[cited.get(0).map_or(0, |whole| whole.end())..];
        let mut points = None;
        while let Some(next) = NEXT.captures(rest) {
            rest = &rest[next[0].len()..];
            if let Some(heading) = next.get(1) {
                points = headings.get(heading.as_str());
                wrong.extend(points.is_none().then(|| format!("{name}, \"{}\"", heading.as_str())));
            } else if let Some(number) = next.get(2) {
                let is_there = points.is_some_and(|points| number.as_str().parse().is_ok_and(|n| points.contains(&n)));
                wrong.extend((!is_there).then(|| format!("{name}, point {}", number.as_str())));
            }
        }
    }
    let promises = documents.get("docs/approvals.md").and_then(|headings| headings.get("Promises"));
    for cited in PROMISES.captures_iter(comment) {
        for number in cited[1].split([',', ' ']).filter_map(|word| word.parse().ok()) {
            let is_there = promises.is_some_and(|promises| promises.contains(&number));
            wrong.extend((!is_there).then(|| format!("promise {number}")));
        }
    }
    wrong
}

/// Every document with its text, by its path.
fn documents() -> BTreeMap<String, String> {
    let docs = fs::read_dir(root().join("docs")).expect("docs").map(|entry| entry.expect("an entry").file_name());
    let names = docs.filter_map(|name| name.into_string().ok()).filter(|name| name.ends_with(".md"));
    let paths = names.map(|name| format!("docs/{name}")).chain(["README.md".to_owned()]);
    paths.map(|path| (path.clone(), fs::read_to_string(root().join(path)).expect("UTF-8"))).collect()
}

/// What a link to a heading ends with, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
}

#[test]
fn what_comments_cite_is_there() {
    let documents = documents().into_iter().map(|(path, text)| (path, headings(&text))).collect();
    let (mut files, mut wrong, mut cited) = (Vec::new(), Vec::new(), 0);
    PLACES.iter().for_each(|place| sources(&root().join(place), &mut files));
    for (path, mark) in &files {
        for (line, comment) in comments(&fs::read_to_string(path).expect("UTF-8"), mark) {
            cited += DOCUMENT.find_iter(&comment).count();
            let place = format!("{}:{line}", path.strip_prefix(root()).unwrap_or(path).display());
            wrong.extend(broken(&comment, &documents).into_iter().map(|what| format!("{place}: {what}")));
        }
    }
    assert!(cited > 80, "the test reads the source: {cited} citations in {} files", files.len());
    assert!(wrong.is_empty(), "{} citations lead nowhere:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn links_of_documents_lead_somewhere() {
    let (documents, mut wrong, mut seen) = (documents(), Vec::new(), 0);
    for (path, text) in &documents {
        for link in prose(text).flat_map(|line| LINK.captures_iter(line)) {
            seen += 1;
            let target = match &link[1] {
                "" => path.clone(),
                file if path.starts_with("docs/") => format!("docs/{file}"),
                file => file.to_owned(),
            };
            let has = |anchored: &str| {
                documents.get(&target).is_some_and(|text| headings(text).keys().any(|name| anchor(name) == anchored))
            };
            if !root().join(&target).exists() || link.get(2).is_some_and(|anchored| !has(anchored.as_str())) {
                wrong.push(format!("{path}: {}", &link[0][1..]));
            }
        }
    }
    assert!(seen > 30, "the test reads the documents: {seen} links");
    assert!(wrong.is_empty(), "these links lead nowhere:\n{}", wrong.join("\n"));
}

#[test]
fn a_broken_citation_is_found_in_whatever_form() {
    let document = "# T\n\n## Promises\n\n1. One.\n2. Two.\n\n```sh\n# no heading\n```\n\n## The lease\n";
    let documents = BTreeMap::from([("docs/approvals.md".to_owned(), headings(document))]);
    let of = |source: &str| -> Vec<String> {
        comments(source, "//").iter().flat_map(|(_, comment)| broken(comment, &documents)).collect()
    };
    assert_eq!(of("//! (approvals.md, \"The\n//! lease\") and promise 2\nlet a = \"x.md\";"), [""; 0]);
    assert_eq!(of("//! (docs/approvals.md, \"Promises\", 1 and 2; MCP, \"No such\")."), [""; 0]);
    assert_eq!(of("/// (approvals.md, \"The\n/// leash\" and \"The lease\")"), ["approvals.md, \"The leash\""]);
    assert_eq!(of("    // promises 1,\n    // 2 and 3, as approvals.md says"), ["promise 3"]);
    assert_eq!(of("// (approvals.md, promise 1 and \"no heading\")"), ["approvals.md, \"no heading\""]);
    assert_eq!(of("/** approvals.md (\"Promises\",\n * 3). */"), ["approvals.md, point 3"]);
    assert_eq!(of("// approvals.md, 1"), ["approvals.md, point 1"]);
    assert_eq!(of("//! design.md, \"The lease\""), ["design.md: no such document"]);
    assert_eq!(comments("//! a.md,\n\n//! \"B\"", "//").len(), 2, "a blank line ends a comment");
}
