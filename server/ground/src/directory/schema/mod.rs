//! Checks arguments against input schemas, which come from upstreams: a schema is compiled once for each definition,
//! within bounds ([`prepare`]); a check has a budget that ends it wherever it is ([`budget`]); both are done beside the
//! workers that serve requests ([`aside`]). No reference is ever fetched, and patterns run on an engine without
//! backtracking ([`patterns`]). Arguments that cannot be checked are not refused: a person is told (approvals.md,
//! "What is checked before a person is asked").

mod aside;
mod budget;
mod graph;
mod ill;
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
    aside::{Aside, NotDone},
    budget::{Counted, Looked, Prices},
    prepare::{Prepared, Written},
};
pub use prepare::{DEEPEST, LARGEST, harmful};

/// How much compiled schemas may take together, in bytes; those used least go.
const KEPT_BYTES: u64 = 64 * 1024 * 1024;
/// What a part of a compiled schema takes, in bytes, and what `unevaluated…` keywords take for each part that they look
/// at; measured, rounded up.
const PART_BYTES: usize = 2_048;
/// What each value, name and sign of a schema takes, such as one of a thousand values to choose from.
const TOKEN_BYTES: usize = 100;
/// What one check may spend: about a tenth of a second at worst.
const BUDGET: usize = 1_000_000;
/// What it may cost to say what is wrong with arguments.
const EXPLAINING: usize = 50_000;
/// How much the problems that are found may take until the first ones are told, in bytes.
const EXPLAINED_BYTES: usize = 16 * 1024 * 1024;
/// What a problem takes beside the path to where it is, in bytes.
const PROBLEM_BYTES: usize = 512;
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
    /// They do not fit.
    Wrong(Vec<Problem>),
}

/// What is wrong with arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The JSON Pointer of the value that it is about; empty: all of them.
    pub pointer: String,
    /// What is wrong with it. The value itself is left out: it may be a secret, and the answer is recorded.
    pub message: String,
}

impl Problem {
    fn of_all(message: &str) -> Self {
        Self { pointer: String::new(), message: message.to_owned() }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.pointer.as_str() {
            "" => write!(f, "the arguments: {}", self.message),
            pointer => write!(f, "`{pointer}`: {}", self.message),
        }
    }
}

const BUSY: &str = "the gateway is busy with checking other arguments";
const FAILED: &str = "compiling the schema failed";

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
        let Some(compiled) = self.compiled(tool).await else { return Validation::Fits(not_checked(BUSY)) };
        if compiled.validator.is_none() {
            return Validation::Fits(compiled.usable.clone());
        }
        let arguments = arguments.get().to_owned();
        match self.aside.run(move || compiled.check(&arguments)).await {
            Ok(validation) => validation,
            Err(NotDone::Busy) => Validation::Fits(not_checked(BUSY)),
            Err(NotDone::Failed) => Validation::Fits(not_checked("the check failed")),
        }
    }

    /// How much of a definition's input schema can be used. `None`: there was no turn to find out.
    pub async fn usable(&self, definition: &str) -> Option<Checked> {
        let definition = definition.to_owned();
        match self.aside.run(move || compile(&definition).usable).await {
            Ok(usable) => Some(usable),
            Err(NotDone::Busy) => None,
            Err(NotDone::Failed) => Some(not_checked(FAILED)),
        }
    }

    /// Compiled once, however many ask at the same time. `None`: there was no turn for it.
    async fn compiled(&self, tool: &Tool) -> Option<Arc<Compiled>> {
        let compile = async {
            let definition = tool.definition.clone();
            match self.aside.run(move || compile(&definition)).await {
                Ok(compiled) => Some(Arc::new(compiled)),
                Err(NotDone::Busy) => None,
                Err(NotDone::Failed) => Some(Arc::new(Compiled::none(FAILED))),
            }
        };
        self.compiled.optionally_get_with(tool.seen_sha256, compile).await
    }
}

impl Compiled {
    fn none(why: &str) -> Self {
        Self { validator: None, prices: Prices::default(), usable: not_checked(why), bytes: 1_024 }
    }

    fn check(&self, arguments: &str) -> Validation {
        let Some(validator) = &self.validator else { return Validation::Fits(self.usable.clone()) };
        let Ok(value) = serde_json::from_str::<Value>(arguments) else {
            return Validation::Wrong(vec![Problem::of_all("they are nested too deeply")]);
        };
        match budget::within(BUDGET, self.prices, || validator.is_valid(Looked(&value))) {
            Some(true) => Validation::Fits(self.usable.clone()),
            Some(false) => Validation::Wrong(self.explain(validator, &value)),
            None => Validation::Fits(not_checked("checking these arguments against the tool's schema takes too long")),
        }
    }

    /// What is wrong with arguments that do not fit: some of it, or that it is too much to say.
    fn explain(&self, validator: &Validator<Counted>, value: &Value) -> Vec<Problem> {
        let each = PROBLEM_BYTES + budget::longest_path(value);
        let explaining = EXPLAINING.min(EXPLAINED_BYTES / each);
        let all = || validator.iter_errors(Looked(value)).take(NAMED).map(|error| describe(&error)).collect();
        let first = || validator.validate(Looked(value)).err().map(|error| vec![describe(&error)]);
        budget::within(explaining, self.prices, all)
            .or_else(|| budget::within(explaining, self.prices, first)?)
            .unwrap_or_else(|| vec![Problem::of_all("they are too large or the schema is too intricate to say where")])
    }
}

/// Compiles an input schema. What is not JSON Schema is looked for where it does not compile: hardly any is like that.
fn compile(definition: &str) -> Compiled {
    compile_as(definition, Written::Well)
        .or_else(|_| compile_as(definition, Written::Ill))
        .unwrap_or_else(|why| Compiled::none(&why))
}

/// # Errors
/// Why it cannot be used, for people.
fn compile_as(definition: &str, written: Written) -> Result<Compiled, String> {
    let prepared = prepare::prepare(definition, written)?;
    let patterns = PatternOptions::regex().size_limit(patterns::LARGEST).dfa_size_limit(patterns::LARGEST);
    let built = jsonschema::options_for::<Counted>().with_pattern_options(patterns).build(&prepared.schema);
    match built {
        Ok(validator) => Ok(Compiled {
            validator: Some(validator),
            prices: prices(&prepared),
            usable: Checked { check: prepared.check(), note: note(&prepared.notes) },
            bytes: (prepared.parts + prepared.graph.unevaluated) * PART_BYTES
                + prepared.tokens * TOKEN_BYTES
                + prepared.patterns.size() * 4,
        }),
        Err(error) => {
            let at = error.instance_path().to_string();
            let place = if at.is_empty() { String::new() } else { format!(" at `{}`", clip(&at)) };
            Err(format!("the input schema is not JSON Schema{place}: {}", clip(&error.masked().to_string())))
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

/// One problem, with the field it is about.
fn describe(error: &ValidationError<'_>) -> Problem {
    Problem { pointer: clip(&error.instance_path().to_string()), message: clip(&error.masked().to_string()) }
}

fn clip(text: &str) -> String {
    text.chars().take(TOLD).collect()
}
