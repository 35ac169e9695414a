//! Lists and exports refuse what they do not know: a filter that is spelled wrong must not give everything, and a value
//! that cannot be must not give nothing.

use serde_json::{Value, json};

use crate::support::{Behaviour, Client, World};

const LISTS: [&str; 14] = [
    "/orgs",
    "/auth/sessions",
    "/orgs/acme/roles",
    "/orgs/acme/members",
    "/orgs/acme/invitations",
    "/orgs/acme/api-keys",
    "/orgs/acme/connections",
    "/orgs/acme/connections/bank/tools",
    "/orgs/acme/toolkits",
    "/orgs/acme/toolkits/bank/tools",
    "/orgs/acme/approvals",
    "/orgs/acme/audit",
    "/orgs/acme/audit/histogram",
    "/orgs/acme/audit/export?format=jsonl",
];

fn with(path: &str, query: &str) -> String {
    format!("{path}{}{query}", if path.contains('?') { '&' } else { '?' })
}

fn field(problem: &Value) -> &str {
    problem["errors"][0]["field"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_name_that_no_list_knows_is_refused_by_every_list() {
    let world = World::new().await;
    for path in LISTS {
        world.owner.get(path).await;
        for (query, name) in [("form=2026-01-01T00:00:00Z", "form"), ("Limit=1", "Limit"), ("x", "x"), ("%00=1", "")] {
            let problem = world.owner.get(&with(path, query)).await.expect(422);
            assert!(field(&problem).contains(name), "{path} {query}: {problem}");
        }
    }
    // Names that other lists know.
    for (path, name) in
        [("/orgs/acme/toolkits", "status"), ("/orgs/acme/audit", "mine"), ("/orgs/acme/approvals", "from")]
    {
        assert_eq!(field(&world.owner.get(&with(path, &format!("{name}=x"))).await.expect(422)), name, "{path}");
    }
    assert_eq!(field(&world.owner.get("/orgs/acme/audit/export?format=csv&limit=5").await.expect(422)), "limit");
}

#[tokio::test]
async fn a_value_that_cannot_be_is_refused_with_the_filters_name() {
    let world = World::new().await;
    for list in LISTS.iter().filter(|list| !list.contains("export")) {
        for query in ["limit=0", "limit=201", "limit=", "limit=1&limit=2", "cursor="] {
            let problem = world.owner.get(&with(list, query)).await.expect(422);
            assert_eq!(field(&problem), query.split('=').next().unwrap_or_default(), "{list} {query}: {problem}");
        }
    }
    for list in [
        "/orgs/acme/audit",
        "/orgs/acme/audit/histogram",
        "/orgs/acme/audit/export?format=jsonl",
        "/orgs/acme/audit/export?format=csv",
    ] {
        for query in [
            "status=bogus",
            "status=",
            "from=yesterday",
            "from=2026-02-30T00:00:00Z",
            "from=2026-01-01",
            "to=1",
            "to=",
            "approval=7",
            "actor=",
            "toolkit=",
            "toolkit=%00",
            "tool=%0a",
            "action=%00",
            "q=%00",
            "q=",
            "from=2026-01-01T00:00:00Z&from=2026-01-02T00:00:00Z",
        ] {
            let problem = world.owner.get(&with(list, query)).await.expect(422);
            assert_eq!(field(&problem), query.split('=').next().unwrap_or_default(), "{list} {query}: {problem}");
        }
        let problem =
            world.owner.get(&with(list, "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z")).await.expect(422);
        assert_eq!(field(&problem), "to", "nothing can be between them");
    }
    for query in ["status=bogus", "status=pending,", "mine=yes", "caller=nobody", "tool=%00", "tool=", "toolkit=%07"] {
        let problem = world.owner.get(&with("/orgs/acme/approvals", query)).await.expect(422);
        assert_eq!(field(&problem), query.split('=').next().unwrap_or_default(), "{query}: {problem}");
    }
    for query in ["revoked=", "revoked=no", "owner=sam", "owner=", "role=agent"] {
        let problem = world.owner.get(&with("/orgs/acme/api-keys", query)).await.expect(422);
        assert_eq!(field(&problem), query.split('=').next().unwrap_or_default(), "{query}: {problem}");
    }
    for query in ["", "format=xml", "format=", "format=csv&format=csv"] {
        let problem = world.owner.get(&format!("/orgs/acme/audit/export?{query}")).await.expect(422);
        assert_eq!(field(&problem), "format", "{query}");
    }
    let records = world.owner.get("/orgs/acme/audit?action=export_audit").await.expect(200);
    assert_eq!(records["items"], Value::Array(Vec::new()), "no export was begun");
}

#[tokio::test]
async fn every_value_that_a_filter_knows_is_taken() {
    let world = World::new().await;
    for status in ["ok", "error", "refused", "held", "rejected", "replayed", "failed", "unknown", "interrupted"] {
        world.owner.get(&format!("/orgs/acme/audit?status={status}")).await.expect(200);
    }
    for query in ["from=2026-01-01T00:00:00%2B01:00", "to=2026-01-01T00:00:00.123Z", "q=%20x%20", "actor=%C3%A9"] {
        world.owner.get(&format!("/orgs/acme/audit?{query}")).await.expect(200);
    }
    world.owner.get("/orgs/acme/approvals?status=pending,approved&mine=false").await.expect(200);
}

#[tokio::test]
async fn a_text_is_found_however_json_spells_it() {
    let world = World::new().await;
    // As Python writes what is not ASCII, and as somebody who hides a name might.
    let id = Client::approval_of(
        &world.agent.call_raw("pay", r#"{"cents":1,"to":"Zo\u00eb \u004dallory","path":"a\/b"}"#).await,
    );
    world
        .upstream
        .behave(Behaviour::Result(r#"{"content":[{"type":"text","text":"{\"name\":\"J\\u00f6rg\"}"}]}"#.into()));
    world.agent.call("balance", json!({})).await;
    let found = async |path: &str, q: &str| {
        let list = world.owner.get(&format!("{path}q={}", q.replace('/', "%2F").replace('"', "%22"))).await.expect(200);
        list["items"].as_array().map_or(0, Vec::len)
    };
    for q in ["zoë", "Mallory", "MALLORY", "Zoë Mallory", "a/b", "\"Zoë"] {
        let list = world
            .owner
            .get(&format!("/orgs/acme/approvals?q={}", q.replace('/', "%2F").replace('"', "%22")))
            .await
            .expect(200);
        assert_eq!(list["items"][0]["id"], id, "{q}");
        assert_eq!(found("/orgs/acme/audit?tool=pay&", q).await, 1, "{q}");
    }
    assert_eq!(found("/orgs/acme/audit?tool=balance&", "Jörg").await, 1, "in JSON in a result");
    for q in ["Malory", "Zoe", "a.b", "u00eb\"\""] {
        assert_eq!(found("/orgs/acme/approvals?", q).await, 0, "{q}");
    }
    // As long and as awkward as may be.
    for q in ["ë".repeat(500), "\\\"".repeat(250), "(".repeat(500), "*".repeat(500), "😀".repeat(500)] {
        assert_eq!(found("/orgs/acme/audit?", &q).await, 0);
    }
}
