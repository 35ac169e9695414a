//! Input schemas, compiled once per definition. No reference is ever fetched, and patterns run on an
//! engine without backtracking, since schemas come from upstreams.

use std::{collections::HashMap, sync::Arc};

use domain::directory::Tool;
use jsonschema::{PatternOptions, Validator};
use parking_lot::RwLock;
use serde_json::value::RawValue;
use wire::definition::ToolDefinition;

/// How many compiled schemas are kept; beyond, all are forgotten and compiled again when used.
const KEPT: usize = 10_000;
/// Up to how many references in a definition problems are named one by one.
const REFERENCES_EXPLAINED: usize = 16;
/// Up to how large arguments problems are named one by one, in bytes.
const BYTES_EXPLAINED: usize = 64 * 1024;
/// How many problems one answer names.
const NAMED: usize = 5;

/// Compiled input schemas by the SHA-256 of their definition.
#[derive(Default)]
pub struct Schemas {
    compiled: RwLock<HashMap<[u8; 32], Option<Arc<Validator>>>>,
}

/// What a schema says about arguments.
#[derive(Debug, PartialEq, Eq)]
pub enum Validation {
    /// They fit.
    Fits,
    /// They do not: each problem names its field.
    Wrong(Vec<String>),
    /// The schema cannot be used; the gate holds such calls.
    Unusable,
}

impl Schemas {
    /// Checks arguments against the tool's input schema.
    pub fn validate(&self, tool: &Tool, arguments: &RawValue) -> Validation {
        let Some(validator) = self.validator(tool) else { return Validation::Unusable };
        let Ok(value) = serde_json::from_str(arguments.get()) else {
            return Validation::Wrong(vec!["they are nested too deeply".to_owned()]);
        };
        if validator.is_valid(&value) {
            return Validation::Fits;
        }
        // To say where costs more than to say no, and a hostile schema or argument makes it cost much.
        let intricate = tool.definition.matches("\"$ref\"").count() > REFERENCES_EXPLAINED;
        if intricate || arguments.get().len() > BYTES_EXPLAINED {
            return Validation::Wrong(vec![
                "they are too large or the schema is too intricate to say where".to_owned(),
            ]);
        }
        Validation::Wrong(validator.iter_errors(&value).take(NAMED).map(|error| describe(&error)).collect())
    }

    /// Whether the definition's input schema can be used at all.
    pub fn usable(definition: &str) -> bool {
        compile(definition).is_some()
    }

    fn validator(&self, tool: &Tool) -> Option<Arc<Validator>> {
        if let Some(known) = self.compiled.read().get(&tool.seen_sha256) {
            return known.clone();
        }
        let compiled = compile(&tool.definition).map(Arc::new);
        let mut kept = self.compiled.write();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(tool.seen_sha256, compiled.clone());
        compiled
    }
}

fn compile(definition: &str) -> Option<Validator> {
    let raw: &RawValue = serde_json::from_str(definition).ok()?;
    let definition = ToolDefinition::parse(raw).ok()?;
    let schema = serde_json::from_str(definition.input_schema.get()).ok()?;
    let patterns = PatternOptions::regex().size_limit(1 << 20).dfa_size_limit(1 << 20);
    jsonschema::options().with_pattern_options(patterns).build(&schema).ok()
}

/// One problem, with the field it is about. The value itself is left out: it may be a secret, and the
/// answer is recorded.
fn describe(error: &jsonschema::ValidationError<'_>) -> String {
    let path = error.instance_path().to_string();
    let field = if path.is_empty() { "the arguments".to_owned() } else { format!("`{path}`") };
    let text: String = error.masked().to_string().chars().take(300).collect();
    format!("{field}: {text}")
}

#[cfg(test)]
mod tests {
    use domain::{ConnectionId, ToolId};

    use super::*;

    fn tool(schema: &str) -> Tool {
        let definition = format!(r#"{{"name":"t","inputSchema":{schema}}}"#);
        Tool {
            id: ToolId::new(),
            connection: ConnectionId::new(),
            name: "t".into(),
            seen_sha256: wire::canonical::sha256(definition.as_bytes()),
            reviewed_sha256: [0; 32],
            definition: definition.into(),
            offered: true,
            schema_usable: true,
        }
    }

    fn check(schema: &str, arguments: &str) -> Validation {
        let arguments: &RawValue = serde_json::from_str(arguments).expect("a test's own JSON");
        Schemas::default().validate(&tool(schema), arguments)
    }

    #[test]
    fn a_wrong_argument_is_named() {
        let schema = r#"{"type":"object","properties":{"amount":{"type":"integer"}},"required":["amount"]}"#;
        assert_eq!(check(schema, r#"{"amount":1}"#), Validation::Fits);
        let Validation::Wrong(problems) = check(schema, r#"{"amount":"x"}"#) else {
            unreachable!("a string is no integer")
        };
        assert!(problems[0].contains("/amount"), "{problems:?}");
        let Validation::Wrong(problems) = check(schema, "{}") else { unreachable!("it is required") };
        assert!(problems[0].contains("amount"), "{problems:?}");
    }

    #[test]
    fn a_schema_that_reaches_out_or_backtracks_is_unusable() {
        assert_eq!(check(r#"{"type":"object","$ref":"http://127.0.0.1:1/x.json"}"#, "{}"), Validation::Unusable);
        assert_eq!(check(r#"{"type":"object","$ref":"file:///etc/passwd"}"#, "{}"), Validation::Unusable);
        assert_eq!(
            check(r#"{"properties":{"a":{"pattern":"(?=x)y"}},"type":"object"}"#, r#"{"a":"y"}"#),
            Validation::Unusable
        );
        assert_eq!(check(r#"{"type":12}"#, "{}"), Validation::Unusable);
    }
}
