//! The MCP endpoint on the wire: versions, envelopes, batches, bytes, who is let in.

use serde_json::json;

use crate::support::{Behaviour, World, client::text};

#[tokio::test]
async fn each_revision_is_spoken_and_others_get_the_newest() {
    let world = World::new().await;
    for (asked, spoken) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("1999-01-01", "2025-11-25"),
    ] {
        let params = json!({"protocolVersion": asked, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
        let answer = world.agent.rpc("acme/bank", "initialize", params).await;
        assert_eq!(answer["result"]["protocolVersion"], spoken, "{answer}");
        assert_eq!(answer["result"]["serverInfo"]["name"], "permesso");
    }
    assert_eq!(world.agent.rpc("acme/bank", "ping", json!({})).await["result"], json!({}));
    let bad = [("mcp-protocol-version", "1999-01-01")];
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#.to_owned();
    let answer = world.agent.send(reqwest::Method::POST, "/acme/bank/mcp", Some(ping), &bad).await;
    assert_eq!(answer.status.as_u16(), 400, "{}", answer.text);
}

#[tokio::test]
async fn a_wrong_envelope_gets_the_error_of_the_specification() {
    let world = World::new().await;
    for (body, status, code) in [
        ("{", 400, -32700),
        ("\"x\"", 400, -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, 400, -32600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, 400, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","m\u0065thod":"tools/list"}"#, 400, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"nonsense"}"#, 200, -32601),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}"#, 200, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"nope"}}"#, 200, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"balance","name":"pay"}}"#, 200, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"zz"}}"#, 200, -32602),
    ] {
        let answer = world.agent.mcp_raw("acme/bank", body).await;
        assert_eq!(answer.status.as_u16(), status, "{body}: {}", answer.text);
        assert_eq!(answer.json()["error"]["code"], code, "{body}: {}", answer.text);
    }
    let notification = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let answer = world.agent.mcp_raw("acme/bank", notification).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (202, ""));
    let long = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"x":"{}"}}}}"#, "x".repeat(5 << 20));
    assert_eq!(world.agent.mcp_raw("acme/bank", &long).await.status.as_u16(), 413);
    assert_eq!(world.upstream.calls(), 0);
}

/// There are no resources and no prompts. Clients that ask for them unasked give up the whole server when they are refused.
#[tokio::test]
async fn lists_of_what_is_not_offered_are_empty() {
    let world = World::new().await;
    let lists = [
        ("resources/list", "resources"),
        ("resources/templates/list", "resourceTemplates"),
        ("prompts/list", "prompts"),
    ];
    for (method, list) in lists {
        let answer = world.agent.rpc("acme/bank", method, json!({})).await;
        assert_eq!(answer["result"], json!({list: []}), "{answer}");
    }
    let answer = world.agent.rpc("acme/bank", "resources/read", json!({"uri": "x:y"})).await;
    assert_eq!(answer["error"]["code"], -32601, "{answer}");
}

#[tokio::test]
async fn batches_are_for_the_oldest_revision_and_each_entry_is_gated_alone() {
    let world = World::new().await;
    let batch = json!([
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "balance", "arguments": {}}},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": "two", "method": "tools/call", "params": {"name": "pay", "arguments": {"cents": 1}}},
        {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "close", "arguments": {}}},
        {"jsonrpc": "2.0", "id": 4, "method": "initialize", "params": {}},
        7,
    ]);
    let old = [("mcp-protocol-version", "2025-03-26")];
    let answer = world.agent.send(reqwest::Method::POST, "/acme/bank/mcp", Some(batch.to_string()), &old).await;
    let answers = answer.expect(200);
    let answers = answers.as_array().expect("an array");
    assert_eq!(answers.len(), 5, "{answers:?}");
    assert_eq!(text(&answers[0]["result"]), "done");
    assert!(text(&answers[1]["result"]).starts_with("NOT EXECUTED"));
    assert_eq!(answers[1]["id"], "two");
    assert_eq!(answers[2]["result"]["isError"], true);
    assert_eq!(answers[3]["error"]["code"], -32600);
    assert_eq!(answers[4]["error"]["code"], -32600);
    assert_eq!(world.upstream.calls(), 1);
    let answer = world.agent.mcp_raw("acme/bank", &batch.to_string()).await;
    assert_eq!(answer.status.as_u16(), 400, "not in 2025-11-25: {}", answer.text);
    let first = [("mcp-protocol-version", "2024-11-05")];
    let answer = world.agent.send(reqwest::Method::POST, "/acme/bank/mcp", Some(batch.to_string()), &first).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error"]["code"]), (400, &json!(-32600)), "nor in 2024-11-05");
}

#[tokio::test]
async fn a_client_of_2024_11_05_needs_no_header_and_sees_the_whole_story() {
    let world = World::new().await;
    // It may name the revision all the same, as some do who know only this one.
    for more in [&[][..], &[("mcp-protocol-version", "2024-11-05")]] {
        let accept = ("accept", "application/json, text/event-stream");
        let post = async |session: Option<&str>, body: serde_json::Value| {
            let session = session.map(|session| ("mcp-session-id", session));
            let headers: Vec<_> = [accept].into_iter().chain(session).chain(more.iter().copied()).collect();
            let body = Some(body.to_string());
            world.agent.send(reqwest::Method::POST, "/acme/bank/mcp", body, &headers).await
        };
        let rpc = |method: &str, params: serde_json::Value| json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let params =
            json!({"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "old", "version": "1"}});
        let begun = post(None, rpc("initialize", params)).await;
        let session = begun.headers["mcp-session-id"].to_str().expect("text").to_owned();
        assert_eq!(begun.expect(200)["result"]["protocolVersion"], "2024-11-05");
        let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(post(Some(&session), initialized).await.status.as_u16(), 202);
        let listed = post(Some(&session), rpc("tools/list", json!({}))).await.expect(200);
        let tools = listed["result"]["tools"].as_array().expect("tools");
        assert!(tools.iter().any(|tool| tool["name"] == "pay"), "{listed}");
        let call = |name: &str| rpc("tools/call", json!({"name": name, "arguments": {"cents": 7}}));
        assert_eq!(text(&post(Some(&session), call("balance")).await.expect(200)["result"]), "done");
        let sent = world.upstream.bodies().pop().expect("a call");
        assert!(
            sent.contains("progressToken"),
            "without one of the client's: progress extends the call's limit: {sent}"
        );
        let held = post(Some(&session), call("pay")).await.expect(200);
        assert!(text(&held["result"]).starts_with("NOT EXECUTED"), "{held}");
    }
}

#[tokio::test]
async fn results_pass_through_byte_for_byte() {
    let world = World::new().await;
    for odd in [
        r#"{ "content" : [ {"type":"future/kind","x":1.0e2,"y":9007199254740993, "z" : "\u0000\ud83d\ude00é"} ] ,"tools":[],"unknown":{"b":1,"a":2}}"#,
        r#"{"content":[],"structuredContent":{"n":-0.0,"big":1e400,"dup":1,"dup":2},"_meta":{"x/y":null},"isError":false}"#,
    ] {
        world.upstream.behave(Behaviour::Result(odd.to_owned()));
        let body =
            r#"{"jsonrpc":"2.0","id":"\u0061-1","method":"tools/call","params":{"name":"balance","arguments":{}}}"#;
        let answer = world.agent.mcp_raw("acme/bank", body).await;
        assert_eq!(answer.text, format!(r#"{{"jsonrpc":"2.0","id":"\u0061-1","result":{odd}}}"#));
    }
    let error = r#"{"code":-32042, "message":"no","data":{"n":1.50}}"#;
    world.upstream.behave(Behaviour::Error(error.to_owned()));
    let answer = world
        .agent
        .mcp_raw("acme/bank", r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"balance"}}"#)
        .await;
    assert_eq!(answer.text, format!(r#"{{"jsonrpc":"2.0","id":1,"error":{error}}}"#));
}

#[tokio::test]
async fn an_approved_result_passes_through_byte_for_byte_too() {
    let world = World::new().await;
    let id = world.held(1).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    let odd = r#"{ "content" : [ {"type":"future/kind","x":1.0e2} ], "unknown":9007199254740993 }"#;
    world.upstream.behave(Behaviour::Result(odd.to_owned()));
    let body =
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"pay","arguments":{"cents":1,"to":"Ada"}}}"#;
    let answer = world.agent.mcp_raw("acme/bank", body).await;
    assert_eq!(answer.text, format!(r#"{{"jsonrpc":"2.0","id":1,"result":{odd}}}"#));
    let replay = world.agent.mcp_raw("acme/bank", body).await.text;
    for kept in [r#"{"type":"future/kind","x":1.0e2}"#, r#""unknown":9007199254740993"#, r#""replayed":true"#] {
        assert!(replay.contains(kept), "{replay}");
    }
}

#[tokio::test]
async fn only_trace_context_of_the_callers_meta_goes_upstream() {
    let world = World::new().await;
    let params = json!({"name": "balance", "arguments": {}, "_meta": {
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "secret": "x", "progressToken": "mine"}});
    world.agent.rpc("acme/bank", "tools/call", params).await;
    let sent = &world.upstream.bodies()[0];
    assert!(sent.contains("traceparent") && sent.contains("progressToken"), "{sent}");
    assert!(!sent.contains("secret") && !sent.contains("\"mine\""), "{sent}");
}

#[tokio::test]
async fn strangers_learn_nothing() {
    let world = World::new().await;
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    for path in ["acme/bank", "acme/nothing", "nobody/nothing"] {
        let answer = world.anonymous.mcp_raw(path, ping).await;
        assert_eq!(answer.status.as_u16(), 401, "{path}");
        assert!(answer.headers["www-authenticate"].to_str().is_ok_and(|value| value.starts_with("Bearer")));
    }
    for wrong in ["mmcp_nonsense", "eyJhbGciOiJub25lIn0.e30.", ""] {
        let stranger = crate::support::Client::new(&world.gateway.url, Some(wrong));
        assert_eq!(stranger.mcp_raw("acme/bank", ping).await.status.as_u16(), 401, "{wrong}");
    }
    // Another org's private toolkit answers as one that does not exist, to the letter.
    let strip = |text: &str| {
        let mut json: serde_json::Value = serde_json::from_str(text).expect("JSON");
        json["error"]["data"]["request_id"] = json!(null);
        json.to_string()
    };
    let there = world.other_agent.mcp_raw("acme/bank", ping).await;
    let nowhere = world.other_agent.mcp_raw("acme/nothing", ping).await;
    let no_org = world.other_agent.mcp_raw("nobody/nothing", ping).await;
    assert_eq!(there.status.as_u16(), 404);
    assert_eq!((there.status, strip(&there.text)), (nowhere.status, strip(&nowhere.text)));
    assert_eq!((there.status, strip(&there.text)), (no_org.status, strip(&no_org.text)));
    let names = |answer: &crate::support::client::Answer| {
        let mut names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
        names.sort();
        names
    };
    assert_eq!(names(&there), names(&nowhere));
}

#[tokio::test]
async fn guests_of_a_public_toolkit_are_held_there_and_named() {
    let world = World::new().await;
    world.admin.patch("/orgs/acme/toolkits/bank", json!({"visibility": "public"})).await.expect(200);
    let held = world.other_agent.call("pay", json!({"to": "Eve", "cents": 3})).await;
    let id = crate::support::Client::approval_of(&held);
    let shown = world.admin.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    assert_eq!(shown["caller_name"], "spy");
    assert_eq!(world.other_org.get(&format!("/orgs/acme/approvals/{id}")).await.status.as_u16(), 404);
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    assert_eq!(text(&world.other_agent.call("pay", json!({"to": "Eve", "cents": 3})).await), "done");
    let audit = world.admin.get(&format!("/orgs/acme/audit?approval={id}")).await.expect(200);
    assert!(
        audit["items"].as_array().is_some_and(|items| items.iter().any(|r| r["actor_org_id"].is_string())),
        "{audit}"
    );
    let theirs = world.other_org.get("/orgs/other/audit").await.expect(200);
    assert!(!theirs.to_string().contains("pay"), "the record belongs to the toolkit's org: {theirs}");
}

#[tokio::test]
async fn a_long_list_comes_page_by_page_and_whole() {
    let world = World::new().await;
    let tools: Vec<_> =
        (0..1_050).map(|n| json!({"name": format!("t{n:04}"), "inputSchema": {"type": "object"}})).collect();
    world.upstream.offer(&json!(tools).to_string());
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    world
        .admin
        .post("/orgs/acme/toolkits", json!({"slug": "many", "name": "Many", "visibility": "private"}))
        .await
        .expect(201);
    let all = json!({"connection": "bank", "tools": "all"});
    let added = world.admin.post("/orgs/acme/toolkits/many/tools", all).await;
    assert!(added.status.is_success(), "{}", added.text);
    let (mut names, mut cursor, mut pages) = (Vec::new(), None::<serde_json::Value>, 0);
    loop {
        let params = cursor.map_or(json!({}), |cursor| json!({"cursor": cursor}));
        let page = world.agent.rpc("acme/many", "tools/list", params).await["result"].clone();
        names.extend(
            page["tools"].as_array().expect("tools").iter().map(|t| t["name"].as_str().unwrap_or("").to_owned()),
        );
        pages += 1;
        match page["nextCursor"].clone() {
            serde_json::Value::Null => break,
            next => cursor = Some(next),
        }
    }
    assert_eq!((pages, names.len()), (2, 1_052));
    assert_eq!(names[..3], ["approval_status", "run_approved", "t0000"], "many clients read no more than one page");
    assert_eq!(names[1_051], "t1049");
}

#[tokio::test]
async fn a_renamed_tool_is_the_same_tool_under_another_name() {
    let world = World::new().await;
    let body = json!({"connection": "bank", "tool": "balance", "permission": "always_allow"});
    let put = world.admin.put("/orgs/acme/toolkits/bank/tools/how_much", body.clone()).await;
    assert!(put.status.is_success(), "{}", put.text);
    let list = world.agent.rpc("acme/bank", "tools/list", json!({})).await;
    let renamed = list["result"]["tools"].as_array().expect("tools").iter().find(|t| t["name"] == "how_much").cloned();
    assert_eq!(renamed.expect("it is listed")["description"], "Reads.");
    assert_eq!(text(&world.agent.call("how_much", json!({})).await), "done");
    assert!(world.upstream.bodies()[0].contains(r#""name":"balance""#), "{:?}", world.upstream.bodies());
    for reserved in ["approval_status", "run_approved"] {
        let put = world.admin.put(&format!("/orgs/acme/toolkits/bank/tools/{reserved}"), body.clone()).await;
        assert_eq!(put.status.as_u16(), 422, "{}", put.text);
    }
}
