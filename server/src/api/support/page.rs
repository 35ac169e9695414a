//! Query strings: `?limit=1..200&cursor=…` of every list, and the filters. Whoever takes a parameter knows it; what nobody
//! takes is refused by its name, so that a filter which is spelled wrong does not give everything.

use std::{collections::BTreeMap, str::FromStr};

use api_types::List;
use axum::{extract::FromRequestParts, http::request::Parts};
use chrono::{DateTime, Utc};
use utoipa::IntoParams;

use crate::error::{Error, Result, shown};

/// The longest value of a parameter, in characters.
const LONGEST: usize = 500;

/// A query string, decoded.
pub struct Query<T>(pub T);

impl<T: FromQuery, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let mut parameters = Parameters::read(parts.uri.query().unwrap_or_default())?;
        let query = T::take(&mut parameters)?;
        parameters.end()?;
        Ok(Self(query))
    }
}

/// What can be read from a query string.
pub trait FromQuery: Sized {
    /// Takes the parameters that it knows.
    ///
    /// # Errors
    /// A value that cannot be, with the parameter's name.
    fn take(parameters: &mut Parameters) -> Result<Self>;
}

/// The parameters of a query string that nobody has taken yet.
pub struct Parameters(BTreeMap<String, String>);

impl Parameters {
    fn read(query: &str) -> Result<Self> {
        let mut parameters = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if parameters.insert(name.clone().into_owned(), value.into_owned()).is_some() {
                return Err(Error::invalid(shown(name.as_bytes()), "is given twice"));
            }
        }
        Ok(Self(parameters))
    }

    fn end(self) -> Result<()> {
        match self.0.into_keys().next() {
            Some(name) => Err(Error::invalid(shown(name.as_bytes()), "is not a parameter here")),
            None => Ok(()),
        }
    }

    /// A text, if it is given.
    ///
    /// # Errors
    /// When it is empty, longer than 500 characters, or has control characters.
    pub fn text(&mut self, name: &str) -> Result<Option<String>> {
        let Some(text) = self.0.remove(name) else { return Ok(None) };
        if text.is_empty() || text.chars().count() > LONGEST || text.chars().any(char::is_control) {
            let message = format!("must have 1 to {LONGEST} characters, and no control characters");
            return Err(Error::invalid(name, message));
        }
        Ok(Some(text))
    }

    /// A value that is read from its text, if it is given.
    ///
    /// # Errors
    /// When it cannot be read; `what` says what it must be.
    pub fn value<T: FromStr>(&mut self, name: &str, what: &str) -> Result<Option<T>> {
        let parse = |text: String| text.parse().map_err(|_| Error::invalid(name, what));
        self.0.remove(name).map(parse).transpose()
    }

    /// A time, if it is given.
    ///
    /// # Errors
    /// When it is none as RFC 3339 writes them.
    pub fn time(&mut self, name: &str) -> Result<Option<DateTime<Utc>>> {
        let parse = |text: String| {
            let time = DateTime::parse_from_rfc3339(&text).map(|time| time.to_utc());
            time.map_err(|_| {
                Error::invalid(name, "must be a time such as `2026-11-21T10:00:00Z` (RFC 3339; a `+` is sent as `%2B`)")
            })
        };
        self.0.remove(name).map(parse).transpose()
    }

    /// Whether something is wanted; not, unless it is given.
    ///
    /// # Errors
    /// When it is neither `true` nor `false`.
    pub fn flag(&mut self, name: &str) -> Result<bool> {
        Ok(self.value(name, "must be `true` or `false`")?.unwrap_or_default())
    }
}

/// The two parameters that every list takes; a list's own query has one in it.
#[derive(Clone, Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// How many entries at most.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 500)]
    cursor: Option<String>,
}

impl FromQuery for Page {
    fn take(parameters: &mut Parameters) -> Result<Self> {
        Ok(Self { limit: parameters.text("limit")?, cursor: parameters.text("cursor")? })
    }
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
