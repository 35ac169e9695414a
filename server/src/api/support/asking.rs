//! What turns out of a request while it is handled, for its record.

use std::sync::Arc;

use axum::{
    body::Bytes,
    http::{Extensions, HeaderMap, header, request::Parts},
};
use domain::OrgId;
use parking_lot::Mutex;
use uuid::Uuid;

use crate::{
    db::audit::Source,
    service::{access::Actor, on_record::Asked},
    telemetry::RequestId,
};

/// Who turned out to ask, about which org, with which body: the extractors say so while a request is handled.
#[derive(Clone, Default)]
pub(in crate::api) struct Asking(Arc<Mutex<KnownRequest>>);

/// What is known of a request.
#[derive(Default)]
pub(in crate::api) struct KnownRequest {
    /// What it asks for, as the API's document calls it.
    operation: Option<&'static str>,
    /// Who asks.
    pub(in crate::api) actor: Option<Actor>,
    /// The org that it is about.
    pub(in crate::api) org: Option<OrgId>,
    /// Its body.
    pub(in crate::api) body: Option<Bytes>,
    /// Whether its handler has recorded it.
    pub(in crate::api) recorded: bool,
}

impl Asking {
    /// A request for this operation; `None`: for nothing that there is.
    pub(in crate::api) fn to(operation: Option<&'static str>) -> Self {
        Self(Arc::new(Mutex::new(KnownRequest { operation, ..KnownRequest::default() })))
    }

    /// What is known of the request with these extensions.
    pub(in crate::api) fn of(extensions: &Extensions) -> Self {
        extensions.get::<Self>().cloned().unwrap_or_default()
    }

    /// This is who asks.
    pub(in crate::api) fn is_by(&self, actor: &Actor) {
        self.0.lock().actor = Some(actor.clone());
    }

    /// This is the org that it is about; who asks belongs to it.
    pub(in crate::api) fn is_about(&self, org: OrgId) {
        self.0.lock().org = Some(org);
    }

    /// The handler records it.
    pub(in crate::api) fn is_recorded(&self) {
        self.0.lock().recorded = true;
    }

    /// What it is recorded as.
    fn action(&self) -> &'static str {
        self.0.lock().operation.unwrap_or("turned away")
    }

    /// What has turned out, once the request was handled.
    pub(in crate::api) fn known(&self) -> KnownRequest {
        std::mem::take(&mut *self.0.lock())
    }

    /// This came with it.
    pub(in crate::api) fn has_body(&self, body: &Bytes) {
        self.0.lock().body = Some(body.clone());
    }
}

/// What a request asked for whose credential is not valid any more.
pub(in crate::api) fn asked_with(parts: &Parts, request_id: Uuid) -> Asked {
    let action = Asking::of(&parts.extensions).action();
    Asked { client: client(&parts.headers), ..Asked::new(action, Source::Rest, request_id) }
}

/// What the client says that it is.
pub(in crate::api) fn client(headers: &HeaderMap) -> Option<String> {
    let client = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok())?;
    Some(client.chars().take(200).collect())
}

/// The request's id, put there by the outermost layer.
pub(in crate::api) fn request_id(parts: &Parts) -> Uuid {
    parts.extensions.get::<RequestId>().map_or_else(Uuid::now_v7, |id| id.0)
}
