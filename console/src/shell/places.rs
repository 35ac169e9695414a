//! The table of pages. Router, groups, navigation and help are made from it: a new page is a row here, and a view in
//! `pages` that `app::groups` builds.

use domain::Right;

use crate::components::Shape;

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
    /// Its icon in navigation.
    pub icon: Shape,
    /// How navigation leads to it.
    pub navigation: Navigation,
    /// What a person without the right reads: "You do not have access to requests".
    pub cannot: &'static str,
    /// What the page shows, as a sentence.
    pub about: &'static str,
}

/// How navigation leads to a page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Navigation {
    /// By a link in a section.
    Link(Section),
    /// By a link in the first section, with the number of requests that wait.
    Counting,
    /// Not at all: other pages do.
    No,
}

impl Navigation {
    /// The section of the link.
    pub fn section(self) -> Option<Section> {
        match self {
            Self::Link(section) => Some(section),
            Self::Counting => Some(Section::Daily),
            Self::No => None,
        }
    }
}

/// A section of navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// What people come for each day. A phone has these pages at hand, the others under "More".
    Daily,
    /// What agents may do, and where.
    Access,
    /// The org itself.
    Organization,
}

impl Section {
    /// All sections, in the order of navigation.
    pub const ALL: [Self; 3] = [Self::Daily, Self::Access, Self::Organization];

    /// What stands above its links, where one may see some of its pages.
    pub fn heading(self) -> Option<&'static str> {
        match self {
            Self::Daily => None,
            Self::Access => Some("Access"),
            Self::Organization => Some("Organization"),
        }
    }
}

/// What is shown, by the group that it is loaded with. The browser loads a group when one of its pages is opened first.
#[derive(Clone, Copy)]
pub enum Content {
    /// Loaded with the console itself.
    Main(MainPage),
    /// One request, on a page of its own.
    Request,
    /// The records of the audit.
    Audit,
    /// One record.
    Record,
    /// Members and invitations.
    People,
    /// What concerns a person, not an org.
    Account(AccountPage),
}

/// Pages that are loaded with the console itself.
#[derive(Clone, Copy)]
pub enum MainPage {
    /// What leads to an org.
    FirstOrg,
    /// The requests of an org.
    Inbox,
}

/// Pages of a person.
#[derive(Clone, Copy)]
pub enum AccountPage {
    /// The door.
    SignIn,
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

/// Whether an address is that of a page, or of something in it: "/acme/audit/1" is in "audit".
pub fn is_in(address: &str, path: &str) -> bool {
    let rest = address.trim_start_matches('/').split_once('/').map(|(_, rest)| rest);
    rest.and_then(|rest| rest.strip_prefix(path)).is_some_and(|more| more.is_empty() || more.starts_with('/'))
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
    Page { path: "login", reach: Reach::Everybody, content: Content::Account(AccountPage::SignIn) },
    Page { path: "invite", reach: Reach::Everybody, content: Content::Account(AccountPage::Invitation) },
    Page { path: "", reach: Reach::SignedIn, content: Content::Main(MainPage::FirstOrg) },
    Page { path: "me", reach: Reach::SignedIn, content: Content::Account(AccountPage::Me) },
    Page {
        path: "inbox",
        reach: Reach::Org(Access {
            right: Right::ReadApprovals,
            heading: "Inbox",
            icon: Shape::Inbox,
            navigation: Navigation::Counting,
            cannot: "You do not have access to requests",
            about: "The inbox lists the calls that agents want to make and that need a decision, and the ones already decided.",
        }),
        content: Content::Main(MainPage::Inbox),
    },
    Page {
        path: "approvals/:id",
        reach: Reach::Org(Access {
            right: Right::ReadApprovals,
            heading: "Request",
            icon: Shape::Inbox,
            navigation: Navigation::No,
            cannot: "You do not have access to this request",
            about: "This page shows one call that an agent wants to make and that needs approval: what it would do, and its outcome.",
        }),
        content: Content::Request,
    },
    Page {
        path: "audit",
        reach: Reach::Org(Access {
            right: Right::ReadAudit,
            heading: "Audit",
            icon: Shape::Audit,
            navigation: Navigation::Link(Section::Daily),
            cannot: "You do not have access to the audit",
            about: "The audit lists every call made by an agent and every change made by a person: who, what, when, and the outcome.",
        }),
        content: Content::Audit,
    },
    Page {
        path: "audit/:id",
        reach: Reach::Org(Access {
            right: Right::ReadAudit,
            heading: "Audit record",
            icon: Shape::Audit,
            navigation: Navigation::No,
            cannot: "You do not have access to this record",
            about: "This page shows one audit record: a call made by an agent or a change made by a person, and its outcome.",
        }),
        content: Content::Record,
    },
    Page {
        path: "people",
        reach: Reach::Org(Access {
            right: Right::ReadMembers,
            heading: "People",
            icon: Shape::People,
            navigation: Navigation::Link(Section::Organization),
            cannot: "You do not have access to the members of this org",
            about: "This page lists the members of this org, their roles, and pending invitations.",
        }),
        content: Content::People,
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Access, PAGES, is_in};

    #[test]
    fn an_address_names_the_page_that_stands_there() {
        let name = |address| Access::at(address).map(|access| access.heading);
        assert_eq!(name("/acme/inbox"), Some("Inbox"));
        assert_eq!(name("/acme/audit/"), Some("Audit"));
        assert_eq!(name("/acme/audit/1"), Some("Audit record"));
        for nothing in ["/", "/me", "/acme", "/acme/", "/acme/audit/1/2", "/acme/approvals", "/inbox"] {
            assert_eq!(name(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn what_is_in_a_page_has_an_address_under_its_own() {
        for inside in ["/acme/audit", "/acme/audit/", "/acme/audit/1"] {
            assert!(is_in(inside, "audit"), "{inside}");
        }
        for outside in ["/acme/audits", "/acme/inbox", "/audit", "/acme", "/"] {
            assert!(!is_in(outside, "audit"), "{outside}");
        }
    }

    #[test]
    fn no_two_pages_have_the_same_address() {
        let addresses: HashSet<_> =
            PAGES.iter().map(|page| (page.path, matches!(page.reach, super::Reach::Org(_)))).collect();
        assert_eq!(addresses.len(), PAGES.len());
    }
}
