//! What an upstream says to agents beside its tools, and who let that pass. It is text of somebody else's that agents
//! obey: the first seen counts as reviewed, a changed one waits for a person (approvals.md, "A changed definition").

use api_types::{ConnectionInstructions, ReviewInstructions};
use domain::{
    directory::Connection,
    marks::{Form, Piece, pieces},
};
use serde_json::json;
use wire::canonical::sha256;

use crate::{
    db::{self, OrgScope, instructions::Row},
    error::{Error, Result},
    service::{
        Base, Catalog,
        access::OrgAccess,
        change::{self, About},
    },
};

/// How much of an upstream's text is kept, in bytes.
const LARGEST: usize = 8 * 1024;

/// Keeps what the upstream said when it was last connected to. Says whether that is something else than before; what has to
/// be reviewed is on record.
///
/// # Errors
/// When Postgres cannot be reached.
pub(super) async fn note(services: &Catalog, scope: &mut OrgScope, connection: &Connection) -> Result<bool> {
    let Some(said) = services.upstreams.instructions(connection.id.0) else { return Ok(false) };
    let text = seen(&said);
    let before = db::instructions::find(scope, connection.id).await?;
    if before.as_ref().is_some_and(|before| before.seen == text) {
        return Ok(false);
    }
    db::instructions::see(scope, connection.id, &text, services.clock.now()).await?;
    if before.is_some_and(|before| before.reviewed != text && !text.is_empty()) {
        let request = json!({"connection": connection.slug.as_str()});
        let about = About::default();
        change::record(services, scope, None, "instructions_changed", &request, None::<&()>, &about).await?;
    }
    Ok(true)
}

/// The text without what a person who reviews it does not see, and as much of it as is kept.
fn seen(said: &str) -> String {
    let said = said.replace("\r\n", "\n");
    let visible = pieces(&said, Form::Block).into_iter().filter_map(|piece| match piece {
        Piece::Plain(text) => Some(text),
        Piece::Mark(mark) => mark.visible.then_some(mark.text),
    });
    let text: String = visible.collect();
    let text = text.trim();
    text[..text.floor_char_boundary(LARGEST)].trim_end().to_owned()
}

/// Accepts the text last seen: agents get it from now on.
///
/// # Errors
/// `person_required` for a key; not found, also when nothing was seen yet; `instructions_changed` (409) when the text that
/// was looked at is not the one last seen.
pub async fn accept(
    services: &Base,
    access: &OrgAccess,
    slug: &str,
    looked_at: &ReviewInstructions,
) -> Result<ConnectionInstructions> {
    let person = access.actor.person()?;
    let wrong = || Error::invalid("instructions_sha256", "must be a SHA-256 in hex (64 digits)");
    let named = hex::decode(&looked_at.instructions_sha256).map_err(|_| wrong())?;
    if named.len() != 32 {
        return Err(wrong());
    }
    let mut scope = change::begin(services, access).await?;
    let connection = db::connection::find(&mut scope, slug).await?.ok_or_else(Error::not_found)?;
    let row = db::instructions::find(&mut scope, connection.id).await?.ok_or_else(Error::not_found)?;
    let now = services.clock.now();
    let is_seen = sha256(row.seen.as_bytes()) == *named;
    if !is_seen || !db::instructions::review(&mut scope, connection.id, &row.seen, person, now).await? {
        let detail = "the upstream's instructions have changed since; look at them again";
        return Err(Error::conflict("instructions_changed", detail.to_owned()));
    }
    let row = db::instructions::find(&mut scope, connection.id).await?;
    let request = json!({"connection": slug, "instructions_sha256": looked_at.instructions_sha256});
    let response = row.as_ref().map(|row| json!({"instructions": row.reviewed}));
    change::commit(services, scope, &access.actor, "review_instructions", &request, response.as_ref()).await?;
    shown(services, row).await
}

/// What a connection's upstream says, and what of it is passed on.
///
/// # Errors
/// When the configuration cannot be read.
pub async fn shown(services: &Base, row: Option<Row>) -> Result<ConnectionInstructions> {
    let Some(row) = row else { return Ok(ConnectionInstructions::default()) };
    let emails = services.directory.emails(row.reviewed_by.map(Into::into)).await?;
    let text = |text: String| (!text.is_empty()).then_some(text);
    Ok(ConnectionInstructions {
        instructions_sha256: Some(hex::encode(sha256(row.seen.as_bytes()))),
        changed: !row.seen.is_empty() && row.seen != row.reviewed,
        instructions: text(row.seen),
        seen_at: Some(row.seen_at),
        reviewed_instructions: text(row.reviewed),
        reviewed_at: Some(row.reviewed_at),
        reviewed_by: row.reviewed_by,
        reviewed_by_email: row.reviewed_by.and_then(|by| emails.of(by.into())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_left_out_and_what_is_too_much_is_cut() {
        assert_eq!(
            seen(" Ask\u{202e} first.\r\n\n\u{e0041}\u{0}Then\u{200b} pay.\u{1b}[2J "),
            "Ask first.\n\nThen pay.[2J"
        );
        assert_eq!(seen("\u{200b}\u{feff}\n"), "");
        let long = seen(&"é".repeat(LARGEST));
        assert_eq!((long.len(), long.chars().next()), (LARGEST, Some('é')));
    }
}
