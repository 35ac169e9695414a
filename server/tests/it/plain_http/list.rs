//! `GET /orgs/{org}/tools`: what one may call, and whether it would wait for a person.

use reqwest::Method;
use serde_json::{Value, json};

use super::{fields, permit, problem, toolkit};
use crate::support::{Client, Gateway, World, client::Answer, upstream::TOOLS};

const LIST: &str = "/orgs/acme/tools";

async fn list(client: &Client) -> Vec<Value> {
    let list = client.get(LIST).await.expect(200);
    assert!(list["next_cursor"].is_null(), "{list}");
    list["items"].as_array().expect("items").clone()
}

/// Toolkit, name and permission of each.
fn short(items: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    items.iter().map(|item| ["toolkit", "name", "permission"].map(|name| text(&item[name])).join(" ")).collect()
}

/// Asks again with this tag.
async fn ask_again(client: &Client, tag: &str) -> Answer {
    client.send(Method::GET, &format!("/api/v1{LIST}"), None, &[("if-none-match", tag)]).await
}

fn tag(answer: &Answer) -> String {
    answer.headers["etag"].to_str().expect("text").to_owned()
}

#[tokio::test]
async fn what_may_be_called_is_listed_over_all_toolkits_with_schemas() {
    let world = World::new().await;
    assert_eq!(short(&list(&world.agent).await), ["bank balance always_allow", "bank pay needs_approval"]);
    let schema = json!({"type": "object", "properties": {"to": {"type": "string"}, "cents": {"type": "number"}}});
    let pay = json!({"toolkit": "bank", "name": "pay", "description": "Pays.", "input_schema": schema,
        "permission": "needs_approval"});
    assert_eq!(list(&world.agent).await[1], pay);

    toolkit(&world, "alpha", "private", &["pay", "close", "balance"]).await;
    let empty = json!({"slug": "empty", "name": "Empty", "visibility": "public"});
    world.admin.post("/orgs/acme/toolkits", empty).await.expect(201);
    let all = [
        "alpha balance always_allow",
        "alpha close always_allow",
        "alpha pay always_allow",
        "bank balance always_allow",
        "bank pay needs_approval",
    ];
    for client in [&world.agent, &world.owner, &world.admin] {
        assert_eq!(short(&list(client).await), all);
    }
    problem(&world.approver.get(LIST).await, 403, "forbidden");
    problem(&world.anonymous.get(LIST).await, 401, "unauthorized");
    // Under the name that it has in the toolkit.
    let renamed = json!({"connection": "bank", "tool": "balance", "permission": "always_allow"});
    world.admin.put("/orgs/acme/toolkits/bank/tools/how_much", renamed).await.expect(201);
    let found = list(&world.agent).await.into_iter().find(|item| item["name"] == "how_much").expect("it is listed");
    assert_eq!(found["description"], "Reads.");
    assert_eq!(world.upstream.calls(), 0);
}

#[tokio::test]
async fn the_permission_is_the_one_that_a_call_would_meet() {
    let world = World::new().await;
    let policies = |tool: &str| format!("/orgs/acme/toolkits/bank/tools/{tool}/policies/agent");
    world.admin.put(&policies("pay"), json!({"permission": "always_allow"})).await.expect(200);
    world.admin.put(&policies("balance"), json!({"permission": "blocked"})).await.expect(200);
    world.admin.put(&policies("close"), json!({"permission": "needs_approval"})).await.expect(200);
    assert_eq!(short(&list(&world.agent).await), ["bank close needs_approval", "bank pay always_allow"]);
    assert_eq!(short(&list(&world.owner).await), ["bank balance always_allow", "bank pay needs_approval"]);
    // A definition that changed is held until a person has reviewed it.
    world.upstream.offer(&TOOLS.replace("Reads.", "Reads all."));
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    assert_eq!(short(&list(&world.owner).await), ["bank balance needs_approval", "bank pay needs_approval"]);
    super::call(&world.owner, "balance", json!({})).await.expect(202);
    // What the upstream no longer offers cannot be called.
    let first = json!([serde_json::from_str::<Value>(TOOLS).expect("JSON")[0]]);
    world.upstream.offer(&first.to_string());
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    assert_eq!(short(&list(&world.owner).await), ["bank balance always_allow"]);
    world.admin.patch("/orgs/acme/connections/bank", json!({"enabled": false})).await.expect(200);
    assert_eq!(short(&list(&world.owner).await), Vec::<String>::new());
}

/// The list page by page.
async fn pages(client: &Client, limit: usize) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("{LIST}?limit={limit}{cursor}")).await.expect(200);
        let items = page["items"].as_array().expect("items");
        assert!(items.len() <= limit, "{page}");
        all.extend(items.iter().cloned());
        match page["next_cursor"].as_str() {
            None => return all,
            Some(_) if items.len() < limit => panic!("a page that is not full is the last: {page}"),
            Some(next) => cursor = format!("&cursor={next}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_in_one_order_and_whole_at_every_replica() {
    let world = World::new().await;
    // Names that collations sort in other ways than bytes.
    let names = ["t", "t-1", "t1", "t_2", "T3", "Ta", "ta", "t.9"];
    let tools: Vec<_> = names.iter().map(|name| json!({"name": name, "inputSchema": {"type": "object"}})).collect();
    world.upstream.offer(&json!(tools).to_string());
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    for slug in ["b-z", "ba", "b2", "b-a"] {
        toolkit(&world, slug, "private", &names).await;
    }
    let all = list(&world.agent).await;
    assert_eq!(all.len(), 4 * names.len(), "those of the bank are no longer offered: {:?}", short(&all));
    let grouped: Vec<_> = all.chunk_by(|one, next| one["toolkit"] == next["toolkit"]).collect();
    assert_eq!(grouped.len(), 4, "toolkit by toolkit: {:?}", short(&all));
    let names_of = |group: &[Value]| group.iter().map(|item| item["name"].to_string()).collect::<Vec<_>>();
    for group in grouped {
        assert_eq!(names_of(group), names_of(&all[..names.len()]), "in each in the same order");
    }
    let second = Gateway::start(&world.database).await;
    for agent in [&world.agent, &world.agent.at(&second.url)] {
        for limit in [1, 3, 8, 31, 32, 200] {
            assert_eq!(pages(agent, limit).await, all, "{limit} at a time");
        }
    }
    second.stop().await;
}

#[tokio::test]
async fn more_tools_than_a_page_has_come_page_by_page() {
    let world = World::new().await;
    let names: Vec<_> = (0..250).map(|n| format!("t{n:03}")).collect();
    let tools: Vec<_> = names.iter().map(|name| json!({"name": name, "inputSchema": {"type": "object"}})).collect();
    world.upstream.offer(&json!(tools).to_string());
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    toolkit(&world, "many", "private", &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let first = world.agent.get(LIST).await.expect(200);
    assert_eq!(first["items"].as_array().map(Vec::len), Some(50), "unless one says otherwise");
    assert!(first["next_cursor"].is_string(), "{}", first["next_cursor"]);
    let all: Vec<_> = pages(&world.agent, 200).await.iter().map(|item| item["name"].clone()).collect();
    assert_eq!(all, names);
    for (query, field) in
        [("limit=0", "limit"), ("limit=201", "limit"), ("limit=x", "limit"), ("cursor=x", "cursor"), ("tool=t", "tool")]
    {
        let problem = problem(&world.agent.get(&format!("{LIST}?{query}")).await, 422, "invalid");
        assert_eq!(fields(&problem), [field], "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_list_is_told_that_it_is_the_same() {
    let world = World::new().await;
    toolkit(&world, "open", "public", &["balance"]).await;
    let first = world.agent.get(LIST).await;
    let known = tag(&first);
    assert!(known.starts_with('"') || known.starts_with("W/\""), "{known}");
    let second = Gateway::start(&world.database).await;
    for agent in [&world.agent, &world.agent.at(&second.url)] {
        assert_eq!(tag(&agent.get(LIST).await), known);
        let any = format!("\"other\", {known}");
        for known in [known.as_str(), "*", any.as_str()] {
            let same = ask_again(agent, known).await;
            assert_eq!((same.status.as_u16(), same.text.as_str()), (304, ""), "{known}");
            assert_eq!(tag(&same), tag(&first));
        }
        assert_eq!(ask_again(agent, "\"other\"").await.expect(200), first.json());
    }
    second.stop().await;
    // Another caller and another page have another list.
    ask_again(&world.other_agent, &known).await.expect(200);
    let path = format!("/api/v1{LIST}?limit=1");
    world.agent.send(Method::GET, &path, None, &[("if-none-match", &known)]).await.expect(200);
    // As soon as anything in it is another, so is its tag.
    let mut tags = vec![known];
    for change in 0..3 {
        match change {
            0 => permit(&world, "pay", "always_allow").await,
            1 => permit(&world, "balance", "blocked").await,
            _ => {
                world.upstream.offer(&TOOLS.replace("Pays.", "Pays all."));
                world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
            }
        }
        let changed = ask_again(&world.agent, tags.last().expect("a tag")).await;
        assert!(!tags.contains(&tag(&changed)), "change {change}");
        tags.push(tag(&changed));
        changed.expect(200);
    }
}
