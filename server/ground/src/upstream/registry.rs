//! All connections of this process, by their id.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use uuid::Uuid;
use wire::error::METHOD_NOT_FOUND;
use wire::mcp::ListToolsResult;
use wire::mcp::task::tasks_request_params;

use super::{
    Call, ConnectionSpec, TaskRequest,
    counted::Counted,
    departure::{Guard, seconds},
    error::{Failure, UpstreamError},
    link::Link,
    message::{Answer, Request},
    notices::Changed,
    status::{Observer, Status},
    stdio::ChildUser,
};
use crate::{clock::Clock, egress::Egress};

/// Bounds of one tool list.
const PAGES: usize = 100;
const TOOLS: usize = 10_000;
const TOOLS_BYTES: usize = 32 * 1024 * 1024;

/// The upstreams of this process. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Upstreams {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Clock,
    egress: Egress,
    children: ChildUser,
    links: Mutex<Links>,
    changed: Arc<Changed>,
    /// Connections that are being ended, and every child process.
    ending: TaskTracker,
    /// Cancelled when nothing may be waited for any more.
    stop: CancellationToken,
}

#[derive(Default)]
struct Links {
    by_id: HashMap<Uuid, Arc<Link>>,
    closed: bool,
}

impl Upstreams {
    /// Opens no connection before its first use.
    pub fn new(egress: Egress, children: ChildUser, clock: Clock) -> Self {
        Self {
            shared: Arc::new(Shared {
                egress,
                children,
                clock,
                links: Mutex::default(),
                changed: Arc::default(),
                ending: TaskTracker::new(),
                stop: CancellationToken::new(),
            }),
        }
    }

    /// Calls a tool and returns the upstream's answer, which may be a JSON-RPC error. An error about the gateway's own
    /// request (MCP 2026-07-28: -32020, -32021, -32022) is returned as -32603 and says so, except as
    /// [`Call::tells_missing`] allows.
    ///
    /// `guard` is asked immediately before the first byte of the call is written, when the session stands and the
    /// connection is open. If it says `Err`, nothing is written, and its text is the reason of
    /// [`UpstreamError::NotSent`]. It must not block. It is asked once; a second time only if the upstream answered
    /// that it did not know the session, so that the call is about to be written on a new one.
    ///
    /// Its timeout is restarted by each step that the upstream reports, up to 15 minutes in all or the timeout itself
    /// if that is longer.
    ///
    /// Dropping the future, or `cancel`, cancels the call; the upstream is told so if it has the call, unless the call
    /// is `once`. In MCP 2026-07-28 closing the connection is what tells it.
    ///
    /// A result need not be the tool's: in MCP 2026-07-28 its `resultType` may be `task`, if the call allowed it, or
    /// `input_required`, in which an upstream must ask only for what the call allowed. The caller decides how to handle
    /// these and unknown types: the upstream did answer.
    ///
    /// # Errors
    /// [`UpstreamError::NotSent`] when the call provably did not run, [`UpstreamError::Unknown`] when it may have.
    pub async fn call(
        &self,
        spec: &Arc<ConnectionSpec>,
        call: Call<'_>,
        guard: impl Fn() -> Result<(), String> + Send + Sync + 'static,
        cancel: CancellationToken,
    ) -> Result<Answer, UpstreamError> {
        let mut counted = Counted::begin(call.once, &cancel);
        let outcome = self.send(spec, call, guard, &cancel).await;
        counted.ended(outcome.as_ref());
        outcome
    }

    async fn send(
        &self,
        spec: &Arc<ConnectionSpec>,
        call: Call<'_>,
        guard: impl Fn() -> Result<(), String> + Send + Sync + 'static,
        cancel: &CancellationToken,
    ) -> Result<Answer, UpstreamError> {
        let (link, _hold) = self.link(spec)?;
        let watching = call.progress.map(|progress| link.observer.progress.watch(progress));
        let request = Request {
            guard: Arc::new(guard) as Guard,
            once: call.once,
            param_headers: call.param_headers.to_vec(),
            tasks: call.tasks,
            inputs: call.inputs,
            goes_on: call.goes_on,
            load: call.load.cloned(),
            steps: watching.as_ref().map(|watching| watching.steps.clone()).unwrap_or_default(),
            ..Request::new("tools/call", Some(call.params.clone()))
        };
        let outcome = link.request(request, cancel).await;
        if let Err(failure) = &outcome {
            tracing::info!(
                connection.id = %spec.id, connection.slug = spec.slug, tool = call.tool,
                failure = ?failure, "upstream call failed"
            );
        }
        Ok(outcome?.for_caller(&link.observer, call.tells_missing))
    }

    /// Sends a request about the task `task_id`, by the upstream's own id, and returns the upstream's answer, which may
    /// be a JSON-RPC error.
    ///
    /// # Errors
    /// [`UpstreamError::NotSent`] also when the upstream is not of MCP 2026-07-28: earlier revisions have no such
    /// request.
    pub async fn task(
        &self,
        spec: &Arc<ConnectionSpec>,
        asked: TaskRequest<'_>,
        task_id: &str,
        cancel: CancellationToken,
    ) -> Result<Answer, UpstreamError> {
        let (method, input_responses) = match asked {
            TaskRequest::Get => ("tasks/get", None),
            TaskRequest::Update { input_responses } => ("tasks/update", Some(input_responses)),
            TaskRequest::Cancel => ("tasks/cancel", None),
        };
        let params = tasks_request_params(task_id, input_responses);
        let request = Request { tasks: true, ..Request::new(method, Some(params.into())) };
        Ok(self.request(spec, request, &cancel).await?)
    }

    /// Lists an upstream's tools, all pages, each definition byte for byte. An upstream that offers no tools has none.
    /// The list ends early if a page repeats an earlier cursor, or has only tools of earlier pages.
    ///
    /// # Errors
    /// If a page cannot be read or is not MCP, if the list is not complete within the timeouts for opening a session
    /// and for a call, or if it exceeds 100 pages, 10,000 tools or 32 MiB. Both kinds mean the same here: retry.
    pub async fn list_tools(&self, spec: &Arc<ConnectionSpec>) -> Result<Vec<Box<RawValue>>, UpstreamError> {
        let limit = spec.connect_timeout + spec.call_timeout;
        match tokio::time::timeout(limit, self.list_pages(spec)).await {
            Ok(listed) => listed,
            Err(_) => {
                let reason = format!("the upstream did not list its tools within {}", seconds(limit));
                if let Some(link) = self.find(spec.id) {
                    link.observer.unanswered(&reason);
                }
                Err(UpstreamError::Unknown { reason })
            }
        }
    }

    async fn list_pages(&self, spec: &Arc<ConnectionSpec>) -> Result<Vec<Box<RawValue>>, UpstreamError> {
        let unknown = |reason: &str| UpstreamError::Unknown { reason: reason.to_owned() };
        let mut tools: Vec<Box<RawValue>> = Vec::new();
        let mut bytes = 0;
        let mut cursors: Vec<String> = Vec::new();
        let mut names = HashSet::new();
        for _ in 0..PAGES {
            let Some(page) = self.list_page(spec, cursors.last()).await? else {
                return Ok(tools);
            };
            let page = ListToolsResult::parse(&page)
                .map_err(|error| self.not_listed(spec, format!("the upstream's list of tools is not MCP: {error}")))?;
            let new = page.tools.iter().filter(|tool| names.insert(name_of(tool))).count();
            if new == 0 && !page.tools.is_empty() {
                if let Some(link) = self.find(spec.id) {
                    link.observer.dropped("a page of tools on which none is new");
                }
                return Ok(tools);
            }
            bytes += page.tools.iter().map(|tool| tool.get().len()).sum::<usize>();
            tools.extend(page.tools.into_iter().map(RawValue::to_owned));
            if tools.len() > TOOLS || bytes > TOOLS_BYTES {
                return Err(unknown("the upstream's list of tools is too long"));
            }
            let link = self.find(spec.id);
            match page.next_cursor {
                None => return Ok(tools),
                // In the earlier revisions an empty cursor is how some upstreams mark their last page.
                Some(cursor) if cursor.is_empty() && !link.as_ref().is_some_and(|link| link.is_modern()) => {
                    return Ok(tools);
                }
                Some(cursor) if cursors.iter().any(|seen| *seen == cursor) => {
                    if let Some(link) = link {
                        link.observer.dropped("the cursor of a page of tools, which was followed already");
                    }
                    return Ok(tools);
                }
                Some(cursor) => cursors.push(cursor.into_owned()),
            }
        }
        Err(unknown("the upstream's list of tools has too many pages"))
    }

    /// One page; `None` if the upstream supports no tools at all.
    async fn list_page(
        &self,
        spec: &Arc<ConnectionSpec>,
        cursor: Option<&String>,
    ) -> Result<Option<Box<RawValue>>, UpstreamError> {
        let params =
            cursor.and_then(|cursor| serde_json::value::to_raw_value(&serde_json::json!({ "cursor": cursor })).ok());
        let request = Request::new("tools/list", params.map(Arc::from));
        match self.request(spec, request, &CancellationToken::new()).await? {
            Answer::Result(page) => Ok(Some(page)),
            answer if answer.error_code() == Some(METHOD_NOT_FOUND) => Ok(None),
            Answer::Error(error) => {
                if let Some(link) = self.find(spec.id) {
                    link.observer.log(&format!("tools/list was refused: {error}"));
                }
                Err(self.not_listed(spec, "the upstream refused to list its tools; its log says why".to_owned()))
            }
        }
    }

    /// The upstream answered, but not with a list: the connection's state says so.
    fn not_listed(&self, spec: &ConnectionSpec, reason: String) -> UpstreamError {
        if let Some(link) = self.find(spec.id) {
            link.observer.unanswered(&reason);
        }
        UpstreamError::Unknown { reason }
    }

    /// Waits for a connection whose upstream says that its tools changed, and takes that notice. For one task only:
    /// each notice is delivered once.
    pub async fn list_changed(&self) -> Uuid {
        self.shared.changed.next().await
    }

    /// The user that child processes run as.
    pub fn children(&self) -> &ChildUser {
        &self.shared.children
    }

    /// A connection's state; `None` before its first use here.
    pub fn status(&self, id: Uuid) -> Option<Status> {
        Some(self.find(id)?.observer.status())
    }

    /// Whether a session is open, whatever became of the last call.
    pub fn has_session(&self, id: Uuid) -> bool {
        self.find(id).is_some_and(|link| link.current().is_some())
    }

    /// The upstream's instructions for agents from the last handshake here, without the connection's own secrets; empty
    /// if it had none. `None` before the first handshake.
    pub fn instructions(&self, id: Uuid) -> Option<Arc<str>> {
        self.find(id)?.observer.instructions()
    }

    /// The last 500 lines that a connection's child wrote to stderr, or that the gateway noted about it, oldest first,
    /// each at most 4 KiB, without the connection's own secrets ([`ConnectionSpec::secrets`]) and without what looks
    /// like a credential. With `details` also what only the instance's administrators may know: the addresses that
    /// names resolved to.
    pub fn logs(&self, id: Uuid, details: bool) -> Vec<String> {
        self.find(id).map(|link| link.observer.log.lines(details)).unwrap_or_default()
    }

    /// Adds a line to a connection's log.
    pub fn note(&self, id: Uuid, line: &str) {
        if let Some(link) = self.find(id) {
            link.observer.log(line);
        }
    }

    /// Ends a connection that was removed or changed: its session, its child. Calls in flight may finish; if there are
    /// none, it has ended when this returns.
    pub async fn forget(&self, id: Uuid) {
        let link = self.shared.links.lock().by_id.remove(&id);
        if let Some(link) = link {
            let idle = link.is_idle();
            let ending = self.retire(link);
            if idle {
                // It continues if the caller goes away.
                let _ = ending.await;
            }
        }
    }

    /// Makes the connection's next request open a new session. Requests in flight finish on the old one. The log is
    /// kept.
    pub fn renew(&self, id: Uuid) {
        let mut links = self.shared.links.lock();
        let spec = links.by_id.get(&id).map(|link| link.spec.clone());
        if let Some(spec) = spec.filter(|_| !links.closed) {
            drop(self.replace(&mut links, &spec));
        }
    }

    /// Ends everything for good: closes sessions and ends children. Calls still in flight are abandoned. Takes a few
    /// seconds at most.
    pub async fn close(&self) {
        let links = {
            let mut links = self.shared.links.lock();
            links.closed = true;
            std::mem::take(&mut links.by_id)
        };
        self.shared.stop.cancel();
        for link in links.into_values() {
            drop(self.retire(link));
        }
        self.shared.ending.close();
        self.shared.ending.wait().await;
    }

    async fn request(
        &self,
        spec: &Arc<ConnectionSpec>,
        request: Request,
        cancel: &CancellationToken,
    ) -> Result<Answer, Failure> {
        let (link, _hold) = self.link(spec)?;
        link.request(request, cancel).await
    }

    /// The connection's link, held so that it is not ended during use.
    fn link(&self, spec: &Arc<ConnectionSpec>) -> Result<(Arc<Link>, TaskTrackerToken), Failure> {
        let shared = &self.shared;
        let mut links = shared.links.lock();
        if links.closed {
            return Err(Failure::not_sent("the gateway is stopping"));
        }
        let before = links.by_id.get(&spec.id);
        if let Some(link) = before
            && link.spec.reaches_as(spec)
        {
            return Ok((link.clone(), link.hold()));
        }
        let link = self.replace(&mut links, spec);
        let hold = link.hold();
        Ok((link, hold))
    }

    /// Replaces a link with a new one, and ends the old one.
    fn replace(&self, links: &mut Links, spec: &Arc<ConnectionSpec>) -> Arc<Link> {
        let shared = &self.shared;
        // The log continues, because the failure of the last configuration explains the new link. So does the pace,
        // otherwise each new session could send at the initial rate.
        let before = links.by_id.get(&spec.id).map(|link| &link.observer);
        let kept = before.map(|observer| (observer.log.clone(), observer.pace.clone())).unwrap_or_default();
        let observer = Observer::new(spec, shared.clock.clone(), shared.changed.clone(), kept, shared.ending.clone());
        let link = Link::new(spec.clone(), shared.egress.clone(), shared.children.clone(), Arc::new(observer));
        if let Some(old) = links.by_id.insert(spec.id, link.clone()) {
            drop(self.retire(old));
        }
        link
    }

    fn retire(&self, link: Arc<Link>) -> tokio::task::JoinHandle<()> {
        let stop = self.shared.stop.clone();
        self.shared.ending.spawn(async move { link.retire(&stop).await })
    }

    fn find(&self, id: Uuid) -> Option<Arc<Link>> {
        self.shared.links.lock().by_id.get(&id).cloned()
    }
}

/// A tool's name; if it has none, its whole text.
fn name_of(tool: &RawValue) -> String {
    #[derive(serde::Deserialize)]
    struct Named {
        name: String,
    }
    serde_json::from_str::<Named>(tool.get()).map_or_else(|_| tool.get().to_owned(), |tool| tool.name)
}
