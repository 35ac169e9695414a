//! A budget that ends a check wherever it is. The validator reads arguments through [`Counted`], each look costs, and
//! when nothing is left the check is unwound: how long a schema takes on arguments can be exponential in their depth,
//! and a thread cannot be stopped from outside.

use std::{
    borrow::Cow,
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    time::{Duration, Instant},
};

use jsonschema::{
    JsonType,
    json::{Array, Json, Node, NodeIdentity, Object, cmp, unique},
};
use serde_json::{Map, Value};

use super::aside::STACK;

/// How many bytes of a string are looked at for the price of one look, where no pattern reads them.
const BYTES_A_LOOK: usize = 64;
/// How much of the stack a check may use, in bytes. Between two looks at the arguments the validator goes through at
/// most `graph::LONGEST` parts of a schema, for which the rest is plenty.
const STACK_USED: usize = STACK / 2;

/// How long a check may take whatever it costs; looked at once in so many looks.
const LONGEST: Duration = Duration::from_secs(5);
const LOOKS_A_GLANCE: usize = 1_024;

/// What one look costs with a given schema, in units of about a tenth of a microsecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Prices {
    /// For each byte of a string: what the largest pattern may do to it; 0 without patterns.
    pub(super) byte: usize,
    /// For each name of a member: how many patterns it is held against.
    pub(super) patterns_a_name: usize,
    /// For each value within another: how many parts of the schema it may meet without being looked at.
    pub(super) value: usize,
}

#[derive(Clone, Copy)]
struct Meter {
    left: usize,
    prices: Prices,
    /// The stack grows down to here at most.
    floor: usize,
    /// When it has to end.
    until: Option<Instant>,
}

thread_local! {
    static METER: Cell<Meter> = const {
        let prices = Prices { byte: 0, patterns_a_name: 0, value: 0 };
        Cell::new(Meter { left: usize::MAX, prices, floor: 0, until: None })
    };
}

/// The reason of an unwinding that [`within`] catches.
struct Spent;

/// Runs a check with `units` to spend. `None`: they did not suffice, or the stack did not. To be called on a thread of
/// [`STACK`] bytes, near its beginning.
pub(super) fn within<T>(units: usize, prices: Prices, check: impl FnOnce() -> T) -> Option<T> {
    let (floor, until) = (stack_here().saturating_sub(STACK_USED), Some(Instant::now() + LONGEST));
    METER.set(Meter { left: units, prices, floor, until });
    // The validator is not changed by a check, and what the check had begun is dropped with it.
    match catch_unwind(AssertUnwindSafe(check)) {
        Ok(done) => Some(done),
        Err(reason) if reason.is::<Spent>() => None,
        Err(panic) => resume_unwind(panic),
    }
}

/// About where the stack ends now.
#[inline(never)]
fn stack_here() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(&here) as usize
}

fn spend(units: usize) {
    let mut meter = METER.get();
    let late = |left: usize| {
        left / LOOKS_A_GLANCE != meter.left / LOOKS_A_GLANCE && meter.until.is_some_and(|until| Instant::now() > until)
    };
    match meter.left.checked_sub(units) {
        Some(left) if stack_here() > meter.floor && !late(left) => meter.left = left,
        // Not a panic: nothing is wrong here, and nothing is to be reported.
        _ => resume_unwind(Box::new(Spent)),
    }
    METER.set(meter);
}

fn spend_on_text(bytes: usize, readers: usize) {
    spend(1 + bytes / BYTES_A_LOOK + bytes.saturating_mul(METER.get().prices.byte).saturating_mul(readers));
}

fn spend_on_member(name: &str) {
    let prices = METER.get().prices;
    spend_on_text(name.len(), prices.patterns_a_name);
    spend(prices.value + prices.patterns_a_name);
}

/// How many values there are in `value`, it included, a long string counting for more.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => 1 + text.len() / BYTES_A_LOOK,
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(members) => {
            1 + members.iter().map(|(name, value)| 1 + name.len() / BYTES_A_LOOK + size(value)).sum::<usize>()
        }
        _ => 1,
    }
}

/// How long the longest path to a value within `value` is, in bytes: each problem that is found has a copy of its own.
pub(super) fn longest_path(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(longest_path).max().map_or(0, |longest| longest + 8),
        Value::Object(members) => {
            members.iter().map(|(name, value)| name.len() + 1 + longest_path(value)).max().unwrap_or_default()
        }
        _ => 0,
    }
}

/// JSON as `serde_json` has it, each look at which is counted.
pub(super) struct Counted;

/// A value that is looked at.
#[derive(Clone, Copy)]
pub(super) struct Looked<'a>(pub(super) &'a Value);

/// An object that is looked at.
pub(super) struct LookedObject<'a>(&'a Map<String, Value>);

/// An array that is looked at.
pub(super) struct LookedArray<'a>(&'a [Value]);

impl Json for Counted {
    type Node<'a> = Looked<'a>;
    type PreparedKey = String;
    type StringBuffer = Value;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>(buffer: &mut Value, string: &str, f: impl FnOnce(Looked<'_>) -> T) -> T {
        spend_on_text(string.len(), 0);
        *buffer = Value::String(string.to_owned());
        f(Looked(buffer))
    }
}

impl<'a> Node<'a, Counted> for Looked<'a> {
    type Object = LookedObject<'a>;
    type Array = LookedArray<'a>;
    type Number = &'a serde_json::Number;

    fn as_object(&self) -> Option<LookedObject<'a>> {
        spend(1);
        self.0.as_object().map(LookedObject)
    }

    fn as_array(&self) -> Option<LookedArray<'a>> {
        spend(1);
        self.0.as_array().map(|items| LookedArray(items))
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        let text = self.0.as_str();
        spend_on_text(text.map_or(0, str::len), 1);
        text.map(Cow::Borrowed)
    }

    fn as_number(&self) -> Option<&'a serde_json::Number> {
        spend(1);
        self.0.as_number()
    }

    fn as_boolean(&self) -> Option<bool> {
        spend(1);
        self.0.as_bool()
    }

    fn is_null(&self) -> bool {
        spend(1);
        self.0.is_null()
    }

    fn json_type(&self) -> JsonType {
        spend(1);
        match self.0 {
            Value::Null => JsonType::Null,
            Value::Bool(_) => JsonType::Boolean,
            Value::Number(_) => JsonType::Number,
            Value::String(_) => JsonType::String,
            Value::Array(_) => JsonType::Array,
            Value::Object(_) => JsonType::Object,
        }
    }

    fn string_length(&self) -> Option<u64> {
        let text = self.0.as_str();
        spend_on_text(text.map_or(0, str::len), 0);
        text.map(|text| text.chars().count() as u64)
    }

    fn equals_value(&self, expected: &Value) -> bool {
        spend(size(self.0));
        cmp::equal(self.0, expected)
    }

    fn to_value(&self) -> Cow<'a, Value> {
        spend(1);
        Cow::Borrowed(self.0)
    }

    fn identity(&self) -> Option<NodeIdentity> {
        spend(1);
        Some(NodeIdentity::new(std::ptr::from_ref(self.0) as usize))
    }
}

impl<'a> Object<'a, Counted> for LookedObject<'a> {
    type Node = Looked<'a>;
    type MemberName = &'a str;
    type MembersIter = Box<dyn Iterator<Item = (&'a str, Looked<'a>)> + 'a>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, key: &String) -> Option<Looked<'a>> {
        let member = self.0.get(key);
        spend(1 + member.map_or(0, |_| METER.get().prices.value));
        member.map(Looked)
    }

    fn members(&self) -> Self::MembersIter {
        Box::new(self.0.iter().map(|(name, value)| {
            spend_on_member(name);
            (name.as_str(), Looked(value))
        }))
    }
}

impl<'a> Array<'a, Counted> for LookedArray<'a> {
    type Node = Looked<'a>;
    type ElementsIter = Box<dyn Iterator<Item = Looked<'a>> + 'a>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn elements(&self) -> Self::ElementsIter {
        Box::new(self.0.iter().map(|value| {
            spend(1 + METER.get().prices.value);
            Looked(value)
        }))
    }

    fn is_unique(&self) -> bool {
        // Few are compared with each other, many are hashed.
        spend(self.0.iter().map(size).sum::<usize>() * self.0.len().min(16));
        unique::is_unique(self.0)
    }
}
