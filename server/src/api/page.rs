//! `?limit=1..200&cursor=…` of every list.

use std::str::FromStr;

use api_types::List;
use axum::{extract::FromRequestParts, http::request::Parts};
use serde::{Deserialize, de::DeserializeOwned};
use utoipa::IntoParams;

use crate::error::{Error, Result};

/// A query string, decoded; what does not fit is told as every other error is.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(Error::invalid("query", format!("cannot be read: {}", rejection.body_text()))),
        }
    }
}

/// The two parameters that every list takes; flatten it into a list's own query.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// How many entries at most.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

impl Page {
    /// How many entries, 50 unless said.
    ///
    /// # Errors
    /// When it is not 1 to 200.
    pub fn limit(&self) -> Result<i64> {
        let Some(text) = &self.limit else { return Ok(50) };
        match text.parse() {
            Ok(limit @ 1..=200) => Ok(limit),
            _ => Err(Error::invalid("limit", "must be 1 to 200")),
        }
    }

    /// Where to go on: the id of the last entry of the page before.
    ///
    /// # Errors
    /// When it is not a cursor that this API gave.
    pub fn after<Id: FromStr>(&self) -> Result<Option<Id>> {
        let parse = |text: &String| text.parse().map_err(|_| Error::invalid("cursor", "is not one that this API gave"));
        self.cursor.as_ref().map(parse).transpose()
    }
}

/// Makes a page of entries that were fetched with one more than `limit`, so that the last page is
/// known to be the last.
pub fn page<R, T>(mut rows: Vec<R>, limit: i64, cursor: impl Fn(&R) -> String, item: impl Fn(R) -> T) -> List<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next_cursor = if more { rows.last().map(cursor) } else { None };
    List { items: rows.into_iter().map(item).collect(), next_cursor }
}
