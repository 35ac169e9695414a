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
    ];

    fn path(self) -> &'static str {
        match self {
            Self::Check => "M3 8.5 6.5 12 13 4.5",
            Self::Cross => "M4 4l8 8M12 4l-8 8",
            Self::Warning => "M8 2.5 14.5 13.5H1.5ZM8 6.5v3.5M8 11.6v.4",
            Self::Pause => "M5.5 3.5v9M10.5 3.5v9",
            Self::Clock => "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2ZM8 4.8V8l2.2 1.6",
            Self::Question => {
                "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2ZM6.3 6.4c.2-2 3.4-2 3.4 0 0 1.2-1.7 1.3-1.7 2.6M8 11v.3"
            }
            Self::Change => "M3 5.5h9M9.5 3 12 5.5 9.5 8M13 10.5H4M6.5 8 4 10.5 6.5 13",
            Self::Copy => "M6 6h7v7H6ZM10 6V3H3v7h3",
            Self::Menu => "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
            Self::Back => "M13 8H3.5M7.5 4 3.5 8l4 4",
            Self::Search => "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM10.5 10.5 14 14",
            Self::Sun => {
                "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6ZM8 1.5v1.6M8 12.9v1.6M1.5 8h1.6M12.9 8h1.6M3.4 3.4l1.1 1.1M11.5 11.5l1.1 1.1M12.6 3.4l-1.1 1.1M4.5 11.5l-1.1 1.1"
            }
            Self::Moon => "M13 9.6A5.6 5.6 0 0 1 6.4 3 5.6 5.6 0 1 0 13 9.6Z",
            Self::Screen => "M2 3.5h12v7.5H2ZM6 13.5h4",
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
        <svg class="icon" aria-hidden="true" width="16" height="16" viewBox="0 0 16 16">
            <path d=shape.path() />
        </svg>
    }
}
