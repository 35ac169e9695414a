//! The OpenAPI document and the page made from it: nothing is missing, nothing is too much, and what
//! the gateway really answers fits.

use std::{collections::BTreeSet, fs, path::Path};

use permesso::app::router::API;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, World};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn document() -> Value {
    let text = permesso::api::openapi::document().expect("a document");
    serde_json::from_str(&text).expect("JSON")
}

/// Every operation with its method and path.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let all = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().expect("a path's operations");
        item.iter().map(move |(method, operation)| (method.clone(), path.clone(), operation.clone()))
    });
    all.collect()
}

#[tokio::test]
async fn every_route_is_documented_and_nothing_else() {
    let world = World::new().await;
    let mut routed = BTreeSet::new();
    for (path, _) in API {
        for method in METHODS {
            let asked = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            if world.agent.send(asked, &filled(path), None, &[]).await.status.as_u16() != 405 {
                routed.insert(format!("{method} {path}"));
            }
        }
    }
    let documented: BTreeSet<String> =
        operations(&document()).iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    let missing: Vec<_> = routed.difference(&documented).collect();
    assert!(missing.is_empty(), "no `#[utoipa::path]`, or not in api/openapi.rs: {missing:?}");
    let extra: Vec<_> = documented.difference(&routed).collect();
    assert!(extra.is_empty(), "documented, but not routed: {extra:?}");
}

#[test]
fn the_document_is_the_one_that_reviewers_saw() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let now = permesso::api::openapi::document().expect("a document");
    if std::env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always") {
        fs::write(&path, &now).expect("docs/openapi.json is written");
    }
    let seen = fs::read_to_string(&path).unwrap_or_default();
    let differs = seen.lines().zip(now.lines()).position(|(seen, now)| seen != now);
    let line = differs.unwrap_or_else(|| seen.lines().count().min(now.lines().count()));
    assert!(
        seen == now,
        "docs/openapi.json is not what the code says, from line {} on:\n- {}\n+ {}\n\
         If that is meant: INSTA_UPDATE=always cargo test -p permesso --test it openapi",
        line + 1,
        seen.lines().nth(line).unwrap_or("(its end)"),
        now.lines().nth(line).unwrap_or("(its end)"),
    );
}

#[test]
fn every_operation_and_member_is_described_for_readers_of_the_api() {
    let document = document();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
        assert!(ids.insert(id.clone()), "two operations are called {id}");
        assert!(operation["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{method} {path}: a summary");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let described = parameter["description"].as_str().is_some_and(|text| !text.is_empty());
            assert!(described, "{method} {path}: what is `{}`?", parameter["name"]);
        }
        let tag = &operation["tags"][0];
        let known = document["tags"].as_array().into_iter().flatten().any(|known| known["name"] == *tag);
        assert!(known, "{method} {path}: the tag {tag} has no description");
    }
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        let parts = schema["allOf"].as_array().cloned().unwrap_or_else(|| vec![schema.clone()]);
        for (member, about) in parts.iter().filter_map(|part| part["properties"].as_object()).flatten() {
            assert!(about["description"].is_string(), "{name}.{member} is not described");
        }
    }
    let text = document.to_string();
    for internal in ["::", "[`", "domain", "See [", ".md"] {
        assert!(!text.contains(internal), "the document speaks of the code: {internal}");
    }
}

#[tokio::test]
async fn the_right_that_is_documented_is_the_one_that_is_asked_for() {
    let world = World::new().await;
    let mut asked = 0;
    for (method, path, operation) in operations(&document()) {
        let Some(right) = operation["security"][0]["bearer"][0].as_str() else { continue };
        let url = filled(&path);
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
        let body = (method != Method::GET).then(|| "{}".to_owned());
        // Some operations tell a key that they take a person before they ask for a right.
        let member = if world.agent.send(method.clone(), &url, body.clone(), &[]).await.code() == "person_required" {
            person(&world).await
        } else {
            world.agent.clone()
        };
        let answer = member.send(method.clone(), &url, body, &[]).await;
        assert_eq!(answer.status.as_u16(), 403, "{method} {path}: {}", answer.text);
        let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert!(detail.contains(&format!("`{right}`")), "{method} {path} says {right}; the gateway: {detail}");
        asked += 1;
    }
    assert!(asked > 35, "{asked} operations were asked");
}

/// A person of the role `member`, who may nearly nothing.
async fn person(world: &World) -> Client {
    let (email, password) = ("member@example.com", "member horse battery");
    let body = json!({"email": email, "password": password, "role": "member"});
    let made = world.admin.post("/orgs/acme/members", body).await;
    assert!(matches!(made.status.as_u16(), 201 | 409 | 422), "{}", made.text);
    Client::sign_in(&world.gateway.url, email, password).await
}

fn filled(path: &str) -> String {
    let mut path = path.replace("{org}", "acme");
    for (name, value) in [("{id}", "00000000-0000-7000-8000-000000000000"), ("{slug}", "bank"), ("{toolkit}", "bank")] {
        path = path.replace(name, value);
    }
    for (name, value) in [("{tool}", "pay"), ("{name}", "pay"), ("{role}", "agent"), ("{sha256}", "00")] {
        path = path.replace(name, value);
    }
    format!("/api/v1{path}")
}

/// Checks what the gateway answers against what the document says of it.
struct Checker(Value);

impl Checker {
    /// From a document whose answers have no room for members that it does not name.
    fn new(mut document: Value) -> Self {
        let plain = document["components"]["schemas"].clone();
        for schema in document["components"]["schemas"].as_object_mut().expect("schemas").values_mut() {
            if let Some(parts) = schema["allOf"].as_array() {
                *schema = merged(&plain, parts);
            }
        }
        close(&mut document);
        Self(document)
    }

    #[track_caller]
    fn check(&self, method: &str, path: &str, status: u16, answer: &Value) {
        let mut response = &self.0["paths"][path][method]["responses"][status.to_string()];
        if let Some(reference) = response["$ref"].as_str() {
            response = self.0.pointer(&reference[1..]).expect("what a $ref points to");
        }
        let media = if status >= 400 { "application/problem+json" } else { "application/json" };
        let mut schema = response["content"][media]["schema"].clone();
        assert!(schema.is_object(), "{method} {path}: {status} is not documented");
        schema["components"] = self.0["components"].clone();
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema");
        let wrong: Vec<_> =
            validator.iter_errors(answer).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{method} {path} {status}: {wrong:?}\n{answer}");
    }
}

/// One object of all parts, those that are described elsewhere included.
fn merged(schemas: &Value, parts: &[Value]) -> Value {
    let mut whole = json!({"type": "object", "properties": {}, "required": []});
    for part in parts {
        let name = part["$ref"].as_str().and_then(|path| path.strip_prefix("#/components/schemas/"));
        let part = name.map_or(part, |name| &schemas[name]);
        for (member, about) in part["properties"].as_object().expect("members") {
            whole["properties"][member] = about.clone();
        }
        let required = part["required"].as_array().cloned().unwrap_or_default();
        whole["required"].as_array_mut().expect("a list").extend(required);
    }
    whole
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(close);
            if members.get("type") == Some(&json!("object")) && members.contains_key("properties") {
                members.insert("additionalProperties".to_owned(), false.into());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

#[tokio::test]
async fn what_the_gateway_answers_is_what_the_document_says() {
    let world = World::new().await;
    let checker = Checker::new(document());
    let approval = world.held(4_200).await;
    world.approver.decide(&world.held(77).await, "reject", "not now").await.expect(200);
    world.agent.call("balance", json!({})).await;
    let audit = world.admin.get("/orgs/acme/audit").await.expect(200)["items"][0]["id"].clone();
    let mut seen = Vec::new();
    for (method, path, operation) in operations(&checker.0) {
        // Streams and files are not read here.
        if method != "get" || operation["responses"]["200"]["content"]["application/json"].is_null() {
            continue;
        }
        let id = if path.contains("/audit/") { audit.as_str().unwrap_or_default() } else { &approval };
        let url = filled(&path).replace("00000000-0000-7000-8000-000000000000", id);
        // Only who asked is told how a call stands; this one waits.
        let (asks, status) = if path.contains("/calls/") { (&world.agent, 202) } else { (&world.admin, 200) };
        let answer = asks.send(Method::GET, &url, None, &[]).await;
        assert_eq!(answer.status.as_u16(), status, "{url}: {}", answer.text);
        checker.check("get", &path, status, &answer.json());
        seen.push(path);
    }
    assert!(seen.len() > 15, "{seen:?} were read");

    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": "second", "role": "agent"})).await.expect(201);
    checker.check("post", "/orgs/{org}/api-keys", 201, &key);
    let refreshed = world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    checker.check("post", "/orgs/{org}/connections/{slug}/refresh", 200, &refreshed);
    let taken = world.admin.post("/orgs", json!({"slug": "acme", "name": "Acme"})).await.expect(409);
    checker.check("post", "/orgs", 409, &taken);
    let wrong = world.admin.post("/orgs", json!({"slug": "A", "name": "Acme"})).await.expect(422);
    checker.check("post", "/orgs", 422, &wrong);
    let call = "/orgs/{org}/toolkits/{toolkit}/call";
    for (tool, status) in [("balance", 200), ("pay", 202), ("close", 403), ("nothing", 404)] {
        let body = json!({"tool": tool, "arguments": if tool == "pay" { json!({"cents": 5}) } else { json!({}) }});
        let answer = world.agent.post("/orgs/acme/toolkits/bank/call", body).await.expect(status);
        checker.check("post", call, status, &answer);
    }
    let nobody = world.anonymous.get("/me").await.expect(401);
    checker.check("get", "/me", 401, &nobody);
}

/// The examples of docs/api.md run as they stand, as a story of e2e sees: those that the API's own page shows are the same.
#[test]
fn the_programs_that_are_shown_are_those_of_the_document() {
    let document = document();
    let samples = &document["paths"]["/orgs/{org}/toolkits/{toolkit}/call"]["post"]["x-codeSamples"];
    let samples = samples.as_array().expect("programs");
    assert_eq!(samples.iter().map(|sample| &sample["label"]).collect::<Vec<_>>(), ["curl", "Python", "TypeScript"]);
    let page = std::fs::read_to_string(crate::citations::root().join("docs/api.md")).expect("the page");
    for sample in samples {
        let source = sample["source"].as_str().expect("a text");
        assert!(page.contains(&format!("\n{source}```\n")), "docs/api.md has another one than: {source}");
    }
}

#[tokio::test]
async fn document_and_page_are_for_everybody_and_kept_by_browsers_until_they_change() {
    let world = World::new().await;
    for (path, media) in [
        ("/api/v1/openapi.json", "application/json"),
        ("/api/docs", "text/html; charset=utf-8"),
        ("/api/docs.css", "text/css; charset=utf-8"),
    ] {
        let answer = world.anonymous.send(Method::GET, path, None, &[]).await;
        assert_eq!(answer.status.as_u16(), 200, "{path}");
        assert_eq!(answer.headers["content-type"], media);
        assert_eq!(answer.headers["cache-control"], "no-cache");
        let etag = answer.headers["etag"].to_str().unwrap_or_default().to_owned();
        for known in [etag.clone(), format!("\"other\", W/{etag}")] {
            let again = world.anonymous.send(Method::GET, path, None, &[("if-none-match", &known)]).await;
            assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""), "{path} {known}");
        }
        let changed = world.anonymous.send(Method::GET, path, None, &[("if-none-match", "\"other\"")]).await;
        assert_eq!(changed.status.as_u16(), 200, "{path}");
    }
    let served = world.anonymous.get("/openapi.json").await;
    assert_eq!(served.json(), document());
    assert_eq!(world.anonymous.post("/openapi.json", json!({})).await.status.as_u16(), 401);
}

#[tokio::test]
async fn the_page_names_every_operation_and_type_and_loads_nothing_but_its_style() {
    let world = World::new().await;
    let page = world.anonymous.send(Method::GET, "/api/docs", None, &[]).await;
    let policy = page.headers["content-security-policy"].to_str().unwrap_or_default();
    assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{policy}");
    let first = format!("api={}/api/v1\n", world.gateway.services.public_url.as_str().trim_end_matches('/'));
    assert!(page.text.contains(&first), "examples ask this instance: {first}");
    assert!(!page.text.contains("127.0.0.1:8765") && !page.text.contains("permesso.example.com"), "and no other");
    let document = document();
    for (method, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap_or_default();
        assert!(page.text.contains(&format!("<article id=\"{id}\"")), "{method} {path}");
        assert!(page.text.contains(&format!("aria-label=\"curl for {id}\"")), "{method} {path}");
    }
    for name in document["components"]["schemas"].as_object().expect("schemas").keys() {
        assert!(page.text.contains(&format!("id=\"schema-{name}\"")), "{name}");
    }
    for (at, _) in page.text.match_indices("href=\"#") {
        let target: String = page.text[at + 7..].chars().take_while(|c| *c != '"').collect();
        assert!(page.text.contains(&format!("id=\"{target}\"")), "a link to #{target} leads nowhere");
    }
    for loading in ["<script", "<img", "<iframe", "@import", "style=\"", "src=", "url("] {
        assert!(!page.text.contains(loading), "the page has {loading}");
    }
    assert_eq!(page.text.matches("<link").count(), 1);
    let style = world.anonymous.send(Method::GET, "/api/docs.css", None, &[]).await.text;
    assert!(
        style.contains("color-scheme: light dark") && style.contains("light-dark("),
        "it is dark where one's system is"
    );
    assert!(!style.contains("url(") && !style.contains("@import"), "the style loads nothing");
}

#[test]
fn what_a_name_may_have_is_said_of_each_character_as_it_is_judged() {
    let pattern = document()["components"]["schemas"]["CreateToolkit"]["properties"]["name"]["pattern"].clone();
    let fits = regex::Regex::new(pattern.as_str().expect("a pattern")).expect("a pattern that Rust reads as well");
    let unassigned = regex::Regex::new(r"^\p{Cn}$").expect("a pattern");
    // Beyond, an ECMAScript pattern may see halves of characters.
    for character in ('\u{0}'..='\u{ffff}').filter(|character| !character.is_control()) {
        let text = character.to_string();
        if !unassigned.is_match(&text) {
            let code = u32::from(character);
            assert_eq!(fits.is_match(&text), !domain::marks::is_blank(&text), "U+{code:04X}");
        }
    }
}
