//! When a press counts. A press that was meant for one thing must not do another: the second half of a double
//! click, a key that is still held, a letter of a word that somebody types where no field is. What is here is
//! plain rules over times; listeners and signals are in `fresh`.

/// Milliseconds of a clock that only goes forward.
pub type Ms = f64;

/// How long something that can be decided must have been shown before it can be approved.
pub const READ: Ms = 400.0;
/// How long after a press the same place, or the same key, does nothing else.
pub const REST: Ms = 700.0;
/// How long letters do nothing after one that did nothing: somebody may be typing a word.
pub const WORD: Ms = 300.0;
/// How far, in CSS pixels, a mouse must be moved until it points at something else.
const NEAR: i32 = 6;
/// The same for a finger that comes down anew: the two taps of a double tap are closer together.
const NEAR_FINGER: i32 = 44;

/// What was pressed last.
#[derive(Clone, Copy, Debug, Default)]
pub struct PressLog {
    pointer: Option<Pressed>,
    moved_at: Ms,
    key: Option<(&'static str, Ms)>,
    quiet_until: Ms,
}

#[derive(Clone, Copy, Debug)]
struct Pressed {
    at: Ms,
    place: (i32, i32),
    /// How far from there it still is the same place.
    near: i32,
}

/// When something that can be pressed came up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shown {
    at: Ms,
    /// When the pointer was pressed last before that.
    pressed_at: Option<Ms>,
}

impl PressLog {
    /// A mouse button was released at a place, or a finger was lifted there.
    pub fn pressed(&mut self, now: Ms, place: (i32, i32), by_finger: bool) {
        self.pointer = Some(Pressed { at: now, place, near: if by_finger { NEAR_FINGER } else { NEAR } });
    }

    /// The mouse is at a place, or a finger comes down there. Says whether the place of the last press was just left.
    pub fn moved(&mut self, now: Ms, (x, y): (i32, i32)) -> bool {
        let Some(Pressed { at, place: (from_x, from_y), near }) = self.pointer else { return false };
        let left = self.moved_at <= at && (x - from_x).abs().max((y - from_y).abs()) > near;
        if left {
            self.moved_at = now;
        }
        left
    }

    /// Something that can be pressed comes up.
    pub fn shown(&self, now: Ms) -> Shown {
        Shown { at: now, pressed_at: self.pointer.map(|pressed| pressed.at) }
    }

    /// From when what came up can be pressed, where it must be shown for `read` before: after an earlier press,
    /// once the pointer is elsewhere or [`REST`] is over.
    pub fn opens(&self, shown: Shown, read: Ms) -> Ms {
        let rested = shown.pressed_at.filter(|at| self.moved_at <= *at).map_or(0.0, |at| at + REST);
        rested.max(shown.at + read)
    }

    /// A key did what it is for.
    pub fn acted(&mut self, now: Ms, key: &'static str) {
        self.key = Some((key, now));
    }

    /// Until when a key that decides does nothing, because it has just decided something else.
    pub fn rests(&self, key: &str) -> Ms {
        self.key.filter(|(last, _)| *last == key).map_or(0.0, |(_, at)| at + REST)
    }

    /// A letter did nothing: what follows it may be the rest of a word. Letters do nothing before `until`.
    pub fn ignored(&mut self, now: Ms, until: Ms) {
        self.quiet_until = self.quiet_until.max(until).max(now + WORD);
    }

    /// Whether letters do nothing now.
    pub fn is_quiet(&self, now: Ms) -> bool {
        now < self.quiet_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A click at 1 000 ms at (10, 10).
    fn clicked() -> PressLog {
        let mut log = PressLog::default();
        log.pressed(1_000.0, (10, 10), false);
        log
    }

    #[test]
    fn what_comes_up_must_be_shown_for_a_moment() {
        let log = PressLog::default();
        assert_eq!(log.opens(log.shown(50.0), READ), 450.0);
        assert_eq!(log.opens(log.shown(50.0), 0.0), 50.0);
    }

    #[test]
    fn the_second_half_of_a_double_click_does_not_press_what_came_up_under_it() {
        let mut log = clicked();
        let shown = log.shown(1_020.0);
        log.pressed(1_450.0, (10, 10), false);
        assert_eq!(log.opens(shown, READ), 1_700.0, "a further press does not shorten the rest, nor lengthen it");
        assert_eq!(log.opens(shown, 0.0), 1_700.0);
    }

    #[test]
    fn a_mouse_that_has_moved_away_points_at_something_else() {
        let mut log = clicked();
        let shown = log.shown(1_020.0);
        assert!(!log.moved(1_100.0, (13, 7)), "a hand trembles");
        assert_eq!(log.opens(shown, 0.0), 1_700.0);
        assert!(log.moved(1_110.0, (10, 30)));
        assert!(!log.moved(1_120.0, (10, 60)), "it is said once");
        assert_eq!(log.opens(shown, 0.0), 1_020.0);
        assert_eq!(log.opens(shown, READ), 1_420.0, "it must still be shown for long enough");
    }

    #[test]
    fn a_finger_that_comes_down_elsewhere_means_something_else() {
        let mut log = PressLog::default();
        log.pressed(1_000.0, (100, 100), true);
        let shown = log.shown(1_010.0);
        assert!(!log.moved(1_100.0, (130, 80)), "a double tap");
        assert_eq!(log.opens(shown, READ), 1_700.0);
        assert!(log.moved(1_200.0, (100, 160)));
        assert_eq!(log.opens(shown, 0.0), 1_010.0);
    }

    #[test]
    fn what_stood_there_before_the_press_can_be_pressed_after_it() {
        let mut log = PressLog::default();
        let shown = log.shown(0.0);
        log.pressed(1_000.0, (10, 10), false);
        assert_eq!(log.opens(shown, READ), 400.0);
    }

    #[test]
    fn what_loads_late_is_guarded_from_when_it_came_up() {
        let log = clicked();
        assert_eq!(log.opens(log.shown(9_000.0), READ), 9_400.0);
    }

    #[test]
    fn a_key_that_decided_does_not_decide_the_next_at_once() {
        let mut log = PressLog::default();
        log.acted(1_000.0, "a");
        assert_eq!(log.rests("a"), 1_700.0);
        assert_eq!(log.rests("z"), 0.0, "it can be taken back at once");
    }

    #[test]
    fn a_word_typed_after_a_letter_that_did_nothing_does_nothing() {
        let mut log = PressLog::default();
        assert!(!log.is_quiet(0.0));
        log.ignored(100.0, 0.0);
        assert!(log.is_quiet(399.0));
        log.ignored(350.0, 0.0);
        assert!(log.is_quiet(649.0), "each further letter lengthens it");
        assert!(!log.is_quiet(650.0));
        log.ignored(700.0, 1_400.0);
        assert!(log.is_quiet(1_399.0), "it lasts at least until the guard ends");
    }
}
