//! Configuration that changes while it is read, is read for somebody who has gone, or is suddenly an earlier one.

use std::sync::Arc;

use domain::{Permission, directory::Org};
use permesso::directory::Directory;
use sqlx::{Executor, PgConnection};

use crate::support::{Gateway, World, eventually};

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

/// Keeps every load of an org from coming to its end until it is given up.
async fn hold_loads(world: &World) -> PgConnection {
    let mut sql = world.sql().await;
    sql.execute(sqlx::raw_sql("BEGIN; LOCK TABLE toolkits IN ACCESS EXCLUSIVE MODE")).await.expect("an owner may");
    sql
}

/// How many loads are held.
async fn held_loads(world: &World) -> i64 {
    let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
                 AND query LIKE '%instructions FROM toolkits WHERE org_id%'";
    sqlx::query_scalar(count).fetch_one(&mut world.sql().await).await.expect("a count")
}

fn permission(org: &Org, tool: &str) -> Option<Permission> {
    org.toolkits.values().find_map(|toolkit| toolkit.find_tool(tool)).map(|tool| tool.permission)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_while_it_is_read_is_read_again() {
    let world = World::new().await;
    let directory = &world.gateway.services.directory;
    let before = world.org().await;
    assert_ne!(permission(&before, "balance"), Some(Permission::Blocked));
    let held = hold_loads(&world).await;
    let mut sql = world.sql().await;
    sql.execute("UPDATE orgs SET name = 'Acme Inc.' WHERE slug = 'acme'").await.expect("an owner may");
    directory.refresh().await.expect("it hears of it");
    let reading = tokio::spawn({
        let (directory, id) = (directory.clone(), before.id);
        async move { directory.org(id).await }
    });
    eventually("the load is under way", || async { held_loads(&world).await == 1 }).await;
    sql.execute("UPDATE toolkit_tools SET permission = 'blocked' WHERE name = 'balance'").await.expect("an owner may");
    directory.refresh().await.expect("it hears of it");
    drop(held);

    let after = reading.await.expect("it ends").expect("it is read").expect("acme");
    assert_eq!(permission(&after, "balance"), Some(Permission::Blocked), "as it was when the load began");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_org_is_loaded_once_for_all_who_wait_and_also_when_they_have_gone() {
    let world = World::new().await;
    let id = world.org().await.id;
    let fresh = Gateway::start(&world.database).await;
    let directory = &fresh.services.directory;
    assert!(!directory.keeps(id));
    let held = hold_loads(&world).await;
    let ask = |directory: Arc<Directory>| tokio::spawn(async move { directory.org(id).await });
    let asked: Vec<_> = (0..20).map(|_| ask(directory.clone())).collect();
    eventually("the load is under way", || async { held_loads(&world).await > 0 }).await;
    assert_eq!(held_loads(&world).await, 1, "one for all of them");
    for one in asked {
        one.abort();
    }
    drop(held);
    eventually("the load comes to its end", || async { directory.keeps(id) }).await;
    fresh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_kept_counts_any_more_when_the_database_is_an_earlier_one() {
    let world = World::new().await;
    let ping = async || world.agent.mcp_raw("acme/bank", PING).await.status.as_u16();
    assert_eq!(ping().await, 200);
    let mut sql = world.sql().await;
    // As after a restore: the versions that were given since are given again.
    sql.execute("UPDATE configuration SET version = version - 3").await.expect("an owner may");
    world.gateway.services.directory.refresh().await.expect("it hears of it");
    sql.execute("UPDATE api_keys SET revoked_at = now()").await.expect("an owner may");
    for _ in 0..5 {
        sql.execute("UPDATE orgs SET name = name || '.'").await.expect("an owner may");
    }
    eventually("the key is refused", || async { ping().await == 401 }).await;
}
