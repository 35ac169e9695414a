//! The mark of a stored answer for agents: it says in the result itself that the call did not run again.

use serde_json::{Value, json, value::RawValue};
use wire::json::fields;

use super::{
    facts::META_KEY,
    outcome::{Body, Reply},
};
use crate::error::{Error, Result};

impl Reply {
    /// The same for a client that reads nothing but the result: a stored one says in itself that it did not run again.
    ///
    /// # Errors
    /// Never for a result that an upstream gave.
    pub fn marked(mut self) -> Result<Self> {
        if let (Body::Result(raw), Some(facts)) = (&self.body, &self.facts)
            && facts["replayed"] == true
        {
            self.body = Body::Result(marked(raw, facts)?);
        }
        Ok(self)
    }
}

/// The result with `replayed: true` under `_meta` and a last text block that says when a new run is possible; all other
/// bytes are unchanged.
fn marked(result: &RawValue, mark: &Value) -> Result<Box<RawValue>> {
    let block = json!({"type": "text", "text": mark["message"]}).to_string();
    // An upstream may write a member twice; such a result is returned unmarked rather than not at all.
    let Ok(members) = fields(result) else { return Ok(result.to_owned()) };
    let mut out = Vec::new();
    let mut has_meta = false;
    for (key, value) in &members {
        let name = serde_json::to_string(key).map_err(Error::internal)?;
        let value = match &**key {
            "content" if value.get().starts_with('[') => appended(value.get(), ']', &block),
            "_meta" if value.get().starts_with('{') => {
                has_meta = true;
                appended(value.get(), '}', &format!("\"{META_KEY}\":{mark}"))
            }
            _ => value.get().to_owned(),
        };
        out.push(format!("{name}:{value}"));
    }
    if !has_meta {
        out.push(format!("\"_meta\":{{\"{META_KEY}\":{mark}}}"));
    }
    RawValue::from_string(format!("{{{}}}", out.join(","))).map_err(Error::internal)
}

/// A JSON array or object with one more entry at its end.
fn appended(json: &str, close: char, entry: &str) -> String {
    let open = json.trim_end().strip_suffix(close).unwrap_or(json).trim_end();
    let comma = if open.len() == 1 { "" } else { "," };
    format!("{open}{comma}{entry}{close}")
}

#[cfg(test)]
mod tests {
    use super::appended;

    #[test]
    fn an_entry_is_appended_and_nothing_else_changes() {
        assert_eq!(appended("[]", ']', "1"), "[1]");
        assert_eq!(appended("[ ]", ']', "1"), "[1]");
        assert_eq!(appended(r#"[ 1.0e2 , "]" ]"#, ']', "1"), r#"[ 1.0e2 , "]",1]"#);
        assert_eq!(appended(r#"{"a":{}}"#, '}', r#""b":1"#), r#"{"a":{},"b":1}"#);
    }
}
