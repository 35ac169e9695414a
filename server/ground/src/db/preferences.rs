//! The console's settings of people. They belong to no org; each is read and written by the person alone.

use domain::UserId;

use super::SystemScope;
use crate::error::Result;

/// One person's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// `system`, `light` or `dark`.
    pub theme: String,
    /// Whether single keys do something.
    pub shortcuts: bool,
    /// The name of a time zone; `None`: the browser's.
    pub time_zone: Option<String>,
}

/// The settings of a person who has changed them. Needs [`super::Reason::SignIn`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn find(scope: &mut SystemScope, person: UserId) -> Result<Option<Row>> {
    let row = sqlx::query_as!(Row, "SELECT theme, shortcuts, time_zone FROM preferences WHERE user_id = $1", person.0);
    Ok(row.fetch_optional(scope.conn()).await?)
}

/// Sets all of them. Needs [`super::Reason::SignIn`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn put(scope: &mut SystemScope, person: UserId, to: &Row) -> Result<()> {
    sqlx::query!(
        "INSERT INTO preferences (user_id, theme, shortcuts, time_zone) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id) DO UPDATE
         SET theme = excluded.theme, shortcuts = excluded.shortcuts, time_zone = excluded.time_zone",
        person.0,
        to.theme,
        to.shortcuts,
        to.time_zone,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}
