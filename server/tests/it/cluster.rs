//! The Postgres of all tests in this process: started by the first that asks, gone with the process.
//! With `TEST_DATABASE_URL` the tests use that server instead.

use std::{
    env, fs,
    path::Path,
    process,
    sync::{Mutex, OnceLock},
};

use devkit::postgres::{Embedded, Options, embedded};
use nix::{libc, sys::signal::kill, unistd::Pid};
use secrecy::ExposeSecret;

const PREFIX: &str = "permesso-it-";

static CLUSTER: Mutex<Option<Embedded>> = Mutex::new(None);

/// The superuser's URL of the database `postgres`. Tests make databases of their own beside it.
pub(crate) async fn server_url() -> String {
    static URL: OnceLock<Result<String, String>> = OnceLock::new();
    if let Ok(url) = env::var("TEST_DATABASE_URL") {
        return url;
    }
    // A start that failed is not tried again by each test: all show the first one's reason.
    let url = || URL.get_or_init(|| start().map_err(|error| format!("{error:#}")));
    tokio::task::spawn_blocking(url).await.unwrap().clone().unwrap()
}

fn start() -> anyhow::Result<String> {
    let temp = env::temp_dir();
    discard_leftovers(&temp);
    let data_dir = temp.join(format!("{PREFIX}{}", process::id()));
    let cluster = Embedded::start(&Options { data_dir, ephemeral: true }, &|step| eprintln!("{step}"))?;
    let url = cluster.url("postgres").expose_secret().to_owned();
    *CLUSTER.lock().unwrap() = Some(cluster);
    stop_at_exit();
    Ok(url)
}

/// The test harness leaves by `exit`, and statics are never dropped.
#[allow(unsafe_code, reason = "the standard library has no hook at exit")]
fn stop_at_exit() {
    extern "C" fn stop() {
        if let Ok(mut cluster) = CLUSTER.lock() {
            drop(cluster.take());
        }
    }
    // SAFETY: `stop` is a plain function that does not unwind and uses no thread-local of this thread.
    unsafe { libc::atexit(stop) };
}

/// Of runs that were killed: their Postgres ended with them, their files are still there.
fn discard_leftovers(temp: &Path) {
    for entry in fs::read_dir(temp).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|pid| pid.parse().ok());
        if let Some(pid) = pid.filter(|pid| *pid > 1)
            && kill(Pid::from_raw(pid), None).is_err()
            && let Err(error) = embedded::discard(&entry.path())
        {
            eprintln!("left alone: {error:#}");
        }
    }
}
