//! The private Postgres of `permesso dev`: keeps its data, and leaves nothing running.

use std::{
    env,
    fs::{self, Permissions},
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use devkit::postgres::{Embedded, Options, embedded};
use nix::{sys::signal::Signal, unistd::geteuid};
use permesso::process;
use secrecy::ExposeSecret;
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use crate::cluster::server_url;

const HOLD: &str = "PERMESSO_TEST_HOLD";

/// A place that another user can reach, as the cluster of root needs.
fn place() -> (TempDir, PathBuf) {
    let open = Permissions::from_mode(0o755);
    let temp = tempfile::Builder::new().prefix("permesso-embedded-").permissions(open).tempdir().unwrap();
    let data_dir = temp.path().join("postgres");
    (temp, data_dir)
}

fn try_start(data_dir: &Path) -> anyhow::Result<Embedded> {
    Embedded::start(&Options { data_dir: data_dir.to_owned(), ephemeral: false }, &|_| ())
}

fn start(data_dir: &Path) -> Embedded {
    try_start(data_dir).unwrap()
}

async fn connect(cluster: &Embedded) -> sqlx::Result<PgConnection> {
    PgConnection::connect(cluster.url("postgres").expose_secret()).await
}

async fn remember(cluster: &Embedded, word: &str) {
    let mut conn = connect(cluster).await.unwrap();
    sqlx::query("CREATE TABLE memory (word text)").execute(&mut conn).await.unwrap();
    sqlx::query("INSERT INTO memory VALUES ($1)").bind(word).execute(&mut conn).await.unwrap();
}

async fn recall(cluster: &Embedded) -> String {
    let mut conn = connect(cluster).await.unwrap();
    sqlx::query_scalar("SELECT word FROM memory").fetch_one(&mut conn).await.unwrap()
}

/// Every process that works in the cluster: the server and its workers.
fn processes_in(data_dir: &Path) -> Vec<PathBuf> {
    let cluster = data_dir.join("cluster");
    let all = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    all.filter(|process| fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == cluster)).collect()
}

fn wait_until_empty(data_dir: &Path) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !processes_in(data_dir).is_empty() {
        assert!(Instant::now() < deadline, "still running: {:?}", processes_in(data_dir));
        thread::sleep(Duration::from_millis(20));
    }
}

/// Lets another process start a cluster and store something, and kills that process.
fn hold_and_kill(data_dir: &Path) {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "embedded::holds_a_cluster_until_killed", "--ignored", "--nocapture"]);
    command.env(HOLD, data_dir).stdout(Stdio::piped());
    let mut parent = process::spawn(command, Signal::SIGKILL).unwrap();
    let mut lines = BufReader::new(parent.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("holding")), "it ended without a cluster");
    assert!(!processes_in(data_dir).is_empty());
    parent.kill().unwrap();
    parent.wait().unwrap();
}

#[tokio::test]
async fn the_tests_server_is_shared_and_takes_connections() {
    let (one, two) = tokio::join!(server_url(), server_url());
    assert_eq!(one, two);
    let mut conn = PgConnection::connect(&one).await.unwrap();
    let version: i32 =
        sqlx::query_scalar("SELECT current_setting('server_version_num')::int").fetch_one(&mut conn).await.unwrap();
    assert!(version >= 140_000, "{version}");
}

#[tokio::test]
async fn what_is_stored_survives_a_stop_and_a_second_start() {
    let (_temp, data_dir) = place();
    let cluster = start(&data_dir);
    remember(&cluster, "kept").await;
    let old_url = cluster.url("postgres");
    cluster.stop().unwrap();
    assert!(PgConnection::connect(old_url.expose_secret()).await.is_err(), "it has stopped");
    assert_eq!(processes_in(&data_dir), Vec::<PathBuf>::new());

    let cluster = start(&data_dir);
    assert_eq!(recall(&cluster).await, "kept");
    drop(cluster);
    assert_eq!(processes_in(&data_dir), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn only_the_one_who_knows_the_password_gets_in() {
    let (_temp, data_dir) = place();
    let cluster = start(&data_dir);
    let password = fs::metadata(data_dir.join("password")).unwrap();
    assert_eq!(password.permissions().mode() & 0o777, 0o600);

    let secret = fs::read_to_string(data_dir.join("password")).unwrap();
    let url = cluster.url("postgres").expose_secret().to_owned();
    let wrong = url.replace(secret.trim(), "guess");
    assert_ne!(wrong, url);
    let refused = PgConnection::connect(&wrong).await.unwrap_err();
    assert!(refused.to_string().contains("password authentication failed"), "{refused}");
}

#[tokio::test]
async fn a_data_directory_serves_one_at_a_time() {
    let (_temp, data_dir) = place();
    let cluster = start(&data_dir);
    let refused = try_start(&data_dir).unwrap_err().to_string();
    assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
    assert!(refused.contains("stop it first"), "{refused}");
    connect(&cluster).await.unwrap();
}

#[tokio::test]
async fn an_ephemeral_cluster_begins_empty_and_leaves_nothing() {
    let (_temp, data_dir) = place();
    let kept = start(&data_dir);
    remember(&kept, "from before").await;
    kept.stop().unwrap();

    let options = Options { data_dir: data_dir.clone(), ephemeral: true };
    let cluster = Embedded::start(&options, &|_| ()).unwrap();
    remember(&cluster, "new").await;
    assert_eq!(recall(&cluster).await, "new");
    cluster.stop().unwrap();
    assert!(!data_dir.exists());
}

#[tokio::test]
async fn a_parent_that_is_killed_leaves_no_postgres_and_no_damage() {
    let (_temp, data_dir) = place();
    hold_and_kill(&data_dir);
    // At once, while the server may still be going down.
    let cluster = start(&data_dir);
    assert_eq!(recall(&cluster).await, "by the parent");
    cluster.stop().unwrap();
    wait_until_empty(&data_dir);
}

#[tokio::test]
async fn a_killed_parents_postgres_ends_by_itself() {
    let (_temp, data_dir) = place();
    hold_and_kill(&data_dir);
    wait_until_empty(&data_dir);
}

#[tokio::test]
#[ignore = "the process that the tests above start and kill"]
async fn holds_a_cluster_until_killed() {
    let Some(data_dir) = env::var_os(HOLD) else { return };
    let cluster = start(Path::new(&data_dir));
    remember(&cluster, "by the parent").await;
    println!("holding");
    thread::sleep(Duration::from_secs(600));
}

#[tokio::test]
async fn a_postgres_that_was_left_behind_is_ended_first() {
    let (_temp, data_dir) = place();
    let left = start(&data_dir);
    remember(&left, "kept").await;
    let left_url = left.url("postgres");
    // As if its process had gone without taking it along: nobody holds the directory.
    fs::remove_file(data_dir.join("lock")).unwrap();

    let cluster = start(&data_dir);
    assert_eq!(recall(&cluster).await, "kept");
    assert!(PgConnection::connect(left_url.expose_secret()).await.is_err());
}

#[tokio::test]
async fn a_pid_file_that_names_another_living_process_does_not_hinder() {
    let (_temp, data_dir) = place();
    start(&data_dir).stop().unwrap();
    // A server elsewhere: the same user as the cluster's, so that Postgres itself would be fooled.
    let (_other_temp, other_dir) = place();
    let other = start(&other_dir);
    let stale = fs::read_to_string(other_dir.join("cluster/postmaster.pid")).unwrap();
    fs::write(data_dir.join("cluster/postmaster.pid"), stale).unwrap();

    let cluster = start(&data_dir);
    connect(&cluster).await.unwrap();
    connect(&other).await.unwrap();
}

#[test]
fn a_cluster_of_another_version_is_refused_with_what_to_do() {
    let (_temp, data_dir) = place();
    start(&data_dir).stop().unwrap();
    fs::write(data_dir.join("cluster/PG_VERSION"), "13\n").unwrap();
    let refused = try_start(&data_dir).unwrap_err().to_string();
    assert!(refused.contains("made by PostgreSQL 13"), "{refused}");
    assert!(refused.contains("PERMESSO_POSTGRES_BIN"), "{refused}");
}

#[test]
fn an_interrupted_set_up_is_begun_again() {
    let (_temp, data_dir) = place();
    fs::create_dir_all(data_dir.join("cluster.new/base")).unwrap();
    fs::write(data_dir.join("password"), "of a cluster that never was").unwrap();
    start(&data_dir).stop().unwrap();
    assert!(!data_dir.join("cluster.new").exists());
}

#[tokio::test]
async fn roots_cluster_in_a_closed_directory_lives_elsewhere_and_is_found_again() {
    if !geteuid().is_root() {
        return;
    }
    let closed = TempDir::new().unwrap();
    fs::set_permissions(closed.path(), Permissions::from_mode(0o700)).unwrap();
    let data_dir = closed.path().join("postgres");
    let cluster = start(&data_dir);
    remember(&cluster, "kept").await;
    cluster.stop().unwrap();
    let elsewhere = fs::read_link(data_dir.join("elsewhere")).unwrap();

    let cluster = start(&data_dir);
    assert_eq!(recall(&cluster).await, "kept");
    cluster.stop().unwrap();

    embedded::discard(&data_dir).unwrap();
    assert!(!elsewhere.exists() && !data_dir.exists());
}
