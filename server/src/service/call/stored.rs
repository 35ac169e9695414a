//! The answer of an approved call, stored sealed until replay ends.

use serde_json::value::RawValue;

use crate::{
    db::{self, OrgScope, Reason, approval::Record},
    error::{Error, Result},
    seal::Purpose,
    service::Base,
    upstream::Answer,
};

/// An answer in its stored form: one byte for its kind, then the raw JSON.
pub(super) fn encode(answer: &Answer) -> Vec<u8> {
    let (kind, raw) = match answer {
        Answer::Result(raw) => (b'r', raw),
        Answer::Error(raw) => (b'e', raw),
    };
    let mut bytes = Vec::with_capacity(raw.get().len() + 1);
    bytes.push(kind);
    bytes.extend_from_slice(raw.get().as_bytes());
    bytes
}

/// The stored answer of an approval, while it is kept.
pub(super) async fn read(services: &Base, record: &Record) -> Result<Option<Answer>> {
    let mut scope = OrgScope::system(&services.db.calls, record.org, Reason::Upkeep).await?;
    let Some((_, Some(sealed))) = db::approval::bodies(&mut scope, record.id).await? else { return Ok(None) };
    drop(scope);
    let bytes =
        services.sealer.open(Purpose::ApprovalResult, record.id.0.as_bytes(), &sealed).map_err(Error::internal)?;
    decode(bytes).map(Some)
}

/// The answer of its stored form.
pub(super) fn decode(bytes: Vec<u8>) -> Result<Answer> {
    let text = String::from_utf8(bytes).map_err(Error::internal)?;
    let (kind, json) = text.split_at_checked(1).ok_or_else(|| Error::internal("an empty stored result"))?;
    let raw = RawValue::from_string(json.to_owned()).map_err(Error::internal)?;
    Ok(if kind == "e" { Answer::Error(raw) } else { Answer::Result(raw) })
}
