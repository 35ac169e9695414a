//! A database of its own for each test, copied from a template that is migrated once.

use secrecy::SecretString;
use sqlx::{Connection, Executor, PgConnection};
use tokio::sync::OnceCell;

use crate::cluster;

static TEMPLATE: OnceCell<String> = OnceCell::const_new();

/// A migrated database; its URL is the owner's.
pub(crate) async fn database() -> SecretString {
    let template = TEMPLATE
        .get_or_init(|| async {
            let name = format!("template_{}", uuid::Uuid::now_v7().simple());
            create(&name, "template0").await;
            permesso::db::migrate::migrate(&url(&name).await.into()).await.expect("the schema is migrated");
            name
        })
        .await;
    let name = format!("test_{}", uuid::Uuid::now_v7().simple());
    create(&name, template).await;
    url(&name).await.into()
}

/// A database with nothing in it; its URL is the owner's.
pub(crate) async fn empty() -> SecretString {
    let name = format!("test_{}", uuid::Uuid::now_v7().simple());
    create(&name, "template0").await;
    url(&name).await.into()
}

async fn create(name: &str, template: &str) {
    static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _one = ONE_AT_A_TIME.lock().await;
    let mut conn = PgConnection::connect(&cluster::server_url().await).await.expect("the cluster answers");
    let sql = format!("CREATE DATABASE {name} TEMPLATE {template}");
    conn.execute(sqlx::AssertSqlSafe(sql)).await.expect("a database is made");
    conn.close().await.ok();
}

/// The URL of another database of the cluster.
async fn url(name: &str) -> String {
    let mut url: url::Url = cluster::server_url().await.parse().expect("a URL");
    url.set_path(name);
    url.to_string()
}

/// A connection as the owner, whom row-level security does not bind: for looking and for breaking.
pub(crate) async fn owner(url: &SecretString) -> PgConnection {
    use secrecy::ExposeSecret;
    PgConnection::connect(url.expose_secret()).await.expect("the database answers")
}
