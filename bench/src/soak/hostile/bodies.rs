//! What the hostile caller sends, made before it does.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};

use super::generate::{text, value};

/// The tool of the hostile upstream that needs approval; each listing defines it anew.
pub(in crate::soak) const HELD: &str = "pay";
/// Its tool that is always allowed.
pub(in crate::soak) const ALLOWED: &str = "balance";

/// One of the things that it does without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attack {
    /// Calls what a person has to approve, with arguments that are costly to check.
    Held,
    /// Calls what runs at once, and is answered at length.
    Allowed,
    /// Sends what is no request.
    Garbage,
    /// Sends bodies of 1 to 4 MiB, which are almost or just too large.
    Large,
    /// Asks for its lists.
    Lists,
}

impl Attack {
    /// All of them.
    pub(super) const ALL: [Self; 5] = [Self::Held, Self::Allowed, Self::Garbage, Self::Large, Self::Lists];

    /// How long it waits for an answer. A call that is held has been checked long before its answer comes.
    pub(super) fn patience(self) -> Duration {
        if self == Self::Held { Duration::from_millis(200) } else { Duration::from_secs(10) }
    }

    /// The body as it is sent the `nth` time. A call that is held has new arguments each time: with those of an earlier
    /// one it would join that one's request, unchecked.
    pub(super) fn anew(self, body: &str, nth: usize) -> String {
        match self {
            Self::Held => body.replacen(r#"{"a":"#, &format!(r#"{{"nth":{nth},"a":"#), 1),
            _ => body.to_owned(),
        }
    }
}

/// Bodies that are sent in turn.
pub(super) fn of(attack: Attack, seed: u64) -> Vec<String> {
    let mut rng = Rng::with_seed(seed);
    let count = if attack == Attack::Large { 4 } else { 24 };
    (0..count).map(|nth| one(attack, nth, &mut rng)).collect()
}

fn one(attack: Attack, nth: usize, rng: &mut Rng) -> String {
    match attack {
        Attack::Held => {
            let mut left = rng.usize(1..1_500);
            call(HELD, &json!({"a": value(rng, &mut left, 0), "all": value(rng, &mut left, 0)}))
        }
        Attack::Allowed => call(ALLOWED, &json!({"token": text(rng, 2_000)})),
        Attack::Garbage => match nth % 4 {
            0 => text(rng, 100_000),
            1 => "[".repeat(50_000),
            2 => format!("[{}]", vec![r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#; 2_000].join(",")),
            _ => call(ALLOWED, &json!({"token": text(rng, 1_000)})).replace("params", "param\\u0073\":0,\"params"),
        },
        Attack::Large => {
            let bytes = (nth + 1) << 20;
            call(
                if nth.is_multiple_of(2) { HELD } else { ALLOWED },
                &json!({"token": text(rng, 64).repeat(bytes / 64)}),
            )
        }
        Attack::Lists => request(["tools/list", "resources/list", "prompts/list"][nth % 3], &json!({})),
    }
}

fn call(tool: &str, arguments: &Value) -> String {
    request("tools/call", &json!({"name": tool, "arguments": arguments}))
}

fn request(method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_held_call_has_other_arguments_each_time() {
        for body in of(Attack::Held, 7) {
            let arguments = |nth| -> Value { serde_json::from_str(&Attack::Held.anew(&body, nth)).unwrap() };
            let (one, other) = (arguments(1), arguments(2));
            assert_eq!(one["params"]["arguments"]["nth"], 1);
            assert_ne!(one, other);
        }
    }
}
