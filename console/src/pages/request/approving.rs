//! What Approve is called, and how often it must be pressed.

use api_types::Approval;

use crate::components::Kind;

/// What the names of tools begin with that delete something.
const DELETES: [&str; 6] = ["delete", "remove", "drop", "purge", "destroy", "erase"];

/// Approve, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Approve {
    /// Red where the call claims to be destructive.
    pub kind: Kind,
    /// The act.
    pub words: &'static str,
    /// What is particular about this approval.
    pub more: &'static str,
}

impl Approve {
    /// What approving this request is called; `late`: it has expired before.
    pub(super) fn of(approval: &Approval, late: bool) -> Self {
        let (kind, words) = match approval.hints.destructive {
            Some(true) if deletes(&approval.tool) => (Kind::Danger, "Approve deletion"),
            Some(true) => (Kind::Danger, "Approve destructive call"),
            _ => (Kind::Primary, "Approve"),
        };
        let more = match (late, approval.definition_changed) {
            (true, _) => " late",
            (false, true) => " once",
            (false, false) => "",
        };
        Self { kind, words, more }
    }

    /// Whether a press only asks for another one: `asked` says that it did so before.
    pub(super) fn asks(self, unopened: bool, asked: bool) -> bool {
        self.kind == Kind::Danger && unopened && !asked
    }
}

/// Whether a tool says by its name that it deletes: by the first word, so that `dropbox_upload` does not.
fn deletes(tool: &str) -> bool {
    let mut before = 'A';
    let ends = |c: char| {
        let ends = !c.is_ascii_alphabetic() || (c.is_ascii_uppercase() && before.is_ascii_lowercase());
        before = c;
        ends
    };
    let first = tool.split(ends).next().unwrap_or_default();
    DELETES.iter().any(|word| first.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::sample::request;
    use api_types::ToolHints;

    fn said(tool: &str, destructive: Option<bool>, changed: bool, late: bool) -> (Kind, String) {
        let hints = ToolHints { destructive, ..ToolHints::default() };
        let approval =
            Approval { tool: tool.to_owned(), hints, definition_changed: changed, ..request(1, "pending", 1) };
        let Approve { kind, words, more } = Approve::of(&approval, late);
        (kind, format!("{words}{more}"))
    }

    #[test]
    fn an_ordinary_approval_is_a_word() {
        assert_eq!(said("send_invoice", None, false, false), (Kind::Primary, "Approve".to_owned()));
        assert_eq!(said("delete_folder", Some(false), false, false), (Kind::Primary, "Approve".to_owned()));
    }

    #[test]
    fn a_destructive_one_is_red_and_names_the_act() {
        for (tool, words) in [
            ("delete_folder", "Approve deletion"),
            ("deleteFolder", "Approve deletion"),
            ("Remove-user", "Approve deletion"),
            ("purge", "Approve deletion"),
            ("dropbox_upload", "Approve destructive call"),
            ("removed_items", "Approve destructive call"),
            ("run_sql", "Approve destructive call"),
            ("", "Approve destructive call"),
        ] {
            assert_eq!(said(tool, Some(true), false, false), (Kind::Danger, words.to_owned()), "{tool}");
        }
    }

    #[test]
    fn what_is_approved_of_a_changed_tool_or_after_its_end_says_so() {
        assert_eq!(said("send_invoice", None, true, false).1, "Approve once");
        assert_eq!(said("send_invoice", None, false, true).1, "Approve late");
        assert_eq!(said("send_invoice", None, true, true).1, "Approve late");
        assert_eq!(said("delete_folder", Some(true), true, false).1, "Approve deletion once");
    }

    #[test]
    fn what_destroys_and_was_not_opened_asks_once_more() {
        let approve = |kind| Approve { kind, words: "", more: "" };
        assert!(approve(Kind::Danger).asks(true, false));
        assert!(!approve(Kind::Danger).asks(true, true), "the second press approves");
        assert!(!approve(Kind::Danger).asks(false, false));
        assert!(!approve(Kind::Primary).asks(true, false));
    }
}
