//! Who may decide is one rule: the list, the request itself, the filter and the badge say the same to each.

use serde_json::{Value, json};

use crate::support::{Client, World};

/// Somebody who looks, by what they are to the key.
struct Looker {
    who: &'static str,
    client: Client,
}

/// A person of acme with this role.
async fn person(world: &World, who: &'static str, role: &str) -> Looker {
    let (email, password) = (format!("{who}@example.com"), "some horse battery");
    let member = json!({"email": email, "password": password, "role": role});
    world.admin.post("/orgs/acme/members", member).await.expect(201);
    Looker { who, client: Client::sign_in(&world.gateway.url, &email, password).await }
}

fn ids<'a>(items: impl Iterator<Item = &'a Value>) -> Vec<String> {
    items.map(|item| item["id"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Holds everything that says what this one may decide against each other; gives the ids of what they may.
async fn agreed(looker: &Looker) -> Vec<String> {
    let Looker { who, client } = looker;
    let list = async |query: &str| {
        let list = client.get(&format!("/orgs/acme/approvals?limit=200{query}")).await.expect(200);
        list["items"].as_array().cloned().unwrap_or_default()
    };
    let all = list("").await;
    for row in &all {
        let one = client.get(&format!("/orgs/acme/approvals/{}", row["id"].as_str().unwrap_or(""))).await.expect(200);
        assert_eq!(row["may_decide"], one["may_decide"], "{who}: {row}");
        assert_eq!(one["may_decide"] == true, one["may_not_decide_because"].is_null(), "{who}: {one}");
        for like in one["similar"].as_array().into_iter().flatten() {
            let same = all.iter().find(|row| row["id"] == like["id"]).expect("it is listed");
            assert_eq!(like["may_decide"], same["may_decide"], "{who}: {like}");
        }
    }
    let waits = |row: &&Value| row["status"] == "pending";
    let may = ids(all.iter().filter(waits).filter(|row| row["may_decide"] == true));
    assert_eq!(ids(list("&mine=true").await.iter()), may, "{who}");
    let summary = client.get("/orgs/acme/approvals/summary").await.expect(200);
    let waiting = all.iter().filter(waits).count();
    let oldest = all.iter().filter(waits).map(|row| row["created_at"].clone()).next_back();
    assert_eq!(
        summary,
        json!({"waiting": waiting, "mine": may.len(), "oldest_at": oldest.unwrap_or(Value::Null)}),
        "{who}"
    );
    may
}

#[tokio::test]
async fn list_request_filter_and_summary_agree_for_whoever_looks() {
    let world = World::new().await;
    let mut lookers = vec![
        Looker { who: "owner", client: world.owner.clone() },
        Looker { who: "approver", client: world.approver.clone() },
        Looker { who: "admin", client: world.admin.clone() },
    ];
    // Somebody who may both call and decide.
    let teller = json!({"name": "teller", "rights": ["tools:call", "approvals:read", "approvals:decide"]});
    world.admin.post("/orgs/acme/roles", teller).await.expect(201);
    let policy = json!({"approval_policy": {"approver_roles": ["admin", "approver", "teller"]}});
    world.admin.patch("/orgs/acme", policy).await.expect(200);
    for (who, role) in [("maker", "admin"), ("rotator", "admin"), ("auditor", "auditor"), ("caller", "teller")] {
        lookers.push(person(&world, who, role).await);
    }
    for (name, role) in [("eye", "auditor"), ("hand", "approver")] {
        let key = world.owner.post("/orgs/acme/api-keys", json!({"name": name, "role": role})).await.expect(201);
        lookers.push(Looker { who: "key", client: Client::new(&world.gateway.url, key["key"].as_str()) });
    }
    let client = |who: &str| lookers.iter().find(|looker| looker.who == who).expect("one of them").client.clone();
    // Two tools: one as the org has it, one that only administrators decide.
    let only_admins = json!({"connection": "bank", "tool": "balance", "permission": "needs_approval",
        "approval_policy": {"approver_roles": ["admin"]}});
    world.admin.put("/orgs/acme/toolkits/bank/tools/balance", only_admins).await.expect(200);
    let key = json!({"name": "made", "role": "agent", "owner": "owner@example.com"});
    let key = client("maker").post("/orgs/acme/api-keys", key).await.expect(201);
    let rotate = format!("/orgs/acme/api-keys/{}/rotate", key["id"].as_str().unwrap_or(""));
    let rotated = client("rotator").post(&rotate, json!({"overlap_seconds": 0})).await.expect(200);
    let robot = Client::new(&world.gateway.url, rotated["key"].as_str());
    let pay = Client::approval_of(&robot.call("pay", json!({"to": "Ada", "cents": 1})).await);
    let balance = Client::approval_of(&robot.call("balance", json!({})).await);
    let asked = Client::approval_of(&client("caller").call("pay", json!({"to": "Ada", "cents": 2})).await);
    let decided = Client::approval_of(&robot.call("pay", json!({"to": "Ada", "cents": 3})).await);
    world.approver.decide(&decided, "reject", "no").await.expect(200);

    let expected = |looker: &Looker| match looker.who {
        "owner" | "maker" | "rotator" => vec![asked.clone()],
        "approver" => vec![asked.clone(), pay.clone()],
        "admin" => vec![asked.clone(), balance.clone(), pay.clone()],
        "caller" => vec![pay.clone()],
        _ => vec![],
    };
    for looker in &lookers {
        assert_eq!(agreed(looker).await, expected(looker), "{}", looker.who);
    }
    // The policy lets people decide on their own requests.
    world.admin.patch("/orgs/acme", json!({"approval_policy": {"allow_self_approval": true}})).await.expect(200);
    for looker in &lookers {
        let expected = match looker.who {
            "auditor" | "key" => vec![],
            "approver" | "caller" => vec![asked.clone(), pay.clone()],
            _ => vec![asked.clone(), balance.clone(), pay.clone()],
        };
        assert_eq!(agreed(looker).await, expected, "{}", looker.who);
    }
    // The tool is gone: it is as for the org.
    world.admin.patch("/orgs/acme", json!({"approval_policy": {"allow_self_approval": false}})).await.expect(200);
    world.admin.delete("/orgs/acme/toolkits/bank/tools/balance").await.expect(204);
    let undone = || async { world.admin.status(&balance).await == "invalidated" };
    crate::support::eventually("its request is invalidated", undone).await;
    for looker in &lookers {
        agreed(looker).await;
    }
}

#[tokio::test]
async fn the_summary_counts_deadlines_and_asks_for_the_right_to_read() {
    let world = World::new().await;
    let summary = async |client: &Client| client.get("/orgs/acme/approvals/summary").await;
    let nothing = json!({"waiting": 0, "mine": 0, "oldest_at": null});
    assert_eq!(summary(&world.approver).await.expect(200), nothing);
    world.held(1).await;
    assert_eq!(summary(&world.approver).await.expect(200)["mine"], 1);
    sqlx::Executor::execute(&mut world.sql().await, "UPDATE approvals SET expires_at = now()").await.expect("late");
    assert_eq!(summary(&world.approver).await.expect(200), nothing);
    assert_eq!(summary(&world.agent).await.status.as_u16(), 403);
    assert_eq!(summary(&world.other_org).await.status.as_u16(), 404);
}
