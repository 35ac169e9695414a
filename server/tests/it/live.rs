//! The LISTEN connection, when it breaks in ways that nobody tells.

use std::time::Duration;

use permesso::live::Live;
use secrecy::ExposeSecret;
use sqlx::{Executor, PgPool};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::support::{
    database::{database, owner},
    proxy::Proxy,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_fell_silent_is_noticed_and_replaced() {
    let database = database().await;
    let proxy = Proxy::before(&database).await;
    let pool = PgPool::connect(proxy.url.expose_secret()).await.expect("a pool");
    let (live, stop) = (Live::default(), CancellationToken::new());
    let mut woken = live.configuration();
    let listening = tokio::spawn(live.clone().listen(pool, stop.clone()));
    woken.changed().await.expect("it listens");

    proxy.stall();
    let mut elsewhere = owner(&database).await;
    elsewhere.execute("NOTIFY permesso_configuration").await.expect("a notification");
    assert!(timeout(Duration::from_secs(1), woken.changed()).await.is_err(), "it is lost");
    timeout(Duration::from_secs(20), woken.changed()).await.expect("all are woken within 15 s").expect("live");

    elsewhere.execute("NOTIFY permesso_configuration").await.expect("a notification");
    timeout(Duration::from_secs(5), woken.changed()).await.expect("it listens again").expect("live");
    stop.cancel();
    listening.await.expect("it stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_has_nothing_to_tell_is_kept() {
    let database = database().await;
    let pool = PgPool::connect(database.expose_secret()).await.expect("a pool");
    let (live, stop) = (Live::default(), CancellationToken::new());
    let mut woken = live.configuration();
    let listening = tokio::spawn(live.clone().listen(pool, stop.clone()));
    woken.changed().await.expect("it listens");
    assert!(timeout(Duration::from_secs(12), woken.changed()).await.is_err(), "the same connection goes on");
    owner(&database).await.execute("NOTIFY permesso_configuration").await.expect("a notification");
    timeout(Duration::from_secs(5), woken.changed()).await.expect("it hears").expect("live");
    stop.cancel();
    listening.await.expect("it stops");
}
