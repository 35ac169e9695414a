//! What the hostile caller sends, made before it does.

use bytes::Bytes;
use fastrand::Rng;
use serde_json::{Value, json};

use super::{
    ALLOWED, HELD,
    generate::{text, value},
};

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
}

/// Bodies that are sent in turn.
pub(super) fn of(attack: Attack, seed: u64) -> Vec<Bytes> {
    let mut rng = Rng::with_seed(seed);
    let count = if attack == Attack::Large { 4 } else { 24 };
    (0..count).map(|nth| Bytes::from(one(attack, nth, &mut rng))).collect()
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
