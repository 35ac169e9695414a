//! `permesso serve`.

use secrecy::ExposeSecret;
use serde_json::json;

use super::{
    migrate,
    output::Output,
    setup::{bind, public_url, refuse},
};
use crate::{
    app::{
        console::Console,
        serve::{serve, signalled},
        state::App,
    },
    clock::Clock,
    config::Config,
    db,
    error::Kind,
    seal::MasterKey,
    service, telemetry,
    upstream::ChildUser,
};

/// Options of `serve`.
#[derive(Debug, clap::Args)]
pub(super) struct ServeArgs {
    /// Bring the schema up to date first, as `permesso migrate` does; PERMESSO_MIGRATE=auto says the same
    ///
    /// Of several that start at once, one does the work and the others wait.
    #[arg(long)]
    migrate: bool,
}

/// Serves until a signal.
pub(super) async fn run(args: ServeArgs, console: Console, out: Output) -> anyhow::Result<()> {
    let config = Config::from_env().map_err(refuse)?;
    telemetry::start_log(&config.log);
    let Some(url) = &config.database_url else {
        return Err(refuse(if cfg!(feature = "devkit") {
            "DATABASE_URL is not set: give the Postgres to work on, or use `permesso dev` to try Permesso"
        } else {
            "DATABASE_URL is not set: give the Postgres to work on"
        }));
    };
    MasterKey::from_config(&config).map_err(refuse)?;
    // What is wrong with the configuration is said before a database is asked.
    ChildUser::find(config.child_user.as_deref()).map_err(|error| refuse(anyhow::Error::new(error)))?;
    if args.migrate || config.migrate {
        migrate::at_start(&config).await?;
    }
    // Before anything else is said: without a schema nothing else matters.
    db::migrate::ready(url, config.migrate_url.is_none()).await.map_err(refuse)?;
    let listener = bind(&config).await?;
    let public_url = public_url(&config, &listener)?;
    let mut app = App::new(&config, Clock::system(), public_url.clone()).await.map_err(refuse)?;
    app.console = console;
    first_administrator(&app, &config).await?;
    if config.master_key.is_none() {
        tracing::warn!("the published development key is in use: nothing that is sealed or signed is protected");
    }
    tracing::info!(url = %public_url, "serving");
    out.say(&json!({"url": public_url.as_str()}), format_args!("permesso on {public_url}"));
    serve(app, listener, signalled()).await
}

/// Makes the administrator that the configuration names, if there is none yet.
async fn first_administrator(app: &App, config: &Config) -> anyhow::Result<()> {
    let (Some(email), Some(password)) = (&config.admin_email, &config.admin_password) else { return Ok(()) };
    let made = service::identity::sign_in::first_administrator(&app.services, email, password.expose_secret()).await;
    made.map(|_| ()).map_err(|error| match error.kind {
        Kind::Invalid => refuse(anyhow::anyhow!("the first administrator cannot be made: {error}")),
        _ => error.into(),
    })
}
