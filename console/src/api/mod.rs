//! The only way to the server: JSON over `/api/v1` with the session cookie.
//!
//! Whoever asks need not think of sessions that end: a request that is answered 401 waits, while the
//! page stays as it is and the person signs in again, and is then sent once more. Nothing was done
//! by the first one, so nothing is done twice, and nothing that was typed is lost.

mod failure;
pub mod live;
pub mod pages;
mod presence;
pub mod read;
mod retry;
#[cfg(test)]
pub(crate) mod sample;
pub mod server_time;

use std::sync::Arc;

use api_types::{Login, Me};
use futures::channel::oneshot;
use gloo_net::http::{Method, RequestBuilder, Response};
use leptos::{prelude::*, task::spawn_local};

use crate::reactive::RwSignal;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;
use web_sys::AbortSignal;

pub use failure::Failure;
pub(crate) use retry::{Retry, remember};

const BASE: &str = "/api/v1";
/// How long a reading may take, its answer's last byte included, in milliseconds.
const PATIENCE_MS: u32 = 60_000;

/// The client, and who is signed in. Copied freely; found with [`Api::here`].
#[derive(Clone, Copy)]
pub struct Api {
    /// Who is signed in; `None` before that is known, and for who is not.
    pub me: RwSignal<Option<Arc<Me>>>,
    /// The session has ended while a page was open: somebody has to sign in again.
    pub expired: RwSignal<bool>,
    waiting: StoredValue<Vec<oneshot::Sender<()>>, LocalStorage>,
    /// It is being found out again who is signed in.
    looking: StoredValue<bool>,
}

impl Api {
    /// Makes the client, for everything underneath.
    pub fn provide() -> Self {
        let api = Self {
            me: RwSignal::new(None),
            expired: RwSignal::new(false),
            waiting: StoredValue::new_local(Vec::new()),
            looking: StoredValue::new(false),
        };
        provide_context(api);
        presence::notice();
        api
    }

    /// The client that the application made.
    pub fn here() -> Self {
        expect_context()
    }

    /// Reads something.
    ///
    /// # Errors
    /// What the server says, or that it cannot be reached.
    pub async fn get<T: DeserializeOwned>(self, path: &str) -> Result<T, Failure> {
        let text = self.get_text(path).await?;
        serde_json::from_str(&text).map_err(|error| Failure::unreadable(&error))
    }

    /// Reads something as the text it comes as.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn get_text(self, path: &str) -> Result<String, Failure> {
        let response = self.send(Method::GET, path, None).await?;
        response.text().await.map_err(|_| Failure::Unreachable)
    }

    /// Makes or does something.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn post<T: DeserializeOwned>(self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        let response = self.send(Method::POST, path, Some(json(body)?)).await?;
        response.json().await.map_err(|error| Failure::unreadable(&error))
    }

    /// Does something that has no answer but that it is done.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn post_only(self, path: &str, body: &impl Serialize) -> Result<(), Failure> {
        self.send(Method::POST, path, Some(json(body)?)).await.map(through)
    }

    /// Changes something, if it still is as the tag says that was seen.
    ///
    /// # Errors
    /// As [`Self::get`]; `changed_since` when it is not.
    pub async fn patch<T: DeserializeOwned>(self, path: &str, body: &impl Serialize, seen: &str) -> Result<T, Failure> {
        let response = self.send_if(Method::PATCH, path, Some(json(body)?), Some(seen)).await?;
        response.json().await.map_err(|error| Failure::unreadable(&error))
    }

    /// Replaces something.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn put_only(self, path: &str, body: &impl Serialize) -> Result<(), Failure> {
        self.send(Method::PUT, path, Some(json(body)?)).await.map(through)
    }

    /// Ends or removes something, if it still is as the tag says that was seen. What has no tags comes with an empty one.
    ///
    /// # Errors
    /// As [`Self::get`]; `changed_since` when it is not.
    pub async fn delete(self, path: &str, seen: &str) -> Result<(), Failure> {
        self.send_if(Method::DELETE, path, None, Some(seen)).await.map(through)
    }

    /// Finds out who is signed in, without asking anybody to sign in.
    ///
    /// # Errors
    /// As [`Self::get`]; nobody being signed in is none.
    pub async fn find_me(self) -> Result<Option<Arc<Me>>, Failure> {
        match once(&Method::GET, "/auth/session", None).await {
            Ok(response) => {
                let me: Me = response.json().await.map_err(|error| Failure::unreadable(&error))?;
                let me = Arc::new(me);
                self.me.set(Some(me.clone()));
                Ok(Some(me))
            }
            Err(Failure::SignedOut(_)) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Finds out again what one may do: a refusal says that it may be less than the page thinks.
    pub fn look_again(self) {
        if self.looking.get_value() || self.me.with_untracked(Option::is_none) {
            return;
        }
        self.looking.set_value(true);
        spawn_local(async move {
            // Should it fail, the server still refuses.
            let _ = self.find_me().await;
            self.looking.set_value(false);
        });
    }

    /// Signs in; requests that waited for it go on.
    ///
    /// # Errors
    /// What the server says: a wrong password, too many attempts.
    pub async fn sign_in(self, email: &str, password: &str) -> Result<Arc<Me>, Failure> {
        let login = Login { email: email.to_owned(), password: password.to_owned() };
        once(&Method::POST, "/auth/session", Some(json(&login)?)).await?;
        let me = self.find_me().await?.ok_or(Failure::Unreachable)?;
        self.expired.set(false);
        let mut waiting = Vec::new();
        self.waiting.update_value(|senders| waiting = std::mem::take(senders));
        for sender in waiting {
            // Who waited may have gone to another page.
            let _ = sender.send(());
        }
        Ok(me)
    }

    /// Signs out, here only.
    ///
    /// # Errors
    /// When the server cannot be reached: then one is still signed in.
    pub async fn sign_out(self) -> Result<(), Failure> {
        match once(&Method::DELETE, "/auth/session", None).await {
            Ok(_) | Err(Failure::SignedOut(_)) => {
                self.me.set(None);
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    async fn send(self, method: Method, path: &str, body: Option<String>) -> Result<Response, Failure> {
        self.send_if(method, path, body, None).await
    }

    async fn send_if(
        self,
        method: Method,
        path: &str,
        body: Option<String>,
        seen: Option<&str>,
    ) -> Result<Response, Failure> {
        match once_if(&method, path, body.clone(), seen).await {
            Err(Failure::SignedOut(_)) if self.me.get_untracked().is_some() => {
                let (sender, signed_in) = oneshot::channel();
                self.waiting.update_value(|waiting| waiting.push(sender));
                self.expired.set(true);
                signed_in.await.map_err(|_| Failure::Unreachable)?;
                once_if(&method, path, body, seen).await
            }
            other => {
                if let Err(failure) = &other
                    && matches!(failure.code(), Some("forbidden" | "not_found"))
                {
                    self.look_again();
                }
                other
            }
        }
    }
}

/// Reads an answer that nobody wants to its end: unread, it keeps one of the browser's six connections to the host.
fn through(response: Response) {
    spawn_local(async move { drop(response.text().await) });
}

fn json(body: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(body).map_err(|error| Failure::unreadable(&error))
}

async fn once(method: &Method, path: &str, body: Option<String>) -> Result<Response, Failure> {
    once_if(method, path, body, None).await
}

async fn once_if(method: &Method, path: &str, body: Option<String>, seen: Option<&str>) -> Result<Response, Failure> {
    let request = RequestBuilder::new(&format!("{BASE}{path}")).method(method.clone());
    // A server of an older version gives no tags.
    let request = match seen.filter(|seen| !seen.is_empty()) {
        Some(seen) => request.header("if-match", seen),
        None => request,
    };
    let request = if presence::is_attended() { request } else { request.header(api_types::UNATTENDED, "1") };
    // What only reads can be given up and asked again. What changes something is waited for: nobody knows what became
    // of it before it is answered.
    let limit = (*method == Method::GET).then(|| AbortSignal::timeout_with_u32(PATIENCE_MS));
    let request = request.abort_signal(limit.as_ref());
    let sent = match body {
        Some(body) => match request.header("content-type", "application/json").body(body) {
            Ok(request) => request.send().await,
            Err(error) => Err(error),
        },
        None => request.send().await,
    };
    let response = sent.map_err(|_| Failure::Unreachable)?;
    server_time::notice(&response);
    match response.ok() {
        true => Ok(response),
        false => Err(Failure::read(response).await),
    }
}

/// A part of a path or query, encoded.
pub fn encoded(text: &str) -> String {
    js_sys::encode_uri_component(text).into()
}

/// The path of something of an org: `of_org("acme", "/approvals")`.
pub fn of_org(org: &str, rest: &str) -> String {
    format!("/orgs/{}{rest}", encoded(org))
}

/// The path of one approval.
pub fn approval_path(org: &str, id: Uuid) -> String {
    of_org(org, &format!("/approvals/{id}"))
}
