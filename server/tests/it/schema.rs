//! `permesso serve` where the schema is missing, older than it needs, or brought up to date by the start itself.

use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{AssertSqlSafe, Executor, PgConnection};

use crate::{
    command_line::{refuses, run},
    support::{
        Client,
        database::{database, empty, owner},
        gateway::variables,
        process::{Process, permesso},
    },
};

/// One line on stderr, nothing on stdout.
#[track_caller]
fn says_to_migrate(database: &[(String, String)], why: &str) {
    let output = run(&["serve"], database);
    refuses(&output, &[why, "permesso migrate", "--migrate"]);
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// Another login, which is not granted the application's role.
async fn stranger(conn: &mut PgConnection, database: &SecretString) -> Vec<(String, String)> {
    let name = format!("stranger_{}", uuid::Uuid::now_v7().simple());
    let sql = format!("CREATE ROLE {name} LOGIN PASSWORD 'x'");
    conn.execute(AssertSqlSafe(sql)).await.expect("a superuser may");
    let mut url: url::Url = database.expose_secret().parse().expect("a URL");
    url.set_username(&name).expect("a user");
    url.set_password(Some("x")).expect("a password");
    let mut set = variables(database);
    set.retain(|(known, _)| known != "DATABASE_URL");
    set.push(("DATABASE_URL".to_owned(), url.to_string()));
    set
}

#[tokio::test]
async fn serve_on_a_database_without_schema_says_in_one_line_to_migrate_whether_or_not_there_is_the_role() {
    let database = empty().await;
    let mut conn = owner(&database).await;
    let began = std::time::Instant::now();
    says_to_migrate(&variables(&database), "no schema");
    says_to_migrate(&stranger(&mut conn, &database).await, "no schema");
    // A public address would be warned of: not before this is said.
    let mut public = variables(&database);
    public.retain(|(name, _)| name != "PERMESSO_LISTEN");
    public.push(("PERMESSO_LISTEN".into(), "0.0.0.0:0".into()));
    says_to_migrate(&public, "no schema");
    assert!(began.elapsed().as_secs() < 15, "it says so at once: {:?}", began.elapsed());
}

#[tokio::test]
async fn serve_on_an_older_schema_says_the_same_and_a_login_without_the_role_is_told_what_it_lacks() {
    let database = database().await;
    let mut conn = owner(&database).await;
    let mut set = stranger(&mut conn, &database).await;
    refuses(&run(&["serve"], &set), &["stranger_", "GRANT permesso_app TO"]);
    set.push(("PERMESSO_MIGRATE_URL".to_owned(), database.expose_secret().to_owned()));
    refuses(&run(&["serve", "--migrate"], &set), &["stranger_", "GRANT permesso_app TO"]);
    conn.execute("DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM _sqlx_migrations)")
        .await
        .expect("an owner may");
    says_to_migrate(&variables(&database), "older");
}

#[tokio::test]
async fn a_login_of_its_own_sees_that_the_schema_is_there() {
    let database = database().await;
    let mut conn = owner(&database).await;
    let mut set = stranger(&mut conn, &database).await;
    let login: url::Url = set.last().expect("a URL").1.parse().expect("a URL");
    let grant = format!("GRANT permesso_app TO {}", login.username());
    conn.execute(AssertSqlSafe(grant)).await.expect("a superuser may");
    set.push(("PERMESSO_MIGRATE_URL".to_owned(), database.expose_secret().to_owned()));
    let gateway = Process::gateway_with(&set);
    Client::new(&gateway.url, None).send(Method::GET, "/readyz", None, &[]).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_that_start_at_once_on_an_empty_database_bring_it_up_to_date_and_serve() {
    let database = empty().await;
    let set = variables(&database);
    let start = |by_flag: bool| {
        let mut set = set.clone();
        tokio::task::spawn_blocking(move || {
            let mut command = permesso();
            command.arg("serve");
            match by_flag {
                true => {
                    command.arg("--migrate");
                }
                false => set.push(("PERMESSO_MIGRATE".into(), "auto".into())),
            }
            Process::gateway_by(command, &set)
        })
    };
    for started in [start(true), start(false), start(false)] {
        let gateway = started.await.expect("it starts");
        Client::new(&gateway.url, None).send(Method::GET, "/readyz", None, &[]).await.expect(200);
    }
    let mut odd = set.clone();
    odd.push(("PERMESSO_MIGRATE".into(), "yes".into()));
    refuses(&run(&["serve"], &odd), &["PERMESSO_MIGRATE", "auto"]);
}
