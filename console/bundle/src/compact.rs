//! WebAssembly and its script, written anew so that they compress well: they do what they did.

use std::{collections::HashMap, convert::Infallible};

use anyhow::{Context, Result, anyhow, bail};
use wasm_encoder::{
    CodeSection, FunctionSection, ImportSection, Module,
    reencode::{Error, Reencode, utils},
};
use wasmparser::{CodeSectionReader, CustomSectionReader, FunctionSectionReader, Imports, Parser, Payload, TypeRef};

use crate::order::by_resemblance;

/// The names under which a script gives functions to WebAssembly, and the short ones that replace them.
#[derive(Default)]
pub(crate) struct Names(HashMap<String, String>);

impl Names {
    /// Those of all functions that the module imports from the script.
    pub(crate) fn of(module: &[u8], script: &str) -> Result<Self> {
        let mut names = HashMap::new();
        for payload in Parser::new(0).parse_all(module) {
            let Payload::ImportSection(section) = payload? else { continue };
            for import in section.into_imports() {
                let import = import?;
                if import.module == script {
                    let short = short(names.len());
                    names.insert(import.name.to_owned(), short);
                }
            }
        }
        Ok(Self(names))
    }

    /// The script with the short names, without comments and indentation. A function that it does not give is an error.
    pub(crate) fn script(&self, script: &str) -> Result<String> {
        let (mut compact, mut renamed) = (String::new(), 0);
        for line in without_comments(script).lines() {
            match line.split_once(": ").and_then(|(name, rest)| Some((self.0.get(name)?, rest))) {
                Some((short, rest)) => {
                    renamed += 1;
                    compact.extend([short.as_str(), ":", rest, "\n"]);
                }
                None => compact.extend([line, "\n"]),
            }
        }
        if renamed != self.0.len() {
            bail!("the script gives {renamed} functions, and the module imports {}", self.0.len());
        }
        Ok(compact)
    }
}

/// A script or a style sheet without indentation, empty lines, and comments that take up whole lines.
pub(crate) fn without_comments(text: &str) -> String {
    let (mut compact, mut comment) = (String::new(), false);
    for line in text.lines().map(str::trim) {
        comment |= line.starts_with("/*");
        if !comment && !line.is_empty() && !line.starts_with("//") {
            compact.extend([line, "\n"]);
        }
        comment &= !line.ends_with("*/");
    }
    compact
}

/// A style sheet without comments, and without the spaces that only people read. Texts in quotes must not have spaces beside
/// one of `{};`, or a comma before one.
pub(crate) fn styles(text: &str) -> String {
    let mut compact = without_comments(text).replace('\n', " ");
    for sign in ["{", "}", ";"] {
        compact = compact.replace(&format!(" {sign}"), sign).replace(&format!("{sign} "), sign);
    }
    compact.replace(";}", "}").replace(", ", ",")
}

/// The shortest names, one after another: a, b, … z, aa, ba, …
fn short(number: usize) -> String {
    let letter = char::from(b'a' + (number % 26) as u8);
    let rest = if number < 26 { String::new() } else { short(number / 26 - 1) };
    format!("{letter}{rest}")
}

/// The module with its functions ordered by resemblance, with short names, numbers as short as they can be, and without what
/// only tools read.
pub(crate) fn module(module: &[u8], names: &Names) -> Result<Vec<u8>> {
    let mut compact = Compact { names, imported: 0, order: Vec::new(), places: Vec::new() };
    let mut bodies = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    compact.imported += u32::from(matches!(import?.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)));
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(body.as_bytes()),
            _ => {}
        }
    }
    compact.order = by_resemblance(&bodies);
    compact.places = vec![0; bodies.len()];
    for (place, function) in compact.order.iter().enumerate() {
        compact.places[*function] = u32::try_from(place)?;
    }
    let mut written = Module::new();
    compact
        .parse_core_module(&mut written, Parser::new(0), module)
        .map_err(|error| anyhow!("{error}"))
        .context("writing WebAssembly anew")?;
    Ok(written.finish())
}

struct Compact<'a> {
    names: &'a Names,
    /// How many functions are imported: they have the first numbers.
    imported: u32,
    /// By their new places, the places that the functions of the module had.
    order: Vec<usize>,
    /// By the places that they had, the new ones.
    places: Vec<u32>,
}

type Written = std::result::Result<(), Error<Infallible>>;

impl Reencode for Compact<'_> {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> std::result::Result<u32, Error<Infallible>> {
        Ok(match function.checked_sub(self.imported) {
            Some(own) => self.imported + self.places[own as usize],
            None => function,
        })
    }

    fn parse_imports(&mut self, section: &mut ImportSection, imports: Imports<'_>) -> Written {
        let (names, mut imports) = (self.names, imports);
        if let Imports::Single(_, import) = &mut imports
            && let Some(short) = names.0.get(import.name)
        {
            import.name = short;
        }
        utils::parse_imports(self, section, imports)
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Written {
        let types = section.into_iter().collect::<std::result::Result<Vec<_>, _>>()?;
        for function in &self.order {
            functions.function(types[*function]);
        }
        Ok(())
    }

    fn parse_code_section(&mut self, code: &mut CodeSection, section: CodeSectionReader<'_>) -> Written {
        let bodies = section.into_iter().collect::<std::result::Result<Vec<_>, _>>()?;
        for function in self.order.clone() {
            utils::parse_function_body(self, code, bodies[function].clone())?;
        }
        Ok(())
    }

    fn parse_custom_section(&mut self, _: &mut Module, _: CustomSectionReader<'_>) -> Written {
        Ok(())
    }
}
