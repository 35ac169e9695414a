//! The one set of icons: 16 by 16, drawn with strokes of the text's colour.

use leptos::prelude::*;

/// Which icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Done.
    Check,
    /// Refused.
    Cross,
    /// Dangerous, or wrong.
    Warning,
    /// Waits.
    Pause,
    /// Ends by itself.
    Clock,
    /// Not known.
    Question,
    /// Changed.
    Change,
    /// Take it along.
    Copy,
    /// The menu.
    Menu,
    /// Back to the list.
    Back,
    /// Look for something.
    Search,
    /// Light.
    Sun,
    /// Dark.
    Moon,
    /// As the system has it.
    Screen,
    /// A list of records.
    Audit,
    /// Opens downwards.
    Down,
    /// Further.
    Right,
    /// Change it.
    Edit,
    /// Something that is not seen at once.
    Eye,
    /// Settings.
    Gear,
    /// What waits.
    Inbox,
    /// A key.
    Key,
    /// Leave.
    Leave,
    /// More of the same.
    More,
    /// Figures.
    Overview,
    /// People.
    People,
    /// A person.
    Person,
    /// A connection, or what is outside.
    Plug,
    /// One more.
    Plus,
    /// Several alike.
    Stack,
    /// A toolkit.
    Toolkit,
    /// Take it back.
    Undo,
    /// As it happens.
    Live,
    /// Fewer.
    Filter,
    /// Take it along as a file.
    Download,
}

impl Shape {
    /// Every icon there is.
    pub const ALL: &'static [Self] = &[
        Self::Check,
        Self::Cross,
        Self::Warning,
        Self::Pause,
        Self::Clock,
        Self::Question,
        Self::Change,
        Self::Copy,
        Self::Menu,
        Self::Back,
        Self::Search,
        Self::Sun,
        Self::Moon,
        Self::Screen,
        Self::Audit,
        Self::Down,
        Self::Right,
        Self::Edit,
        Self::Eye,
        Self::Gear,
        Self::Inbox,
        Self::Key,
        Self::Leave,
        Self::More,
        Self::Overview,
        Self::People,
        Self::Person,
        Self::Plug,
        Self::Plus,
        Self::Stack,
        Self::Toolkit,
        Self::Undo,
        Self::Live,
        Self::Filter,
        Self::Download,
    ];

    fn path(self) -> &'static str {
        match self {
            Self::Check => "m3 8.5 3.2 3.2L13 4.8",
            Self::Cross => "m4 4 8 8M12 4l-8 8",
            Self::Warning => "M8 2.5 14.5 13.5h-13zM8 6.5v3M8 11.6h.01",
            Self::Pause => "M5.5 3.5v9M10.5 3.5v9",
            Self::Clock => "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 5v3.2l2 1.3",
            Self::Question => "M6 6a2 2 0 1 1 2.8 1.9c-.5.2-.8.6-.8 1.1v.5M8 12h.01",
            Self::Change => "M2.5 5.5h9.5L9.5 3M13.5 10.5H4L6.5 13",
            Self::Copy => "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
            Self::Menu => "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
            Self::Back => "M9.5 4l-4 4 4 4",
            Self::Search => "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.3 10.3 14 14",
            Self::Sun => {
                "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6ZM8 1.5v1.6M8 12.9v1.6M1.5 8h1.6M12.9 8h1.6M3.4 3.4l1.1 1.1M11.5 11.5l1.1 1.1M12.6 3.4l-1.1 1.1M4.5 11.5l-1.1 1.1"
            }
            Self::Moon => "M13 9.5A5.5 5.5 0 1 1 6.5 3a4.5 4.5 0 0 0 6.5 6.5z",
            Self::Screen => "M2 3.5h12v7.5H2ZM6 13.5h4",
            Self::Audit => "M3 4h10M3 8h10M3 12h6",
            Self::Down => "m4 6.5 4 4 4-4",
            Self::Right => "m6.5 4 4 4-4 4",
            Self::Edit => "m3 13 .7-3L11 2.8 13.2 5 6 12.3z",
            Self::Eye => {
                "M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8zM8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4z"
            }
            Self::Gear => {
                "M2 5h7M12.5 5H14M2 11h1.5M7 11h7M10.75 3.25a1.75 1.75 0 1 1 0 3.5 1.75 1.75 0 0 1 0-3.5zM5.25 9.25a1.75 1.75 0 1 1 0 3.5 1.75 1.75 0 0 1 0-3.5z"
            }
            Self::Inbox => {
                "M2 9.5 3.8 3.6A1 1 0 0 1 4.8 3h6.4a1 1 0 0 1 1 .6L14 9.5V12a1 1 0 0 1-1 1H3a1 1 0 0 1-1-1V9.5h3.5a2.5 2.5 0 0 0 5 0H14"
            }
            Self::Key => "M5.5 13a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM7.3 8.7 13 3M10.8 5.2l2 2",
            Self::Leave => "M6.5 2.5h-4v11h4M10.5 5l3 3-3 3M13.5 8H6",
            Self::More => "M3.5 8h.01M8 8h.01M12.5 8h.01",
            Self::Overview => "M2.5 13.5v-5M6.2 13.5v-11M9.8 13.5v-7M13.5 13.5v-4",
            Self::People => {
                "M6 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM1.5 13.5c0-2.5 2-4 4.5-4s4.5 1.5 4.5 4M10.5 2.8a2.5 2.5 0 0 1 0 4.4M12.5 9.9c1.3.6 2 1.9 2 3.6"
            }
            Self::Person => "M8 8a2.75 2.75 0 1 0 0-5.5A2.75 2.75 0 0 0 8 8zM2.5 14c0-2.6 2.2-4 5.5-4s5.5 1.4 5.5 4",
            Self::Plug => "M5.5 2v3M10.5 2v3M4 5h8v2.5a4 4 0 0 1-8 0zM8 11.5V14",
            Self::Plus => "M8 3v10M3 8h10",
            Self::Stack => "m8 2.5 6 3-6 3-6-3zM2 8.5l6 3 6-3",
            Self::Toolkit => "M2.5 5.5h11v7h-11zM5.5 5.5v-2h5v2M2.5 8.5h11",
            Self::Undo => "M3 6h6.5a3.5 3.5 0 0 1 0 7H6M3 6l3-3M3 6l3 3",
            Self::Live => "M8 9.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM4.5 11.5a5 5 0 0 1 0-7M11.5 4.5a5 5 0 0 1 0 7",
            Self::Filter => "M2.5 4h11M4.5 8h7M6.5 12h3",
            Self::Download => "M8 2.5v8M4.5 7.5 8 11l3.5-3.5M3 13.5h10",
        }
    }
}

/// An icon. It says nothing to screen readers: the words beside it do.
#[component]
pub fn Icon(
    /// Which.
    shape: Shape,
) -> impl IntoView {
    view! {
        <svg class="i" aria-hidden="true" width="16" height="16" viewBox="0 0 16 16">
            <path d=shape.path() />
        </svg>
    }
}
