//! What has only just come up cannot be pressed yet (`presses` has the rules): the listeners that notice presses,
//! and the signal that buttons and keys follow.

use gloo_timers::callback::Timeout;
use js_sys::{Function, Reflect};
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::presses::{Ms, PressLog, Shown};
use crate::reactive::{RwSignal, effect};

/// How long it says that it was pressed in vain.
const REFUSED_MS: u32 = 2_000;

/// The presses on this page.
#[derive(Clone, Copy)]
pub struct Presses {
    log: StoredValue<PressLog>,
    /// Moves when the place of the last press was left.
    moved: RwSignal<u64>,
    /// Moves when what was covered or left alone is looked at anew.
    anew: RwSignal<u64>,
}

impl Presses {
    /// Notices every press, for everything underneath.
    pub fn provide() {
        let presses =
            Self { log: StoredValue::new(PressLog::default()), moved: RwSignal::new(0), anew: RwSignal::new(0) };
        provide_context(presses);
        let place = |event: &web_sys::PointerEvent| (event.client_x(), event.client_y());
        // Released, not pressed: it comes before the click, and not at all when a finger scrolls.
        let up = window_event_listener(leptos::ev::pointerup, move |event| {
            presses.log.update_value(|log| log.pressed(now(), place(&event), event.pointer_type() == "touch"));
        });
        let there = move |event: web_sys::PointerEvent| {
            if presses.log.try_update_value(|log| log.moved(now(), place(&event))) == Some(true) {
                presses.moved.update(|moved| *moved += 1);
            }
        };
        let moved = window_event_listener(leptos::ev::pointermove, there);
        let down = window_event_listener(leptos::ev::pointerdown, there);
        on_cleanup(move || [up, moved, down].into_iter().for_each(WindowListenerHandle::remove));
    }

    /// The presses that the application notices.
    pub fn here() -> Self {
        expect_context()
    }

    /// What can be pressed now is looked at anew: a dialog over it has closed, or a key led here.
    pub fn anew(self) {
        self.anew.try_update(|anew| *anew += 1);
    }

    /// A key did what it is for.
    pub fn acted(self, key: &'static str) {
        self.log.update_value(|log| log.acted(now(), key));
    }

    /// Whether a key that decides has just decided something else.
    pub fn rests(self, key: &str) -> bool {
        pressed_at() < self.log.with_value(|log| log.rests(key))
    }

    /// A letter did nothing.
    pub fn ignored(self) {
        self.log.update_value(|log| log.ignored(now(), 0.0));
    }

    /// Whether letters do nothing now.
    pub fn is_quiet(self) -> bool {
        self.log.with_value(|log| log.is_quiet(pressed_at()))
    }
}

/// Something that cannot be pressed yet when it has only just come up.
#[derive(Clone, Copy)]
pub struct Fresh {
    presses: Presses,
    read: Ms,
    /// The key that does the same.
    key: Option<&'static str>,
    shown: StoredValue<Shown>,
    again: RwSignal<u64>,
    /// Whether a press does nothing now.
    pub inert: RwSignal<bool>,
    /// Whether it was pressed in vain, and so has to say why nothing happens.
    pub refused: RwSignal<bool>,
}

impl Fresh {
    /// What the calling component shows comes up now, and must be shown for `read` before it can be pressed.
    pub fn new(read: Ms) -> Self {
        Self::with_key(read, None)
    }

    /// The same, where a key does what a press does: the key that has just decided something else does nothing, and
    /// what is pressed looks so.
    pub fn with_key(read: Ms, key: Option<&'static str>) -> Self {
        let presses = Presses::here();
        let shown = presses.log.with_value(|log| log.shown(now()));
        let fresh = Self {
            presses,
            read,
            key,
            shown: StoredValue::new(shown),
            again: RwSignal::new(0),
            inert: RwSignal::new(false),
            refused: RwSignal::new(false),
        };
        fresh.inert.set(fresh.left() > 0.0);
        let seen = StoredValue::new(presses.anew.get_untracked());
        effect(move || {
            fresh.again.track();
            presses.moved.track();
            let anew = presses.anew.get();
            if seen.get_value() != anew {
                seen.set_value(anew);
                fresh.come_up();
            }
            fresh.follow();
        });
        fresh
    }

    /// What it does has changed: it comes up anew.
    pub fn renew(self) {
        self.come_up();
        self.again.update(|again| *again += 1);
    }

    /// Whether the press that is handled counts: it was open when it was pressed, not only by the time that a busy
    /// page came to it.
    pub fn is_open(self) -> bool {
        self.opens() <= pressed_at()
    }

    /// It was pressed in vain. Letters that follow do nothing until it can be pressed.
    pub fn refuse(self) {
        let opens = now() + self.left();
        self.presses.log.update_value(|log| log.ignored(now(), opens));
        self.refused.set(true);
        Timeout::new(REFUSED_MS, move || {
            self.refused.try_set(false);
        })
        .forget();
    }

    fn come_up(self) {
        self.shown.set_value(self.presses.log.with_value(|log| log.shown(now())));
    }

    fn left(self) -> Ms {
        self.opens() - now()
    }

    /// When it can be pressed.
    fn opens(self) -> Ms {
        self.presses.log.with_value(|log| {
            let rests = self.key.map_or(0.0, |key| log.rests(key));
            log.opens(self.shown.get_value(), self.read).max(rests)
        })
    }

    /// Says how it is, and again when that changes.
    fn follow(self) {
        let left = self.left();
        self.inert.set(left > 0.0);
        if left > 0.0 {
            let again = self.again;
            // Rounded up: one that comes too early would find it closed and start another.
            Timeout::new(left.ceil() as u32 + 1, move || {
                again.try_update(|again| *again += 1);
            })
            .forget();
        }
    }
}

/// When what is handled now was pressed, on the clock of [`now`]; now, where nothing was.
fn pressed_at() -> Ms {
    let event = Reflect::get(&window(), &"event".into()).unwrap_or_default();
    let at = event.is_object().then(|| Reflect::get(&event, &"timeStamp".into()).ok()?.as_f64()).flatten();
    at.unwrap_or_else(now)
}

/// A clock that only goes forward, whatever is done to the time of day.
fn now() -> Ms {
    // Asked for by name: web-sys would be compiled anew for this alone, with everything that is built on it.
    let performance = Reflect::get(&window(), &"performance".into()).unwrap_or_default();
    let now = Reflect::get(&performance, &"now".into()).ok().and_then(|now| now.dyn_into::<Function>().ok());
    now.and_then(|now| now.call0(&performance).ok()).and_then(|now| now.as_f64()).unwrap_or_default()
}
