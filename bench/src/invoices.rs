//! The invoices of the ledger that is listed: enough of them for a result of usual size.

use serde_json::{Value, json};

const COUNT: u64 = 8;

/// In the form of the sample upstream's ledger file and of its answer.
pub(crate) fn invoices() -> Vec<Value> {
    let invoice = |number: u64| {
        json!({
            "number": number,
            "customer": format!("Customer {number}"),
            "amount_cents": 1250 * number,
            "currency": "EUR",
            "sent_at": format!("2026-01-{number:02}T09:30:00Z"),
        })
    };
    (1..=COUNT).map(invoice).collect()
}
