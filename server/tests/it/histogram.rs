//! How many records there are: of a list, of several statuses, and by time.

use permesso::db::audit::{INTERRUPTED, Status};
use serde_json::{Value, json};

use crate::support::{Client, World, records};

/// A record of `org` that began then; without a status it has no outcome.
async fn put(world: &World, org: &str, at: &str, status: &str) {
    let sql = "WITH intent AS (
            INSERT INTO audit_intents (id, at, org_id, request_id, actor_kind, actor_name, action, toolkit, tool, request)
            SELECT gen_random_uuid(), $2::timestamptz, id, id, 'system', 'permesso', 'tools/call', 'bank', $3, 'needle'
            FROM orgs WHERE slug = $1 RETURNING id, at, org_id)
        INSERT INTO audit_outcomes (intent_id, intent_at, org_id, at, status, duration_us)
        SELECT id, at, org_id, at, $3, 1 FROM intent WHERE $3 <> 'interrupted'";
    let query = sqlx::query(sql).bind(org).bind(at).bind(status);
    query.execute(&mut world.sql().await).await.expect("it is on record");
}

async fn histogram(client: &Client, query: &str) -> Value {
    client.get(&format!("/orgs/acme/audit/histogram?{query}")).await.expect(200)["items"].clone()
}

/// How many there are in all buckets: those that went well, and the others.
fn sum(items: &Value) -> (u64, u64) {
    let items = items.as_array().expect("items");
    let of = |name: &str| items.iter().map(|item| item[name].as_u64().expect("a number")).sum();
    (of("ok"), of("failed"))
}

fn bucket(at: &str, ok: u64, failed: u64) -> Value {
    json!({"at": format!("2026-03-{at}Z"), "ok": ok, "failed": failed})
}

const DAY: &str = "from=2026-03-21T10:00:00Z&to=2026-03-21T12:00:00Z";

async fn a_morning(world: &World) {
    for (at, status) in [
        ("09:59:59.999999", "ok"),
        ("10:00:00", "ok"),
        ("10:00:59.999999", "error"),
        ("10:01:00", "held"),
        ("10:59:59", INTERRUPTED),
        ("11:00:00", "refused"),
        ("12:00:00", "ok"),
    ] {
        put(world, "acme", &format!("2026-03-21T{at}Z"), status).await;
    }
    put(world, "other", "2026-03-21T10:30:00Z", "ok").await;
}

#[tokio::test]
async fn records_are_counted_by_minute_hour_and_day_of_utc() {
    let world = World::new().await;
    a_morning(&world).await;
    assert_eq!(
        histogram(&world.approver, &format!("{DAY}&bucket=60")).await,
        json!([
            bucket("21T10:00:00", 1, 1),
            bucket("21T10:01:00", 1, 0),
            bucket("21T10:59:00", 1, 0),
            bucket("21T11:00:00", 0, 1)
        ])
    );
    let hours = json!([bucket("21T10:00:00", 3, 1), bucket("21T11:00:00", 0, 1)]);
    assert_eq!(histogram(&world.approver, DAY).await, hours, "an hour, unless something else is said");
    assert_eq!(histogram(&world.approver, &format!("{DAY}&bucket=86400")).await, json!([bucket("21T00:00:00", 3, 2)]));
    // Other words for the same time.
    let berlin = "from=2026-03-21T11:00:00%2B01:00&to=2026-03-21T13:00:00%2B01:00";
    assert_eq!(histogram(&world.approver, berlin).await, hours);
    assert_eq!(histogram(&world.approver, "to=2026-03-22T10:00:00Z").await[0], bucket("21T10:00:00", 3, 1));
    assert_eq!(histogram(&world.approver, "from=2026-03-21T10:00:00Z&to=2026-03-21T10:00:00Z").await, json!([]));
    let theirs = world.other_org.get(&format!("/orgs/other/audit/histogram?{DAY}")).await.expect(200);
    assert_eq!(theirs["items"], json!([bucket("21T10:00:00", 1, 0)]), "another org has its own");
}

#[tokio::test]
async fn each_status_is_a_failure_or_none_and_filters_are_those_of_the_list() {
    let world = World::new().await;
    for status in Status::ALL.map(Status::as_str).into_iter().chain([INTERRUPTED]) {
        put(&world, "acme", "2026-03-21T10:00:00Z", status).await;
    }
    let counted = async |client: &Client, filter: &str| sum(&histogram(client, &format!("{DAY}{filter}")).await);
    assert_eq!(counted(&world.approver, "").await, (4, 5));
    for (status, failed) in [
        ("ok", 0),
        ("held", 0),
        ("replayed", 0),
        ("interrupted", 0),
        ("error", 1),
        ("refused", 1),
        ("rejected", 1),
        ("failed", 1),
        ("unknown", 1),
    ] {
        let one = (1 - failed, failed);
        assert_eq!(counted(&world.approver, &format!("&status={status}")).await, one, "{status}");
        assert_eq!(counted(&world.approver, &format!("&tool={status}&toolkit=bank&actor=permesso")).await, one);
    }
    assert_eq!(counted(&world.approver, "&status=ok,refused,interrupted").await, (2, 1));
    assert_eq!(counted(&world.approver, "&action=initialize").await, (0, 0));
    assert_eq!(counted(&world.approver, "&approval=00000000-0000-7000-8000-000000000000").await, (0, 0));
    assert_eq!(counted(&world.approver, "&q=REJECTED").await, (0, 1));
    assert_eq!(counted(&world.approver, "&q=needle").await, (0, 0), "nothing is told of bodies, not even a number");
    assert_eq!(counted(&world.admin, "&q=needle").await, (4, 5));
}

#[tokio::test]
async fn without_bounds_it_is_the_last_day() {
    let world = World::new().await;
    records::put(&world, 5, ("balance", 0), 10).await;
    put(&world, "acme", "2026-03-21T10:00:00Z", "ok").await;
    assert_eq!(sum(&histogram(&world.admin, "tool=balance").await), (5, 0));
    assert_eq!(sum(&histogram(&world.admin, "tool=balance&bucket=86400").await), (5, 0));
    assert_eq!(histogram(&world.admin, "tool=ok").await, json!([]));
    assert_eq!(sum(&histogram(&world.admin, "tool=ok&from=2026-03-01T00:00:00Z&bucket=86400").await), (1, 0));
}

#[tokio::test]
async fn what_cannot_be_counted_is_refused_with_what_would_fit() {
    let world = World::new().await;
    let refused = async |query: &str| {
        let problem = world.admin.get(&format!("/orgs/acme/audit/histogram?{query}")).await.expect(422);
        let text = |name: &str| problem["errors"][0][name].as_str().unwrap_or_default().to_owned();
        (text("field"), text("message"))
    };
    for bucket in ["0", "61", "-60", "", "60.0", "1e3", "3600s", "99999999999999999999", "0x3c", "%0060"] {
        assert_eq!(refused(&format!("bucket={bucket}")).await.0, "bucket", "{bucket}");
    }
    let (field, message) = refused("bucket=60&from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z").await;
    assert!(field == "bucket" && message.contains("3600"), "{message}");
    let (field, message) = refused("bucket=60&from=2026-01-01T00:00:00Z&to=2026-03-01T00:00:00Z").await;
    assert!(field == "bucket" && message.contains("86400"), "{message}");
    assert_eq!(refused("bucket=86400&from=2020-01-01T00:00:00Z&to=2026-03-01T00:00:00Z").await.0, "from");
    assert_eq!(refused("from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z").await.0, "to");
    assert_eq!(refused("from=9999-12-31T00:00:00Z").await.0, "from", "it has not come yet");
    for query in ["limit=5", "cursor=x", "count=true", "format=csv", "bucket=60&bucket=60", "status=ok,", "to=now"] {
        let (field, _) = refused(query).await;
        assert_eq!(field, query.split('=').next().unwrap_or_default(), "{query}");
    }
    // As far away as a time can be.
    for query in [
        "to=0000-01-01T00:00:00Z",
        "to=9999-12-31T23:59:59.999999999Z",
        "from=0000-01-01T00:00:00Z&to=0000-01-01T00:00:01Z",
    ] {
        assert_eq!(histogram(&world.admin, query).await, json!([]), "{query}");
    }
    let answer = world.agent.get("/orgs/acme/audit/histogram").await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "forbidden"));
    assert_eq!(world.other_org.get("/orgs/acme/audit/histogram").await.status.as_u16(), 404);
}

#[tokio::test]
async fn a_list_counts_all_its_pages_up_to_ten_thousand() {
    let world = World::new().await;
    records::put(&world, 7, ("balance", 0), 10).await;
    let counted = async |client: &Client, query: &str| {
        let list = client.get(&format!("/orgs/acme/audit?{query}")).await.expect(200);
        (list["items"].as_array().map_or(0, Vec::len), list["count"].clone(), list["more"].clone())
    };
    assert_eq!(counted(&world.approver, "tool=balance&limit=2").await, (2, Value::Null, Value::Null));
    assert_eq!(counted(&world.approver, "tool=balance&limit=2&count=true").await, (2, json!(7), json!(false)));
    let first = world.approver.get("/orgs/acme/audit?tool=balance&limit=2").await.expect(200);
    let next = first["next_cursor"].as_str().expect("there is more");
    let second = format!("tool=balance&limit=2&count=true&cursor={next}");
    assert_eq!(counted(&world.approver, &second).await, (2, json!(7), json!(false)), "of all pages");
    assert_eq!(counted(&world.approver, "tool=none&count=true").await, (0, json!(0), json!(false)));
    assert_eq!(counted(&world.approver, "tool=balance&count=true&to=2026-03-01T00:00:00Z").await.1, 0);
    let theirs = world.other_org.get("/orgs/other/audit?tool=balance&count=true").await.expect(200);
    assert_eq!(theirs["count"], 0);
    put(&world, "acme", "2026-03-21T10:00:00Z", "ok").await;
    assert_eq!(counted(&world.admin, "q=needle&count=true").await.1, 1);
    assert_eq!(counted(&world.approver, "q=needle&count=true").await.1, 0, "nothing is told of bodies");
    records::put(&world, 9_993, ("balance", 0), 10).await;
    assert_eq!(counted(&world.approver, "tool=balance&limit=1&count=true").await, (1, json!(10_000), json!(false)));
    records::put(&world, 1, ("balance", 0), 10).await;
    assert_eq!(counted(&world.approver, "tool=balance&limit=1&count=true").await, (1, json!(10_000), json!(true)));
    for (path, field) in [("audit?count=yes", "count"), ("audit/export?format=csv&count=true", "count")] {
        let problem = world.admin.get(&format!("/orgs/acme/{path}")).await.expect(422);
        assert_eq!(problem["errors"][0]["field"], field, "{path}");
    }
}

#[tokio::test]
async fn several_statuses_are_asked_for_at_once() {
    let world = World::new().await;
    for status in ["ok", "held", "refused", INTERRUPTED] {
        put(&world, "acme", "2026-03-21T10:00:00Z", status).await;
    }
    for (asked, found) in [
        ("ok", vec!["ok"]),
        ("ok,held", vec!["held", "ok"]),
        ("held,ok,ok,held", vec!["held", "ok"]),
        ("interrupted,refused", vec!["interrupted", "refused"]),
        ("ok%2Cheld", vec!["held", "ok"]),
        ("error", vec![]),
    ] {
        let query = format!("{DAY}&status={asked}");
        let list = world.admin.get(&format!("/orgs/acme/audit?{query}&count=true")).await.expect(200);
        let words = |items: &[Value]| {
            let mut words: Vec<_> = items.iter().map(|item| item["status"].as_str().unwrap_or("").to_owned()).collect();
            words.sort();
            words
        };
        assert_eq!(words(list["items"].as_array().expect("items")), found, "{asked}");
        assert_eq!(list["count"], found.len(), "{asked}");
        let file = world.admin.get(&format!("/orgs/acme/audit/export?format=jsonl&{query}")).await;
        let lines: Vec<Value> = file.text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(words(&lines), found, "{asked}");
        let (ok, failed) = sum(&histogram(&world.admin, &query).await);
        assert_eq!(ok + failed, found.len() as u64, "{asked}");
    }
    let list = world.admin.get("/orgs/acme/audit?action=export_audit&limit=1").await.expect(200);
    let id = list["items"][0]["id"].as_str().unwrap_or_default();
    let record = world.admin.get(&format!("/orgs/acme/audit/{id}")).await.expect(200);
    let request: Value = serde_json::from_str(record["request"].as_str().unwrap_or_default()).expect("JSON");
    assert_eq!(request["filters"]["status"], "error", "what was asked for is on record");
    for path in ["audit?", "audit/histogram?", "audit/export?format=csv&"] {
        for wrong in ["ok,", ",ok", "ok,,held", "ok,bogus", "OK", "ok held", "ok,%20held"] {
            let problem =
                world.admin.get(&format!("/orgs/acme/{path}status={}", wrong.replace(' ', "%20"))).await.expect(422);
            assert_eq!(problem["errors"][0]["field"], "status", "{path}{wrong}");
        }
    }
}
