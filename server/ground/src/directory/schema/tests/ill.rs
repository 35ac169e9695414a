//! Schemas that are not JSON Schema in part.

use serde_json::Map;

use super::*;

/// A schema of which one thing is not JSON Schema: the rest is checked, and nothing is refused that the whole would not
/// have refused.
#[tokio::test]
async fn one_keyword_that_is_not_json_schema_does_not_make_the_rest_useless() {
    let with = |one: Value| {
        let mut schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
        for (keyword, value) in one.as_object().expect("keywords") {
            match (schema.get_mut(keyword), value) {
                (Some(Value::Object(known)), Value::Object(more)) => known.extend(more.clone()),
                _ => schema[keyword] = value.clone(),
            }
        }
        schema
    };
    let draft = |name: &str| json!(format!("http://json-schema.org/{name}/schema#"));
    for (one, left_out) in [
        (json!({"properties": {"a": {"type": "string", "required": true}}}), "`required` at `#/properties/a`"),
        (json!({"properties": {"a": {"type": "array", "items": [{"type": "string"}]}}}), "`items` at `#/properties/a`"),
        (json!({"properties": {"a": {"type": "string", "description": null}}}), "`description` at `#/properties/a`"),
        (json!({"properties": {"a": {"type": "any"}}}), "`type` at `#/properties/a`"),
        (json!({"properties": {"a": null}}), "`properties` at `#`"),
        (json!({"properties": {"a": "string"}}), "`properties` at `#`"),
        (json!({"properties": {"a": {"enum": null}}}), "`enum` at"),
        (json!({"properties": {"a": {"minimum": "0"}}}), "`minimum` at"),
        (json!({"properties": {"a": {"minimum": 0, "exclusiveMinimum": true}}}), "`exclusiveMinimum` at"),
        (json!({"properties": {"a": {"minLength": -1}}}), "`minLength` at"),
        (json!({"properties": {"a": {"anyOf": []}}}), "`anyOf` at"),
        (json!({"properties": {"a": {"anyOf": [null, {"type": "string"}]}}}), "`anyOf` at"),
        (json!({"properties": {"a": {"not": null}}}), "`not` at"),
        (json!({"properties": {"a": {"items": "string"}}}), "`items` at"),
        (json!({"properties": {"a": {"pattern": 1}}}), "`pattern` at"),
        (json!({"properties": {"a": {"$id": 1}}}), "`$id` at"),
        (json!({"additionalProperties": null}), "`additionalProperties` at `#`"),
        (json!({"title": 1, "examples": "x", "deprecated": "no"}), "`title` at `#`"),
        (json!({"$defs": []}), "`$defs` at `#`"),
        (json!({"$schema": draft("draft-07"), "properties": {"a": {"required": false}}}), "`required` at"),
        (json!({"$schema": draft("draft-07"), "properties": {"a": {"items": [{"title": null}]}}}), "`title` at"),
        (json!({"$schema": draft("draft-04"), "properties": {"a": {"exclusiveMinimum": 1}}}), "`exclusiveMinimum` at"),
        (json!({"$schema": draft("draft-06"), "properties": {"a": {"const": null, "examples": {}}}}), "`examples` at"),
    ] {
        let schema = with(one);
        let (checked, note) = checked(check(&schema, &json!({"n": 1})).await);
        assert_eq!(checked, ArgumentsCheck::Partial, "{schema}: {note}");
        assert!(note.contains(left_out) && note.contains("not JSON Schema"), "{schema}: {note}");
        let problems = wrong(check(&schema, &json!({"n": "x"})).await);
        assert!(problems[0].contains("`/n`"), "the rest of {schema} is checked: {problems:?}");
        assert!(!wrong(check(&schema, &json!({})).await).is_empty(), "{schema}");
    }
}

#[tokio::test]
async fn what_leans_on_a_keyword_that_is_left_out_goes_with_it() {
    for (schema, fits) in [
        (json!({"properties": [], "additionalProperties": false}), json!({"a": 1})),
        (json!({"properties": {"a": null}, "additionalProperties": false}), json!({"a": 1})),
        (json!({"properties": {"a": {"prefixItems": {}, "items": {"type": "string"}}}}), json!({"a": [1]})),
        (json!({"properties": {"a": {"contains": {"const": 1}, "minContains": "0"}}}), json!({"a": []})),
        (
            json!({"properties": {"a": {"oneOf": [{"type": "string", "minLength": "9"}, {"type": "string"}]}}}),
            json!({"a": "x"}),
        ),
        (json!({"properties": {"a": {"not": {"type": "string", "minLength": "9"}}}}), json!({"a": "x"})),
        (json!({"properties": {"a": {"contains": null}}}), json!({"a": []})),
        (json!({"if": null, "then": false}), json!({})),
        (
            json!({"$schema": "http://json-schema.org/draft-04/schema#", "properties": {"a": {"minimum": "1", "exclusiveMinimum": true}}}),
            json!({"a": 0}),
        ),
    ] {
        let (checked, note) = checked(check(&schema, &fits).await);
        assert_eq!(checked, ArgumentsCheck::Partial, "{schema}: {note}");
    }
    // What says something and refuses nothing leaves the rest as strict as it was.
    let schema = json!({"properties": {"a": {"description": null, "not": {"type": "string"}}}});
    assert!(!wrong(check(&schema, &json!({"a": "x"})).await).is_empty());
}

#[tokio::test]
async fn a_schema_with_thousands_of_wrong_keywords_takes_bounded_time() {
    let wrong = |n: usize| (format!("p{n}"), json!({"type": "any", "required": true, "title": null, "items": [[1]]}));
    let schema = json!({"properties": (0..7_000).map(wrong).collect::<Map<_, _>>()});
    assert!(
        definition(&schema).len() > 256 * 1024 || checked(check(&schema, &json!({})).await).0 != ArgumentsCheck::Full
    );
    let schema = json!({"properties": (0..3_000).map(wrong).collect::<Map<_, _>>()});
    let began = std::time::Instant::now();
    let (checked, note) = checked(check(&schema, &json!({"p1": 1})).await);
    assert_eq!(checked, ArgumentsCheck::Partial, "{note}");
    assert!(note.len() < 1_000, "{note}");
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}
