//! A person's settings of the console. They concern nobody else, so they are not on record.

use api_types::{Preferences, ThemePreference};

use crate::{
    db::{Reason, SystemScope, preferences as stored},
    error::{Error, Result},
    service::{
        Base,
        access::{Actor, still_valid},
    },
};

/// The longest name of a time zone, in characters.
const LONGEST: usize = 64;

/// The person's settings.
///
/// # Errors
/// `person_required` for a key; when Postgres cannot be reached.
pub async fn get(services: &Base, actor: &Actor) -> Result<Preferences> {
    let person = actor.person()?;
    let mut scope = SystemScope::begin(&services.db.people, Reason::SignIn).await?;
    let Some(row) = stored::find(&mut scope, person).await? else { return Ok(Preferences::default()) };
    // What a newer version may have written besides is as it is for who never set it.
    let theme = THEMES.into_iter().find(|theme| word(*theme) == row.theme).unwrap_or_default();
    Ok(Preferences { theme, shortcuts: row.shortcuts, time_zone: row.time_zone })
}

/// Sets all of them.
///
/// # Errors
/// `person_required` for a key; what cannot be the name of a time zone; unauthorized when the credential has ended meanwhile.
pub async fn put(services: &Base, actor: &Actor, to: &Preferences) -> Result<()> {
    let person = actor.person()?;
    if to.time_zone.as_deref().is_some_and(|name| !may_be_a_time_zone(name)) {
        return Err(Error::invalid(
            "time_zone",
            "must be a name of the IANA database, such as `Europe/Rome`, or `null`",
        ));
    }
    still_valid(services, actor).await?;
    let row =
        stored::Row { theme: word(to.theme).to_owned(), shortcuts: to.shortcuts, time_zone: to.time_zone.clone() };
    let mut scope = SystemScope::begin(&services.db.people, Reason::SignIn).await?;
    stored::put(&mut scope, person, &row).await?;
    scope.commit().await
}

const THEMES: [ThemePreference; 3] = [ThemePreference::System, ThemePreference::Light, ThemePreference::Dark];

fn word(theme: ThemePreference) -> &'static str {
    match theme {
        ThemePreference::System => "system",
        ThemePreference::Light => "light",
        ThemePreference::Dark => "dark",
    }
}

/// Whether it could be one: which there are is up to the browser that shows times.
fn may_be_a_time_zone(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+' | b'/' | b'-');
    (1..=LONGEST).contains(&name.len()) && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_time_zone_is_not_taken() {
        for good in ["Europe/Rome", "UTC", "America/Argentina/Buenos_Aires", "Etc/GMT+12", "America/Port-au-Prince"] {
            assert!(may_be_a_time_zone(good), "{good}");
        }
        for wrong in ["", "Europe Rome", "Europe/Röm", "<b>", "a\n", &"a".repeat(65)] {
            assert!(!may_be_a_time_zone(wrong), "{wrong:?}");
        }
    }
}
