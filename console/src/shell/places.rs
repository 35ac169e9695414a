//! The table of pages. Router, groups, navigation and help are made from it: a new page is a row here, and a view in
//! `pages` that `app::groups` builds.

use domain::Right;

/// A page of the console.
pub struct Page {
    /// Its address; where it is a page of an org, what follows the org's slug.
    pub path: &'static str,
    /// Who reaches it.
    pub reach: Reach,
    /// What is shown there.
    pub content: Content,
}

/// Who reaches a page.
pub enum Reach {
    /// Everybody.
    Everybody,
    /// Whoever is signed in.
    SignedIn,
    /// Whoever has a right in the org of the address.
    Org(Access),
}

/// A page of an org in words, and the right that it takes.
pub struct Access {
    /// The right to see the page.
    pub right: Right,
    /// The name of the page, as its heading and navigation have it.
    pub heading: &'static str,
    /// How navigation leads to it.
    pub navigation: Navigation,
    /// What one cannot do without the right: "You may not see requests here".
    pub cannot: &'static str,
    /// What the page shows, as a sentence.
    pub about: &'static str,
}

/// How navigation leads to a page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Navigation {
    /// By a link.
    Link,
    /// By a link with the number of requests that wait.
    Counting,
    /// Not at all: other pages do.
    No,
}

/// What is shown, by the group that it is loaded with. The browser loads a group when one of its pages is opened first.
#[derive(Clone, Copy)]
pub enum Content {
    /// Loaded with the console itself.
    Main(MainPage),
    /// The audit.
    Audit(AuditPage),
    /// Members and invitations.
    People,
    /// What concerns a person, not an org.
    Account(AccountPage),
}

/// Pages that are loaded with the console itself.
#[derive(Clone, Copy)]
pub enum MainPage {
    /// The door.
    SignIn,
    /// What leads to an org.
    FirstOrg,
    /// The requests of an org.
    Inbox,
    /// One request.
    Request,
}

/// Pages of the audit.
#[derive(Clone, Copy)]
pub enum AuditPage {
    /// All records.
    List,
    /// One record.
    Record,
}

/// Pages of a person.
#[derive(Clone, Copy)]
pub enum AccountPage {
    /// Sessions, password and settings.
    Me,
    /// An invitation that is taken up.
    Invitation,
}

impl Access {
    /// The page of an org at an address: "/acme/audit" is the audit.
    pub fn at(address: &str) -> Option<&'static Self> {
        let (_, rest) = address.trim_start_matches('/').split_once('/')?;
        PAGES.iter().find_map(|page| match &page.reach {
            Reach::Org(access) if page.is_at(rest) => Some(access),
            _ => None,
        })
    }
}

impl Page {
    fn is_at(&self, rest: &str) -> bool {
        let mut parts = rest.trim_end_matches('/').split('/');
        let fits = self.path.split('/').all(|part| {
            parts.next().is_some_and(|given| if part.starts_with(':') { !given.is_empty() } else { part == given })
        });
        fits && parts.next().is_none()
    }
}

/// Every page.
pub static PAGES: [Page; 9] = [
    Page { path: "login", reach: Reach::Everybody, content: Content::Main(MainPage::SignIn) },
    Page { path: "invite", reach: Reach::Everybody, content: Content::Account(AccountPage::Invitation) },
    Page { path: "", reach: Reach::SignedIn, content: Content::Main(MainPage::FirstOrg) },
    Page { path: "me", reach: Reach::SignedIn, content: Content::Account(AccountPage::Me) },
    Page {
        path: "inbox",
        reach: Reach::Org(Access {
            right: Right::ReadApprovals,
            heading: "Inbox",
            navigation: Navigation::Counting,
            cannot: "You may not see requests here",
            about: "The inbox shows the calls of agents that wait for a person to decide, and what became of earlier ones.",
        }),
        content: Content::Main(MainPage::Inbox),
    },
    Page {
        path: "approvals/:id",
        reach: Reach::Org(Access {
            right: Right::ReadApprovals,
            heading: "A request",
            navigation: Navigation::No,
            cannot: "You may not see this request",
            about: "This address is that of a call of an agent that needs a person's approval: what it would do, and what became of it.",
        }),
        content: Content::Main(MainPage::Request),
    },
    Page {
        path: "audit",
        reach: Reach::Org(Access {
            right: Right::ReadAudit,
            heading: "Audit",
            navigation: Navigation::Link,
            cannot: "You may not see the audit here",
            about: "The audit shows every call of an agent and every change that a person made: who, what, when, and how it ended.",
        }),
        content: Content::Audit(AuditPage::List),
    },
    Page {
        path: "audit/:id",
        reach: Reach::Org(Access {
            right: Right::ReadAudit,
            heading: "A record of the audit",
            navigation: Navigation::No,
            cannot: "You may not see this record",
            about: "This address is that of one record of the audit: a call of an agent or a change that a person made, and how it ended.",
        }),
        content: Content::Audit(AuditPage::Record),
    },
    Page {
        path: "people",
        reach: Reach::Org(Access {
            right: Right::ReadMembers,
            heading: "People",
            navigation: Navigation::Link,
            cannot: "You may not see the people here",
            about: "This page shows who belongs to this org, with which role, and who is invited.",
        }),
        content: Content::People,
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Access, PAGES};

    #[test]
    fn an_address_names_the_page_that_stands_there() {
        let name = |address| Access::at(address).map(|access| access.heading);
        assert_eq!(name("/acme/inbox"), Some("Inbox"));
        assert_eq!(name("/acme/audit/"), Some("Audit"));
        assert_eq!(name("/acme/audit/1"), Some("A record of the audit"));
        for nothing in ["/", "/me", "/acme", "/acme/", "/acme/audit/1/2", "/acme/approvals", "/inbox"] {
            assert_eq!(name(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn no_two_pages_have_the_same_address() {
        let addresses: HashSet<_> =
            PAGES.iter().map(|page| (page.path, matches!(page.reach, super::Reach::Org(_)))).collect();
        assert_eq!(addresses.len(), PAGES.len());
    }
}
