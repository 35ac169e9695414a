//! What in a schema is not JSON Schema of its dialect, keyword by keyword: servers write `required: true`, a `null` for what
//! there is not, or the keywords of another draft. The rest can be checked all the same.

use jsonschema::{draft4, draft6, draft7, draft201909, draft202012};
use serde_json::{Map, Value, json};

use super::parts::{LIST, MAP, ONE, Parts};

/// Keywords that say something to people or programs and refuse nothing.
const ANNOTATIONS: [&str; 8] =
    ["$comment", "default", "deprecated", "description", "examples", "readOnly", "title", "writeOnly"];
/// What has to go with a keyword: it would refuse more without it.
const LEANING: [(&str, &[&str]); 7] = [
    ("items", &["additionalItems"]),
    ("maximum", &["exclusiveMaximum"]),
    ("minContains", &["contains"]),
    ("minimum", &["exclusiveMinimum"]),
    ("patternProperties", &["additionalProperties"]),
    ("prefixItems", &["items"]),
    ("properties", &["additionalProperties"]),
];

/// Whether a value is a schema of a draft.
type IsSchema = fn(&Value) -> bool;

/// One keyword of a part, or one of the schemas that it has.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ill {
    /// The keyword as a whole.
    Keyword(String),
    /// What stands under this name or number, where there should be a schema.
    Entry(String, String),
}

impl Ill {
    /// The keyword that it is about.
    pub(super) fn keyword(&self) -> &str {
        match self {
            Self::Keyword(keyword) | Self::Entry(keyword, _) => keyword,
        }
    }

    /// Whether the schema could refuse more with it.
    pub(super) fn refuses(&self) -> bool {
        !ANNOTATIONS.contains(&self.keyword())
    }

    /// Takes it out of the part.
    pub(super) fn leave_out(&self, schema: &mut Map<String, Value>) {
        match self {
            Self::Keyword(keyword) => {
                schema.remove(keyword);
                let leaning = LEANING.iter().filter(|(on, _)| on == keyword).flat_map(|(_, leaning)| *leaning);
                leaning.for_each(|keyword| drop(schema.remove(*keyword)));
            }
            Self::Entry(keyword, step) => {
                // A schema that refuses nothing.
                let anything = || json!({});
                match schema.get_mut(keyword) {
                    Some(Value::Object(members)) => drop(members.insert(step.clone(), anything())),
                    Some(Value::Array(items)) => {
                        let item = step.parse::<usize>().ok().and_then(|at| items.get_mut(at));
                        item.into_iter().for_each(|item| *item = anything());
                    }
                    _ => {}
                }
            }
        }
    }
}

/// What of a part is not JSON Schema.
pub(super) fn of(parts: &Parts<'_>, number: usize) -> Vec<Ill> {
    let Some(part) = parts.all.get(number).and_then(|part| part.schema()) else { return Vec::new() };
    // The whole schema says which dialect it is written in.
    let dialect = parts.all.first().and_then(|whole| whole.get("$schema")?.as_str()).unwrap_or_default();
    let mut ill = Vec::new();
    for (keyword, value) in part.iter().filter(|(keyword, _)| *keyword != "$schema") {
        let before = ill.len();
        let shallow = shallow(keyword, value, &mut ill);
        if !is_well_formed(dialect, keyword, shallow) {
            ill.truncate(before);
            ill.push(Ill::Keyword(keyword.clone()));
        }
    }
    ill
}

/// The value of a keyword, with the schemas in it as if they refused nothing: they are parts of their own. What should be
/// a schema among others and is none is noted.
fn shallow(keyword: &str, value: &Value, ill: &mut Vec<Ill>) -> Value {
    let mut entry = |step: String, value: &Value| {
        let names = keyword == "dependencies" && value.is_array();
        if names {
            return value.clone();
        }
        if !(value.is_object() || value.is_boolean()) {
            ill.push(Ill::Entry(keyword.to_owned(), step));
        }
        json!({})
    };
    match value {
        Value::Array(items) if LIST.contains(&keyword) => {
            items.iter().enumerate().map(|(at, item)| entry(at.to_string(), item)).collect()
        }
        Value::Object(members) if MAP.contains(&keyword) => {
            Value::Object(members.iter().map(|(name, member)| (name.clone(), entry(name.clone(), member))).collect())
        }
        Value::Object(_) if ONE.contains(&keyword) => json!({}),
        value => value.clone(),
    }
}

fn is_well_formed(dialect: &str, keyword: &str, value: Value) -> bool {
    // Draft 4 has these only beside each other.
    let mut alone = match keyword {
        "exclusiveMaximum" => json!({"maximum": 0}),
        "exclusiveMinimum" => json!({"minimum": 0}),
        _ => json!({}),
    };
    alone[keyword] = value;
    let drafts: [(&str, IsSchema); 4] = [
        ("/draft-04/", draft4::meta::is_valid),
        ("/draft-06/", draft6::meta::is_valid),
        ("/draft-07/", draft7::meta::is_valid),
        ("/2019-09/", draft201909::meta::is_valid),
    ];
    let known = drafts.iter().find(|(name, _)| dialect.contains(name)).map(|(_, is_valid)| *is_valid);
    known.unwrap_or(draft202012::meta::is_valid)(&alone)
}
