//! One's own name and settings of the console.

use serde_json::{Value, json};

use crate::support::{
    Client, World,
    world::{ADMIN, APPROVER},
};

#[tokio::test]
async fn people_give_themselves_a_name_and_it_is_on_record_where_they_belong() {
    let world = World::new().await;
    let before = world.approver.get("/me").await.expect(200);
    assert_eq!((&before["name"], &before["display_name"]), (&json!(APPROVER.0), &json!("approver")));
    assert_eq!(world.agent.get("/me").await.expect(200)["display_name"], Value::Null);
    let after = world.approver.patch("/me", json!({"name": " Ada Lovelace "})).await.expect(200);
    assert_eq!((&after["display_name"], &after["name"]), (&json!("Ada Lovelace"), &before["name"]));
    assert_eq!(world.approver.get("/me").await.expect(200), after);
    let members = world.owner.get("/orgs/acme/members").await.expect(200);
    let shown = members["items"].as_array().into_iter().flatten().find(|one| one["email"] == APPROVER.0);
    assert_eq!(shown.expect("a member")["name"], "Ada Lovelace");

    // What changes nothing is not on record.
    world.approver.patch("/me", json!({})).await.expect(200);
    world.approver.patch("/me", json!({"name": "Ada Lovelace"})).await.expect(200);
    let list = world.admin.get("/orgs/acme/audit?action=update_me").await.expect(200);
    let records = list["items"].as_array().cloned().unwrap_or_default();
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!(records[0]["actor_name"], APPROVER.0);
    let elsewhere = world.other_org.get("/orgs/other/audit?action=update_me").await.expect(200);
    assert_eq!(elsewhere["items"], json!([]));

    for (body, field) in [
        (json!({"name": ""}), "name"),
        (json!({"name": null}), "name"),
        (json!({"name": "\u{200b}"}), "name"),
        (json!({"name": "é".repeat(101)}), "name"),
        (json!({"email": "other@example.com"}), "email"),
        (json!({"instance_admin": true}), "instance_admin"),
    ] {
        let problem = world.approver.patch("/me", body.clone()).await.expect(422);
        assert_eq!(problem["errors"][0]["field"], field, "{body}");
    }
    let key = world.agent.patch("/me", json!({"name": "x"})).await;
    assert_eq!((key.status.as_u16(), key.code().as_str()), (403, "person_required"));
}

#[tokio::test]
async fn preferences_are_each_persons_own_and_set_whole() {
    let world = World::new().await;
    let path = "/me/preferences";
    let unset = json!({"theme": "system", "shortcuts": true, "time_zone": null});
    assert_eq!(world.approver.get(path).await.expect(200), unset);
    let set = json!({"theme": "dark", "shortcuts": false, "time_zone": "Europe/Rome"});
    assert_eq!(world.approver.put(path, set.clone()).await.expect(200), set);
    // In every browser of theirs, and nobody else's.
    let browser = Client::browser_of(&world.gateway.url, APPROVER).await;
    assert_eq!(browser.get(path).await.expect(200), set);
    for other in [&world.owner, &world.admin, &world.other_org, &Client::browser_of(&world.gateway.url, ADMIN).await] {
        assert_eq!(other.get(path).await.expect(200), unset);
    }
    world.owner.put(path, json!({"theme": "light"})).await.expect(200);
    assert_eq!(world.approver.get(path).await.expect(200), set);
    // What is left out is as for who never set it.
    let less = json!({"theme": "system", "shortcuts": true, "time_zone": "UTC"});
    assert_eq!(browser.put(path, json!({"time_zone": "UTC"})).await.expect(200), less);
    assert_eq!(world.approver.get(path).await.expect(200), less);

    for (body, field) in [
        (json!({"theme": "pink"}), "theme"),
        (json!({"theme": null}), "theme"),
        (json!({"shortcuts": "yes"}), "shortcuts"),
        (json!({"time_zone": ""}), "time_zone"),
        (json!({"time_zone": "Europe/Rome; DROP TABLE"}), "time_zone"),
        (json!({"time_zone": "a".repeat(65)}), "time_zone"),
        (json!({"font": "Comic Sans"}), "font"),
    ] {
        let problem = world.approver.put(path, body.clone()).await.expect(422);
        assert_eq!(problem["errors"][0]["field"], field, "{body}");
    }
    assert_eq!(world.approver.get(path).await.expect(200), less, "nothing of it was kept");
    for answer in [world.agent.get(path).await, world.agent.put(path, json!({})).await] {
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "person_required"), "{}", answer.text);
    }
    assert_eq!(world.anonymous.get(path).await.status.as_u16(), 401);
}
