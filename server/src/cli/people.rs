//! `permesso people`: works on the database, for who has lost access.

use anyhow::Context;
use clap::Subcommand;
use domain::marks::escaped;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use url::Url;

use super::{output::Output, setup};
use crate::{app::state::App, clock::Clock, config::Config, service, telemetry};

#[derive(Debug, Subcommand)]
pub(super) enum PeopleCommand {
    /// Set a new password and void every token issued before
    ///
    /// Works on the database of DATABASE_URL. Reads the new password from the terminal, or from
    /// PERMESSO_NEW_PASSWORD.
    ResetPassword {
        /// The person's e-mail
        email: String,
    },
}

/// Runs a command about people.
pub(super) async fn run(command: PeopleCommand, out: Output) -> anyhow::Result<()> {
    let PeopleCommand::ResetPassword { email } = command;
    let mut config = Config::from_env().map_err(setup::refuse)?;
    // No child is started here, so whoever may not start one as that user may still reset a password.
    config.child_user = None;
    telemetry::start_log(&config.log);
    let password = match std::env::var("PERMESSO_NEW_PASSWORD") {
        Ok(password) => SecretString::from(password),
        Err(_) => rpassword::prompt_password(format!("New password for {email}: "))
            .context("no terminal to read the password from: set PERMESSO_NEW_PASSWORD")?
            .into(),
    };
    let nowhere = Url::parse("http://localhost")?;
    let app = App::new(&config, Clock::system(), nowhere).await.map_err(setup::refuse)?;
    service::identity::sign_in::reset_password(&app.services, &email, password.expose_secret()).await?;
    out.say(
        &json!({"email": email, "reset": true}),
        format_args!("the password of {} was reset; tokens issued before are void", escaped(&email)),
    );
    Ok(())
}
