//! Rights in words, and what another role would change.

use domain::Right;

/// What the right lets a person do; a word that only a newer server knows stays as it is.
pub(super) fn words(right: &str) -> &str {
    let Ok(known) = right.parse::<Right>() else { return right };
    match known {
        Right::CallTools => "call tools",
        Right::ReadApprovals => "see requests and their arguments",
        Right::DecideApprovals => "approve and reject requests",
        Right::ReadAudit => "see the audit",
        Right::ReadAuditBodies => "see full requests and responses in the audit",
        Right::ReadToolkits => "see toolkits",
        Right::WriteToolkits => "change toolkits and permissions",
        Right::ReadConnections => "see connections",
        Right::WriteConnections => "change connections",
        Right::ReadKeys => "see API keys",
        Right::WriteKeys => "create and revoke API keys",
        Right::ReadMembers => "see members and roles",
        Right::WriteMembers => "change members and roles",
        Right::WriteOrg => "change the org and its approval policy",
    }
}

/// `a, b and c`; nothing for nothing.
pub(super) fn sentence(rights: &[String]) -> String {
    let words: Vec<&str> = rights.iter().map(|right| words(right)).collect();
    match words.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

/// Whether who has `own` may give `other`. A right that this console does not know is nobody's to give.
pub(super) fn cover(own: &[String], other: &[String]) -> bool {
    other.iter().all(|right| right.parse::<Right>().is_ok() && own.contains(right))
}

/// What a person could do after, and not before; and the other way round.
pub(super) fn difference(before: &[String], after: &[String]) -> (Vec<String>, Vec<String>) {
    let without = |of: &[String], other: &[String]| of.iter().filter(|right| !other.contains(right)).cloned().collect();
    (without(after, before), without(before, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn every_right_has_words_of_its_own() {
        for right in Right::ALL {
            assert_ne!(words(right.as_str()), right.as_str());
        }
        assert_eq!(words("moon:walk"), "moon:walk");
    }

    #[test]
    fn nobody_gives_more_than_they_have() {
        let own = rights(&["tools:call", "members:write"]);
        assert!(cover(&own, &rights(&["tools:call"])));
        assert!(!cover(&own, &rights(&["tools:call", "org:write"])));
        assert!(!cover(&rights(&["moon:walk"]), &rights(&["moon:walk"])));
    }

    #[test]
    fn another_role_gives_some_rights_and_takes_others() {
        let (gained, lost) =
            difference(&rights(&["tools:call", "toolkits:read"]), &rights(&["toolkits:read", "audit:read"]));
        assert_eq!((sentence(&gained), sentence(&lost)), ("see the audit".to_owned(), "call tools".to_owned()));
    }

    #[test]
    fn rights_read_as_a_sentence() {
        assert_eq!(sentence(&[]), "");
        assert_eq!(
            sentence(&rights(&["tools:call", "audit:read", "keys:read"])),
            "call tools, see the audit and see API keys"
        );
    }
}
