//! Checks arguments against input schemas, which come from upstreams: a schema is compiled once for each definition,
//! within bounds ([`prepare`]); a check has a budget that ends it wherever it is ([`budget`]); both are done beside the
//! workers that serve requests ([`aside`]). No reference is ever fetched, and patterns run on an engine without
//! backtracking ([`patterns`]). Arguments that cannot be checked are not refused: a person is told (approvals.md,
//! "What is checked before a person is asked").

mod aside;
mod budget;
mod graph;
mod parts;
mod patterns;
mod prepare;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use domain::{ArgumentsCheck, Checked, directory::Tool};
use jsonschema::{PatternOptions, ValidationError, Validator};
use moka::future::Cache;
use serde_json::{Value, value::RawValue};

use self::{
    aside::Aside,
    budget::{Counted, Looked, Prices},
    prepare::Prepared,
};
pub use prepare::{DEEPEST, LARGEST, harmful};

/// How much compiled schemas may take together, in bytes; those used least go.
const KEPT_BYTES: u64 = 64 * 1024 * 1024;
/// What a part of a compiled schema takes, in bytes; measured, rounded up.
const PART_BYTES: usize = 2_048;
/// What one check may spend: about a tenth of a second at worst.
const BUDGET: usize = 1_000_000;
/// What it may cost to say what is wrong with arguments.
const EXPLAINING: usize = 50_000;
/// How many problems one answer names.
const NAMED: usize = 5;
/// How much of a problem is told, in characters.
const TOLD: usize = 300;

/// Compiled input schemas, by the SHA-256 of their definition.
pub struct Schemas {
    compiled: Cache<[u8; 32], Arc<Compiled>>,
    aside: Aside,
}

impl Default for Schemas {
    fn default() -> Self {
        let weight = |_: &[u8; 32], compiled: &Arc<Compiled>| u32::try_from(compiled.bytes).unwrap_or(u32::MAX);
        Self { compiled: Cache::builder().weigher(weight).max_capacity(KEPT_BYTES).build(), aside: Aside::default() }
    }
}

/// What a schema says about arguments.
#[derive(Debug, PartialEq, Eq)]
pub enum Validation {
    /// Nothing speaks against them; how much was looked at.
    Fits(Checked),
    /// They do not fit: each problem names its field.
    Wrong(Vec<String>),
}

struct Compiled {
    /// None: it cannot be used.
    validator: Option<Validator<Counted>>,
    prices: Prices,
    usable: Checked,
    bytes: usize,
}

impl Schemas {
    /// Checks arguments against the tool's input schema. Takes a tenth of a second of a processor at most, but waits
    /// its turn for it.
    pub async fn check(&self, tool: &Tool, arguments: &RawValue) -> Validation {
        let compiled = self.compiled(tool).await;
        if compiled.validator.is_none() {
            return Validation::Fits(compiled.usable.clone());
        }
        let arguments = arguments.get().to_owned();
        let checked = self.aside.run(move || compiled.check(&arguments)).await;
        checked.unwrap_or_else(|| Validation::Fits(not_checked("the check failed")))
    }

    /// How much of a definition's input schema can be used.
    pub async fn usable(&self, definition: &str) -> Checked {
        let definition = definition.to_owned();
        let compiled = self.aside.run(move || compile(&definition).usable).await;
        compiled.unwrap_or_else(|| not_checked("compiling the schema failed"))
    }

    /// Compiled once, however many ask at the same time.
    async fn compiled(&self, tool: &Tool) -> Arc<Compiled> {
        let compile = async {
            let definition = tool.definition.clone();
            let compiled = self.aside.run(move || compile(&definition)).await;
            Arc::new(compiled.unwrap_or_else(|| Compiled::none("compiling the schema failed")))
        };
        self.compiled.get_with(tool.seen_sha256, compile).await
    }
}

impl Compiled {
    fn none(why: &str) -> Self {
        Self { validator: None, prices: Prices::default(), usable: not_checked(why), bytes: 1_024 }
    }

    fn check(&self, arguments: &str) -> Validation {
        let Some(validator) = &self.validator else { return Validation::Fits(self.usable.clone()) };
        let Ok(value) = serde_json::from_str::<Value>(arguments) else {
            return Validation::Wrong(vec!["they are nested too deeply".to_owned()]);
        };
        match budget::within(BUDGET, self.prices, || validator.is_valid(Looked(&value))) {
            Some(true) => Validation::Fits(self.usable.clone()),
            Some(false) => Validation::Wrong(self.explain(validator, &value)),
            None => Validation::Fits(not_checked("checking these arguments against the tool's schema takes too long")),
        }
    }

    /// What is wrong with arguments that do not fit: some of it, or that it is too much to say.
    fn explain(&self, validator: &Validator<Counted>, value: &Value) -> Vec<String> {
        let all = || validator.iter_errors(Looked(value)).take(NAMED).map(|error| describe(&error)).collect();
        let first = || validator.validate(Looked(value)).err().map(|error| vec![describe(&error)]);
        budget::within(EXPLAINING, self.prices, all)
            .or_else(|| budget::within(EXPLAINING, self.prices, first)?)
            .unwrap_or_else(|| vec!["they are too large or the schema is too intricate to say where".to_owned()])
    }
}

fn compile(definition: &str) -> Compiled {
    let prepared = match prepare::prepare(definition) {
        Ok(prepared) => prepared,
        Err(why) => return Compiled::none(&why),
    };
    let patterns = PatternOptions::regex().size_limit(patterns::LARGEST).dfa_size_limit(patterns::LARGEST);
    let built = jsonschema::options_for::<Counted>().with_pattern_options(patterns).build(&prepared.schema);
    match built {
        Ok(validator) => Compiled {
            validator: Some(validator),
            prices: prices(&prepared),
            usable: Checked { check: prepared.check(), note: note(&prepared.notes) },
            bytes: prepared.parts * PART_BYTES + definition.len() * 2 + prepared.patterns.size() * 4,
        },
        Err(error) => {
            let at = error.instance_path().to_string();
            let place = if at.is_empty() { String::new() } else { format!(" at `{}`", clip(&at)) };
            Compiled::none(&format!(
                "the input schema is not JSON Schema{place}: {}",
                clip(&error.masked().to_string())
            ))
        }
    }
}

fn prices(prepared: &Prepared) -> Prices {
    Prices {
        byte: prepared.patterns.price(),
        patterns_a_name: prepared.patterns_a_name,
        value: prepared.graph.unfolded / 16,
    }
}

fn note(notes: &[String]) -> Option<String> {
    (!notes.is_empty()).then(|| notes.join("; "))
}

fn not_checked(why: &str) -> Checked {
    Checked { check: ArgumentsCheck::None, note: Some(why.to_owned()) }
}

/// One problem, with the field it is about. The value itself is left out: it may be a secret, and the
/// answer is recorded.
fn describe(error: &ValidationError<'_>) -> String {
    let path = error.instance_path().to_string();
    let field = if path.is_empty() { "the arguments".to_owned() } else { format!("`{}`", clip(&path)) };
    format!("{field}: {}", clip(&error.masked().to_string()))
}

fn clip(text: &str) -> String {
    text.chars().take(TOLD).collect()
}
