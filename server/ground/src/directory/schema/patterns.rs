//! The patterns of a schema, within bounds. They run on an engine without backtracking; what one costs is its compiled
//! size, in memory and for each byte that it reads.

use std::collections::HashMap;

/// How many different patterns a definition may have.
const PATTERNS: usize = 200;
/// How long a pattern may be, in bytes: before it is compiled it is taken apart, and that has no bound of its own.
const LONGEST: usize = 2_000;
/// Up to which compiled size a pattern is small, in bytes.
const SMALL: usize = 16 * 1024;
/// How large a compiled pattern may be, in bytes.
pub(super) const LARGEST: usize = 256 * 1024;
/// How large all patterns of a definition may be together when compiled, in bytes.
const TOGETHER: usize = 2 * 1024 * 1024;

/// The patterns met so far in one definition.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    known: HashMap<String, Result<usize, &'static str>>,
    together: usize,
}

impl Patterns {
    /// Whether this pattern can be used; if not, why, for people.
    pub(super) fn check(&mut self, pattern: &str) -> Result<(), &'static str> {
        if let Some(known) = self.known.get(pattern) {
            return known.map(|_| ());
        }
        let found = self.measure(pattern);
        // To find out that one is too large costs as much as a large one.
        self.together += found.unwrap_or(LARGEST);
        self.known.insert(pattern.to_owned(), found);
        found.map(|_| ())
    }

    fn measure(&self, pattern: &str) -> Result<usize, &'static str> {
        if self.together >= TOGETHER {
            return Err("the patterns are larger than 2 MiB when compiled");
        }
        if self.known.len() >= PATTERNS {
            return Err("there are more than 200 patterns");
        }
        if pattern.len() > LONGEST {
            return Err("it is longer than 2,000 bytes");
        }
        let rust = jsonschema_regex::to_rust_regex(pattern)
            .map_err(|()| "it is not a regular expression of ECMA-262 that can be checked")?;
        let within = |size: usize| regex::RegexBuilder::new(&rust).size_limit(size).build();
        let size = match within(SMALL) {
            Ok(_) => SMALL,
            Err(regex::Error::CompiledTooBig(_)) if within(LARGEST).is_ok() => LARGEST,
            Err(regex::Error::CompiledTooBig(_)) => return Err("it is larger than 256 KiB when compiled"),
            Err(_) => return Err("it needs looking around or back, which is not supported"),
        };
        Ok(size)
    }

    /// What the patterns take together when compiled, in bytes, at most.
    pub(super) fn size(&self) -> usize {
        self.together
    }

    /// What a byte of a string costs, in units of the budget: at worst each state of the largest pattern is visited.
    pub(super) fn price(&self) -> usize {
        match self.known.values().filter_map(|size| size.ok()).max() {
            None => 0,
            Some(SMALL) => 1,
            Some(_) => 16,
        }
    }
}
