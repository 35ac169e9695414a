//! Which modules the files of a crate use: by `crate::` and `super::`, by what they import, and by what a module gives on
//! (`pub use`). What stands in `mod tests` does not count.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// A module's path below the crate: `["service", "call"]`.
pub(super) type Module = Vec<String>;

/// The files of a crate, each with the modules that it uses.
#[derive(Default)]
pub(super) struct Sources {
    uses: BTreeMap<Module, BTreeSet<Module>>,
}

/// What a file says, before it is known which modules there are.
#[derive(Default)]
struct File {
    /// The paths that it imports, and whether others may import them from it.
    imports: Vec<(Module, bool)>,
    /// Other paths that it names.
    names: Vec<Module>,
    /// The modules that it says it has.
    children: BTreeSet<String>,
}

impl Sources {
    /// Reads every file below `src`.
    pub(super) fn read(src: &Path) -> Self {
        let mut files = BTreeMap::new();
        collect(src, &mut Vec::new(), &mut files);
        let mut given_on = BTreeMap::new();
        for (module, file) in &files {
            for (path, _) in file.imports.iter().filter(|(_, is_public)| *is_public) {
                if let (Some(path), Some(name)) = (absolute(&files, module, path), path.last()) {
                    given_on.insert((module.clone(), name.clone()), path);
                }
            }
        }
        let mut uses = BTreeMap::new();
        for (module, file) in &files {
            let mut used = BTreeSet::new();
            let imported: BTreeMap<_, _> =
                file.imports.iter().filter_map(|(path, _)| Some((path.last()?.clone(), path.clone()))).collect();
            let paths = file.imports.iter().filter(|(_, is_public)| !is_public).map(|(path, _)| path.clone());
            let named = file.names.iter().map(|path| match imported.get(&path[0]) {
                Some(import) => [import, &path[1..]].concat(),
                None => path.clone(),
            });
            for path in paths.chain(named) {
                let found = absolute(&files, module, &path).and_then(|path| home(&files, &given_on, path));
                used.extend(found.filter(|found| found != module));
            }
            uses.insert(module.clone(), used);
        }
        Self { uses }
    }

    /// Every use of one module by another.
    pub(super) fn uses(&self) -> impl Iterator<Item = (&Module, &Module)> {
        self.uses.iter().flat_map(|(from, used)| used.iter().map(move |to| (from, to)))
    }

    /// The files that use each other, all the way round.
    pub(super) fn circles(&self) -> Vec<Vec<String>> {
        let reached: BTreeMap<&Module, BTreeSet<&Module>> =
            self.uses.keys().map(|module| (module, self.reached(module))).collect();
        let mut circles: Vec<Vec<String>> = Vec::new();
        let mut seen = BTreeSet::new();
        for (module, far) in &reached {
            if seen.contains(module) {
                continue;
            }
            let circle: Vec<&Module> = far
                .iter()
                .copied()
                .filter(|other| reached.get(*other).is_some_and(|far| far.contains(*module)))
                .collect();
            seen.extend(circle.iter().copied());
            circles.push(circle.iter().map(|module| module.join("::")).collect());
        }
        circles
    }

    fn reached<'a>(&'a self, from: &'a Module) -> BTreeSet<&'a Module> {
        let (mut found, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(module) = next.pop() {
            for used in self.uses.get(module).into_iter().flatten() {
                if found.insert(used) {
                    next.push(used);
                }
            }
        }
        found
    }
}

fn collect(dir: &Path, module: &mut Module, files: &mut BTreeMap<Module, File>) {
    for entry in fs::read_dir(dir).expect("the source is there") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            module.push(name);
            collect(&path, module, files);
            module.pop();
        } else if path.extension().is_some_and(|extension| extension == "rs") && !name.ends_with("tests") {
            let mut here = module.clone();
            if !matches!(name.as_str(), "mod" | "lib" | "main") {
                here.push(name);
            }
            files.insert(here, File::read(&fs::read_to_string(&path).expect("UTF-8")));
        }
    }
}

/// A path as the crate's root sees it; `None`: it leads out of the crate, or is none.
fn absolute(files: &BTreeMap<Module, File>, module: &Module, path: &[String]) -> Option<Module> {
    let (mut here, mut rest) = (module.clone(), path);
    match path[0].as_str() {
        "crate" => (here, rest) = (Vec::new(), &path[1..]),
        "self" | "super" => {
            while let [first, others @ ..] = rest {
                match first.as_str() {
                    "super" => drop(here.pop()?),
                    "self" => {}
                    _ => break,
                }
                rest = others;
            }
        }
        child if files.contains_key(&[module.as_slice(), &[child.to_owned()]].concat()) => {}
        _ => return None,
    }
    here.extend_from_slice(rest);
    Some(here)
}

/// The file in which what a path names stands; `None`: it is not below the crate (`#[path]`).
fn home(
    files: &BTreeMap<Module, File>,
    given_on: &BTreeMap<(Module, String), Module>,
    mut path: Module,
) -> Option<Module> {
    loop {
        let length = (0..=path.len()).rev().find(|length| files.contains_key(&path[..*length])).unwrap_or_default();
        let (module, rest) = path.split_at(length);
        if rest.first().is_some_and(|name| files[module].children.contains(name)) {
            return None;
        }
        let next = rest.first().and_then(|name| given_on.get(&(module.to_vec(), name.clone())));
        match next {
            Some(next) if !next.starts_with(&path) => path = [next.as_slice(), &rest[1..]].concat(),
            _ => return Some(module.to_vec()),
        }
    }
}

impl File {
    pub(super) fn read(source: &str) -> Self {
        let mut file = Self::default();
        let code = code(source);
        let mut rest = code.as_str();
        let mut other = String::new();
        while let Some(at) = next_use(rest) {
            other.push_str(&rest[..at]);
            let statement = &rest[at..];
            let end = statement.find(';').unwrap_or(statement.len());
            let is_public = statement.starts_with("pub");
            let tree = statement[..end].split_once("use ").map_or("", |(_, tree)| tree);
            for path in expand(&[], tree) {
                file.imports.push((path, is_public));
            }
            rest = &statement[end..];
        }
        other.push_str(rest);
        file.names = names(&other);
        let child = |line: &str| Some(line.rsplit_once("mod ")?.1.strip_suffix(';')?.to_owned());
        file.children = other.lines().filter_map(child).collect();
        file
    }
}

/// Without comments and tests, and with no path in `pub(in …)`.
fn code(source: &str) -> String {
    let mut code = String::new();
    let tests = source.find("#[cfg(test)]\nmod tests {").or(source.find("\nmod tests {"));
    for line in source[..tests.unwrap_or(source.len())].lines() {
        let line = line.split("//").next().unwrap_or_default();
        match line.find("pub(in ").and_then(|at| Some((at, line[at..].find(')')?))) {
            Some((at, length)) => code.extend([&line[..at], "pub", &line[at + length + 1..], "\n"]),
            None => code.extend([line, "\n"]),
        }
    }
    code
}

/// Where the next `use` begins, with its `pub`.
fn next_use(code: &str) -> Option<usize> {
    let mut at = 0;
    for line in code.split_inclusive('\n') {
        let text = line.trim_start();
        let bare = text.strip_prefix("pub(super) ").or(text.strip_prefix("pub(crate) ")).or(text.strip_prefix("pub "));
        if bare.unwrap_or(text).starts_with("use ") {
            return Some(at + line.len() - text.len());
        }
        at += line.len();
    }
    None
}

/// The paths of a tree such as `a::{self, b::c as d}`.
fn expand(before: &[String], tree: &str) -> Vec<Module> {
    let tree = tree.trim();
    let Some((path, group)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        if path.is_empty() {
            return Vec::new();
        }
        let segments = path.split("::").map(str::trim).filter(|segment| !segment.is_empty());
        let mut whole = [before, &segments.map(str::to_owned).collect::<Vec<_>>()].concat();
        if whole.len() > 1 && whole.last().is_some_and(|last| last == "self") {
            whole.pop();
        }
        return vec![whole];
    };
    let path = path.split("::").map(str::trim).filter(|segment| !segment.is_empty()).map(str::to_owned);
    let before = [before, &path.collect::<Vec<_>>()].concat();
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    let group = group.trim_end().strip_suffix('}').unwrap_or(group);
    for (at, c) in group.char_indices().chain([(group.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.extend(expand(&before, &group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

/// The paths of at least two names that stand in code.
fn names(code: &str) -> Vec<Module> {
    let is_of_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    code.split(|c| !is_of_path(c))
        .map(|path| path.trim_matches(':'))
        .filter(|path| path.contains("::"))
        .map(|path| path.split("::").map(str::to_owned).collect::<Module>())
        .filter(|path| path.iter().all(|name| !name.is_empty() && !name.contains(':')))
        .collect()
}

#[test]
fn uses_are_found_in_every_form() {
    let dir = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).expect("it is written");
    fs::create_dir(dir.path().join("a")).expect("a directory");
    write("lib.rs", "mod a;\nmod b;\nmod c;\nmod d;\n");
    write("a/mod.rs", "mod inner;\npub use inner::Thing;\npub(in crate::d) fn f() {}\n");
    write("a/inner.rs", "use super::super::b::{self, B as C};\npub struct Thing;\n// crate::d::nothing\n");
    write(
        "b.rs",
        "use crate::{\n    a::{self, Thing},\n};\nfn f() { a::f(); }\n#[cfg(test)]\nmod tests {\n    use crate::d;\n}\n",
    );
    write("c.rs", "fn f() { crate::a::Thing::new(); mycrate::d::no(); super::d::yes() }\n");
    write("d.rs", "pub fn yes() {}\n");
    let sources = Sources::read(dir.path());
    let found: Vec<String> =
        sources.uses().map(|(from, to)| format!("{} {}", from.join("::"), to.join("::"))).collect();
    assert_eq!(found, ["a::inner b", "b a", "b a::inner", "c a::inner", "c d"]);
    assert_eq!(
        sources.circles().into_iter().filter(|circle| circle.len() > 1).collect::<Vec<_>>(),
        [["a::inner", "b"]]
    );
}
