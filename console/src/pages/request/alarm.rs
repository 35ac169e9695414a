//! Characters in arguments that are not seen, or are taken for others: where they are, in one line.

use crate::show::{
    compare::{Name, State},
    outline::Outline,
    values::differs_by_hidden,
    words::Words,
};

/// So many arguments are named.
const NAMED: usize = 3;

/// What an alarm is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Alarm {
    /// The arguments that have such characters, by name.
    names: Vec<String>,
    hidden: usize,
    alike: usize,
    /// Whether a value would be the last approved one without them.
    looks_same: bool,
}

impl Alarm {
    /// What there is to say of these arguments; nothing where nothing is hidden.
    pub(super) fn of(outline: &Outline) -> Option<Self> {
        let mut alarm = Self { names: Vec::new(), hidden: 0, alike: 0, looks_same: false };
        let mut id = 0;
        while let Some(item) = outline.item(id) {
            if item.hidden + item.alike > 0 && item.state != State::Removed {
                alarm.hidden += item.hidden;
                alarm.alike += item.alike;
                alarm.looks_same |= matches!(&item.state, State::Changed(old) if differs_by_hidden(&item.value, old));
                // The argument that it lies in: the one that is passed to the tool by name.
                let argument = outline.path(id).get(1).copied().unwrap_or(0);
                let name = outline.item(argument).map_or_else(String::new, |item| match &item.name {
                    Name::Key { key, .. } => key.clone(),
                    Name::Index(index) => (index + 1).to_string(),
                    Name::Root => "the value".to_owned(),
                });
                if !alarm.names.contains(&name) {
                    alarm.names.push(name);
                }
            }
            id += 1;
        }
        (alarm.hidden + alarm.alike > 0).then_some(alarm)
    }

    /// "A hidden character in iban".
    pub(super) fn what(&self) -> Words {
        let kind = match (self.hidden, self.alike) {
            (1, 0) => "A hidden character in ",
            (_, 0) => "Hidden characters in ",
            (0, 1) => "A look-alike letter in ",
            (0, _) => "Look-alike letters in ",
            _ => "Hidden and look-alike characters in ",
        };
        let mut words = Words::from(kind);
        let named = if self.names.len() == NAMED + 1 { NAMED + 1 } else { NAMED };
        for (at, name) in self.names.iter().take(named).enumerate() {
            let before = match at {
                0 => "",
                at if at + 1 == self.names.len() => " and ",
                _ => ", ",
            };
            words = words.and(before).and(Words::theirs(name));
        }
        match self.names.len().saturating_sub(named) {
            0 => words,
            more => words.and(Words::of(" and {} more", &[&more.to_string()])),
        }
    }

    /// What that means.
    pub(super) fn more(&self) -> &'static str {
        match (self.looks_same, self.hidden > 0) {
            (true, _) => "It looks the same as in the last approved call, but it is not.",
            (false, true) => "A value with hidden characters is not what it looks like. Each one is marked below.",
            (false, false) => "Letters of another alphabet look like ordinary ones. Each one is marked below.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::{compare::compare, json::parse};

    fn alarm(now: &str, before: Option<&str>) -> Option<(String, &'static str)> {
        let outline = Outline::of(compare(parse(now), before.map(parse)));
        Alarm::of(&outline).map(|alarm| (alarm.what().plain(), alarm.more()))
    }

    #[test]
    fn the_argument_that_hides_something_is_named() {
        assert_eq!(alarm(r#"{"to":"Ada","note":"ends with a space "}"#, None), None);
        let (what, more) = alarm("{\"iban\":\"DE44\u{200b}\"}", Some("{\"iban\":\"DE44\"}")).unwrap_or_default();
        assert_eq!(what, "A hidden character in iban");
        assert!(more.contains("looks the same"));
        let (what, more) = alarm("{\"lines\":[{\"to\":\"p\u{430}ypal\"}]}", None).unwrap_or_default();
        assert_eq!((what.as_str(), more.starts_with("Letters")), ("A look-alike letter in lines", true));
    }

    #[test]
    fn many_arguments_are_counted() {
        let keys: Vec<_> = (1..=6).map(|n| format!("\"k{n}\":\"a\u{200b}\"")).collect();
        let (what, _) = alarm(&format!("{{{}}}", keys.join(",")), None).unwrap_or_default();
        assert_eq!(what, "Hidden characters in k1, k2, k3 and 3 more");
        let (what, _) = alarm(&format!("{{{}}}", keys[..4].join(",")), None).unwrap_or_default();
        assert_eq!(what, "Hidden characters in k1, k2, k3 and k4");
    }

    #[test]
    fn a_name_that_hides_something_is_marked_itself() {
        let (what, _) = alarm("{\"a\u{200b}b\":1}", None).unwrap_or_default();
        assert!(what.contains("zero width space"), "{what}");
    }
}
