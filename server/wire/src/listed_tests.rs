#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;

fn raw(json: &str) -> &RawValue {
    serde_json::from_str(json).unwrap()
}

fn shown(json: &str, output: OutputSchema) -> String {
    listed(raw(json), "n", output).get().to_owned()
}

#[test]
fn what_every_revision_forbids_is_named() {
    for (members, message) in [
        (r#""inputSchema":{}"#, "tool.inputSchema.type is missing"),
        (r#""inputSchema":{"type":null}"#, "tool.inputSchema.type is missing"),
        (r#""inputSchema":true"#, "tool.inputSchema must be an object"),
        (r#""inputSchema":null"#, "tool.inputSchema is missing"),
        (r#""inputSchema":{"anyOf":[{"type":"object"}]}"#, "tool.inputSchema.type is missing"),
        (r#""inputSchema":{"type":["object"]}"#, "tool.inputSchema.type must be a string"),
        (r#""inputSchema":{"type":"array"}"#, r#"tool.inputSchema.type must be "object""#),
        (r#""inputSchema":{"type":"object","properties":[]}"#, "tool.inputSchema.properties must be an object"),
        (
            r#""inputSchema":{"type":"object","properties":{"a":1}}"#,
            "tool.inputSchema.properties must be an object of schemas",
        ),
        (r#""inputSchema":{"type":"object","required":true}"#, "tool.inputSchema.required must be an array of strings"),
        (
            r#""inputSchema":{"type":"object","required":[null]}"#,
            "tool.inputSchema.required must be an array of strings",
        ),
        (r#""inputSchema":{"type":"object","$schema":1}"#, "tool.inputSchema.$schema must be a string"),
        (r#""inputSchema":{"type":"object"},"outputSchema":true"#, "tool.outputSchema must be an object"),
        (r#""inputSchema":{"type":"object"},"title":1"#, "tool.title must be a string"),
        (r#""inputSchema":{"type":"object"},"description":["x"]"#, "tool.description must be a string"),
        (r#""inputSchema":{"type":"object"},"annotations":[]"#, "tool.annotations must be an object"),
        (r#""inputSchema":{"type":"object"},"annotations":{"title":{}}"#, "tool.annotations.title must be a string"),
        (
            r#""inputSchema":{"type":"object"},"annotations":{"readOnlyHint":"yes"}"#,
            "tool.annotations.readOnlyHint must be true or false",
        ),
        (r#""inputSchema":{"type":"object"},"execution":1"#, "tool.execution must be an object"),
        (
            r#""inputSchema":{"type":"object"},"execution":{"taskSupport":"never"}"#,
            "tool.execution.taskSupport must be required, optional or forbidden",
        ),
        (r#""inputSchema":{"type":"object"},"icons":{}"#, "tool.icons must be an array"),
        (r#""inputSchema":{"type":"object"},"icons":["x"]"#, "an entry of tool.icons must be an object"),
        (r#""inputSchema":{"type":"object"},"icons":[{"mimeType":"x"}]"#, "an entry of tool.icons.src is missing"),
        (
            r#""inputSchema":{"type":"object"},"icons":[{"src":"x","sizes":"any"}]"#,
            "an entry of tool.icons.sizes must be an array of strings",
        ),
        (
            r#""inputSchema":{"type":"object"},"icons":[{"src":"x","theme":"blue"}]"#,
            "an entry of tool.icons.theme must be light or dark",
        ),
        (r#""inputSchema":{"type":"object"},"_meta":"x""#, "tool._meta must be an object"),
        (
            r#""inputSchema":{"type":"object"},"_meta":{"a":"\ud800"}"#,
            "tool is not valid Unicode: it has a lone surrogate escape",
        ),
    ] {
        let tool = format!(r#"{{"name":"a",{members}}}"#);
        assert_eq!(allowed(raw(&tool)).unwrap_err().to_string(), message, "{tool}");
    }
    assert!(allowed(raw(r#"{"name":1,"inputSchema":{"type":"object"}}"#)).is_err());
}

#[test]
fn nulls_are_left_out_and_every_other_byte_is_kept() {
    let tool = r#"{"name":"a", "title":null,"icons":[{"src":"x","sizes":null},null],"annotations":{"title":null,"readOnlyHint":true},
        "execution":{"taskSupport":null},"_meta":{"a":null},"outputSchema":null,"x":null,"y":[null],
        "inputSchema":{"type":"object","description":null,"properties":{"a":null,"b":{"default":null,"const":null,"title":null,
        "enum":[null,1.0],"items":[null,{"description":null}]},"null":true,"c":false},"required":null,"$defs":{"x":{"type":null}},
        "additionalProperties":false}}"#;
    allowed(raw(tool)).unwrap();
    let expected = concat!(
        r#"{"name":"n","icons":[{"src":"x"}],"annotations":{"readOnlyHint":true},"execution":{},"_meta":{"a":null},"y":[null],"#,
        r#""inputSchema":{"type":"object","properties":{"a":{},"b":{"default":null,"const":null,"enum":[null,1.0],"items":[{},{}]},"#,
        r#""null":{},"c":{"not":{}}},"$defs":{"x":{}},"additionalProperties":false}}"#,
    );
    assert_eq!(shown(tool, OutputSchema::Any), expected);
    let plain = r#"{"inputSchema":{ "type" : "object","properties":{"a":{"maximum":1e2}} },"name":"n","z":1.0}"#;
    assert_eq!(shown(plain, OutputSchema::Any), plain);
}

#[test]
fn an_output_schema_is_listed_to_whom_it_can_be() {
    let tool = |output: &str| format!(r#"{{"name":"n","inputSchema":{{"type":"object"}},"outputSchema":{output}}}"#);
    for (output, of_object, any) in [
        (r#"{"type":"object"}"#, true, true),
        (r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/a"}},"$defs":{"a":{}}}"##, true, true),
        (r#"{"type":"array"}"#, false, true),
        (r#"{"anyOf":[{"type":"object"}]}"#, false, true),
        (r#"{"type":"object","required":"a"}"#, false, true),
        (r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/a"}}}"##, false, false),
        (r#"{"type":"object","properties":{"a":{"$ref":"https://example.com/a"}}}"#, false, false),
    ] {
        let tool = tool(output);
        allowed(raw(&tool)).unwrap();
        assert_eq!(output_problem(raw(&tool)).is_none(), of_object, "{output}");
        let has = |output| shown(&tool, output).contains("outputSchema");
        assert_eq!((has(OutputSchema::OfObject), has(OutputSchema::Any)), (of_object, any), "{output}");
        assert!(!has(OutputSchema::LeftOut));
    }
}
