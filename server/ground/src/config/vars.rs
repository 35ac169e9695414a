//! Reads single variables: a value, a secret that may stand in a file instead, a list, a number in
//! bounds. Knows no variable by name; [`Config`](super::Config) does.

use std::{fmt::Display, ops::RangeInclusive, path::PathBuf, str::FromStr};

use secrecy::SecretString;

/// A variable that is wrong. One line: which one, what is wrong with it, what to do. Values of
/// secrets are never in it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {problem}")]
pub struct ConfigError {
    /// The variable's name.
    pub variable: String,
    /// What is wrong and what to do.
    pub problem: String,
}

impl ConfigError {
    /// An error about `variable`.
    pub(crate) fn new(variable: &str, problem: impl Into<String>) -> Self {
        Self { variable: variable.to_owned(), problem: problem.into() }
    }
}

type Result<T> = std::result::Result<T, ConfigError>;

/// The variables, wherever they come from.
pub(super) struct Vars<'a>(pub(super) &'a dyn Fn(&str) -> Option<String>);

impl Vars<'_> {
    /// The value without white space around it. An empty one counts as unset, because that is how
    /// compose files and charts spell a default.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let value = (self.0)(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// A secret from the variable itself or from the file that `<name>_FILE` names. Line ends at
    /// the end of the file do not belong to it; other white space does.
    pub(super) fn secret(&self, name: &str) -> Result<Option<SecretString>> {
        let file_name = format!("{name}_FILE");
        let direct = (self.0)(name).filter(|value| !value.is_empty());
        let path = match (direct, self.text(&file_name)) {
            (Some(_), Some(_)) => {
                return Err(ConfigError::new(name, format!("is set together with {file_name}; keep one of the two")));
            }
            (direct, None) => return Ok(direct.map(SecretString::from)),
            (None, Some(path)) => PathBuf::from(path),
        };
        let content = std::fs::read_to_string(&path).map_err(|error| {
            let problem = format!("cannot read {}: {error}; name a readable text file", path.display());
            ConfigError::new(&file_name, problem)
        })?;
        let value = content.trim_end_matches(['\r', '\n']);
        if value.is_empty() {
            let problem = format!("{} is empty; write the secret into it or unset the variable", path.display());
            return Err(ConfigError::new(&file_name, problem));
        }
        Ok(Some(SecretString::from(value)))
    }

    /// The value parsed, or `None` when unset. `wanted` says what would be right.
    pub(super) fn parsed<T: FromStr>(&self, name: &str, wanted: &str) -> Result<Option<T>> {
        let Some(value) = self.text(name) else { return Ok(None) };
        match value.parse() {
            Ok(parsed) => Ok(Some(parsed)),
            Err(_) => Err(ConfigError::new(name, format!("{value:?} is not {wanted}"))),
        }
    }

    /// A whole number within `bounds`.
    pub(super) fn number<T>(&self, name: &str, bounds: RangeInclusive<T>, default: T) -> Result<T>
    where
        T: FromStr + PartialOrd + Display,
    {
        let wanted = format!("a whole number from {} to {}", bounds.start(), bounds.end());
        match self.parsed(name, &wanted)? {
            None => Ok(default),
            Some(number) if bounds.contains(&number) => Ok(number),
            Some(number) => Err(ConfigError::new(name, format!("{number} is not {wanted}"))),
        }
    }

    /// Yes or no; unset is no.
    pub(super) fn flag(&self, name: &str) -> Result<bool> {
        match self.text(name).as_deref() {
            None | Some("0" | "false") => Ok(false),
            Some("1" | "true") => Ok(true),
            Some(other) => Err(ConfigError::new(name, format!("{other:?} is not 1 or 0"))),
        }
    }

    /// The parts of a comma-separated list; empty parts are left out.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let value = self.text(name).unwrap_or_default();
        value.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }
}
