//! What the server claims of its tool, in words.

use api_types::ToolHints;

use super::words::capital;
use crate::components::{Shape, Tone};

/// What the server claims of its tool: what is unusual one by one, the rest together in one quiet line. Both go before
/// "(according to the server)".
pub fn claims(hints: &ToolHints) -> (Vec<(Tone, Shape, &'static str)>, &'static str) {
    let mut unusual = Vec::new();
    if hints.destructive == Some(true) {
        unusual.push((Tone::Bad, Shape::Warning, "Destructive"));
    }
    if hints.open_world == Some(true) {
        unusual.push((Tone::Quiet, Shape::Plug, "Reaches outside"));
    }
    let read_only = hints.read_only == Some(true) && hints.destructive != Some(true);
    let quiet = match (read_only, hints.idempotent == Some(true)) {
        (true, true) => "Read-only, safe to repeat",
        (true, false) => "Read-only",
        (false, true) => "Safe to repeat",
        (false, false) => "",
    };
    (unusual, quiet)
}

/// Everything that the server says of its tool, in one line; empty where it says nothing.
pub fn hints(hints: &ToolHints) -> String {
    let words = [
        (hints.destructive, "destructive", "not destructive"),
        (hints.read_only, "read-only", "not read-only"),
        (hints.idempotent, "safe to repeat", "not safe to repeat"),
        (hints.open_world, "reaches outside", "does not reach outside"),
    ];
    let said: Vec<_> =
        words.into_iter().filter_map(|(hint, yes, no)| hint.map(|hint| if hint { yes } else { no })).collect();
    capital(&said.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destructive_claim_outweighs_a_harmless_one_and_quiet_ones_stand_together() {
        let unusual = |hints: ToolHints| claims(&hints).0.into_iter().map(|(_, _, words)| words).collect::<Vec<_>>();
        let both = ToolHints { destructive: Some(true), read_only: Some(true), ..ToolHints::default() };
        assert_eq!((unusual(both), claims(&both).1), (vec!["Destructive"], ""));
        assert_eq!(unusual(ToolHints { open_world: Some(true), ..both }), ["Destructive", "Reaches outside"]);
        let harmless = ToolHints { read_only: Some(true), idempotent: Some(true), ..ToolHints::default() };
        assert_eq!(claims(&harmless), (Vec::new(), "Read-only, safe to repeat"));
        assert_eq!(claims(&ToolHints { idempotent: Some(true), ..ToolHints::default() }).1, "Safe to repeat");
        assert_eq!(claims(&ToolHints::default()), (Vec::new(), ""));
        let said = ToolHints { open_world: Some(true), idempotent: Some(false), ..ToolHints::default() };
        assert_eq!(hints(&said), "Not safe to repeat, reaches outside");
        assert_eq!(hints(&ToolHints::default()), "");
    }
}
