//! The ledger's tools as MCP sees them. Their annotations are true.

use std::sync::Arc;
use std::time::Duration;

use rmcp::handler::server::wrapper::{Json, Parameters};
use rmcp::model::{Implementation, ServerCapabilities, ServerConfig};
use rmcp::{ServerHandler, tool, tool_handler, tool_router};
use serde::{Deserialize, Serialize};
use system::clock::Clock;

use super::ledger::{Invoice, Ledger};

/// The MCP server; clones share the ledger.
#[derive(Clone)]
pub(super) struct LedgerServer {
    ledger: Arc<Ledger>,
    delay: Duration,
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct SendInvoice {
    /// Who pays.
    #[schemars(length(min = 1, max = 200))]
    customer: String,
    /// The amount in the currency's hundredth part, so 1250 is 12.50.
    #[schemars(range(min = 1))]
    amount_cents: i64,
    /// ISO 4217 code, for example EUR.
    #[schemars(regex(pattern = "^[A-Z]{3}$"))]
    currency: String,
    /// A line for the customer.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    note: Option<String>,
}

impl SendInvoice {
    fn check(&self) -> Result<(), String> {
        if self.customer.is_empty() || self.customer.chars().count() > 200 {
            return Err("customer must have 1 to 200 characters".to_owned());
        }
        if self.amount_cents < 1 {
            return Err("amount_cents must be 1 or more".to_owned());
        }
        if self.currency.len() != 3 || !self.currency.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err("currency must be three capital letters such as EUR".to_owned());
        }
        if self.note.as_ref().is_some_and(|note| note.chars().count() > 1000) {
            return Err("note must have at most 1000 characters".to_owned());
        }
        Ok(())
    }
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
struct Invoices {
    /// In the order they were sent.
    invoices: Vec<Invoice>,
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
struct Deleted {
    /// How many invoices were in the ledger.
    deleted: usize,
}

#[tool_router]
impl LedgerServer {
    pub(super) fn new(ledger: Arc<Ledger>, delay: Duration) -> Self {
        Self { ledger, delay }
    }

    /// List every invoice that was sent.
    #[tool(annotations(
        title = "List invoices",
        read_only_hint = true,
        destructive_hint = false,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    async fn list_invoices(&self) -> Result<Json<Invoices>, String> {
        let contents = self.ledger.read().await.map_err(unreadable)?;
        Ok(Json(Invoices { invoices: contents.invoices }))
    }

    /// Send an invoice to a customer. Each call sends a new one.
    #[tool(annotations(
        title = "Send an invoice",
        read_only_hint = false,
        destructive_hint = false,
        idempotent_hint = false,
        open_world_hint = true
    ))]
    async fn send_invoice(&self, Parameters(order): Parameters<SendInvoice>) -> Result<Json<Invoice>, String> {
        order.check()?;
        let invoice = self
            .ledger
            .change("send_invoice", move |contents, runs| {
                let invoice = Invoice {
                    number: i64::try_from(runs).unwrap_or(i64::MAX),
                    customer: order.customer,
                    amount_cents: order.amount_cents,
                    currency: order.currency,
                    note: order.note,
                    sent_at: Clock::system().now(),
                };
                contents.invoices.push(invoice.clone());
                invoice
            })
            .await
            .map_err(unreadable)?;
        tokio::time::sleep(self.delay).await;
        Ok(Json(invoice))
    }

    /// Delete every invoice. This cannot be undone.
    #[tool(annotations(
        title = "Delete the ledger",
        read_only_hint = false,
        destructive_hint = true,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    async fn delete_ledger(&self) -> Result<Json<Deleted>, String> {
        let deleted = self
            .ledger
            .change("delete_ledger", |contents, _| std::mem::take(&mut contents.invoices).len())
            .await
            .map_err(unreadable)?;
        Ok(Json(Deleted { deleted }))
    }
}

fn unreadable(error: std::io::Error) -> String {
    format!("the ledger's file cannot be used: {error}")
}

#[tool_handler]
impl ServerHandler for LedgerServer {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("permesso-sample-upstream", env!("CARGO_PKG_VERSION")))
            .with_instructions("A small ledger of invoices, to try an approval gateway on.")
    }
}
