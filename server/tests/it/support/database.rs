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

/// A copy of this database, which nobody is connected to.
pub(crate) async fn copy_of(template: &SecretString) -> SecretString {
    let name = format!("test_{}", uuid::Uuid::now_v7().simple());
    create(&name, &name_of(template)).await;
    url(&name).await.into()
}

/// Ends all connections to this database: those of a gateway that has stopped may take a moment.
pub(crate) async fn hang_up(database: &SecretString) {
    let mut conn = PgConnection::connect(&cluster::server_url().await).await.expect("the cluster answers");
    let end = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = $1";
    sqlx::query(end).bind(name_of(database)).execute(&mut conn).await.expect("a superuser may");
    conn.close().await.ok();
}

/// The name of the database with this URL.
fn name_of(database: &SecretString) -> String {
    use secrecy::ExposeSecret;
    let url: url::Url = database.expose_secret().parse().expect("a URL");
    url.path().trim_start_matches('/').to_owned()
}

/// A database with nothing in it; its URL is the owner's.
pub(crate) async fn empty() -> SecretString {
    let name = format!("test_{}", uuid::Uuid::now_v7().simple());
    create(&name, "template0").await;
    url(&name).await.into()
}

/// A database with the schema that migrations up to this one make, as a version of that time left it; its URL is the
/// owner's. The role of the application must be there: after [`database`].
pub(crate) async fn database_at(version: i64) -> SecretString {
    let name = format!("test_{}", uuid::Uuid::now_v7().simple());
    create(&name, "template0").await;
    let migrations = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    let mut migrator = sqlx::migrate::Migrator::new(migrations).await.expect("migrations");
    migrator.migrations.to_mut().retain(|migration| migration.version <= version);
    let url: SecretString = url(&name).await.into();
    migrator.run(&mut owner(&url).await).await.expect("they are applied");
    url
}

/// Copies what `to` has columns for, as if an earlier version had written it.
pub(crate) async fn copy(from: &SecretString, to: &SecretString) {
    let (mut from, mut to) = (owner(from).await, owner(to).await);
    to.execute("SET session_replication_role = replica").await.expect("a superuser may");
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
             AND NOT relispartition AND relname <> '_sqlx_migrations'",
    )
    .fetch_all(&mut to)
    .await
    .expect("tables");
    for table in tables {
        let read = sqlx::AssertSqlSafe(format!("SELECT coalesce(json_agg(t), '[]')::text FROM {table} t"));
        let rows: String = sqlx::query_scalar(read).fetch_one(&mut from).await.expect("rows");
        to.execute(sqlx::AssertSqlSafe(format!("DELETE FROM {table}"))).await.expect("an owner may");
        let write = format!("INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, $1::json)");
        sqlx::query(sqlx::AssertSqlSafe(write)).bind(rows).execute(&mut to).await.expect("they fit");
    }
    // The instance's own org, which an upgrade makes.
    const OWN: &str = "00000000-0000-7000-8000-000000000001";
    let without = format!("DELETE FROM roles WHERE org_id = '{OWN}'; DELETE FROM orgs WHERE id = '{OWN}'");
    to.execute(sqlx::AssertSqlSafe(without)).await.expect("an owner may");
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
