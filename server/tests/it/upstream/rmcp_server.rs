//! A server by rmcp in either era: somebody else's reading of the specification.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use permesso::upstream::{ProgressTo, UpstreamProgress};
use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CancelTaskParams, ContentBlock, CreateTaskResult,
    GetTaskParams, GetTaskResult, Implementation, ListToolsResult, PaginatedRequestParams, ProgressNotificationParam,
    ProtocolVersion, ServerCapabilities, ServerConfig, SubscriptionFilter, Tool, UpdateTaskParams,
};
use rmcp::service::{RequestContext, RoleServer, SubscriptionContext};
use rmcp::task_manager::{TaskExit, TaskManager, TaskOptions};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::DropGuard;

use super::*;

const MODERN: &[ProtocolVersion] = &[ProtocolVersion::V_2026_07_28];
const LEGACY: &[ProtocolVersion] = &[ProtocolVersion::V_2025_11_25];
const BOTH: &[ProtocolVersion] = &[ProtocolVersion::V_2026_07_28, ProtocolVersion::V_2025_11_25];

#[derive(Clone)]
struct Server {
    versions: &'static [ProtocolVersion],
    tasks: TaskManager,
}

fn work() -> Tool {
    let schema = serde_json::json!({
        "type": "object",
        "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}
    });
    let Value::Object(schema) = schema else { unreachable!("it is an object") };
    Tool::new("work", "Says how far it is.", schema)
}

impl rmcp::ServerHandler for Server {
    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(self.versions)
    }

    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_tool_list_changed().enable_tasks();
        ServerConfig::new(capabilities.build()).with_server_info(Implementation::new("rmcp", "1"))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        (name == "work").then(work)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(vec![work()]))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if context.client_capabilities().is_some_and(|declared| declared.supports_tasks()) {
            let options = TaskOptions::new().with_poll_interval_ms(10);
            let task = self.tasks.spawn(options, |context| {
                Box::pin(async move {
                    tokio::select! {
                        () = context.cancelled() => Err(TaskExit::Cancelled),
                        () = tokio::time::sleep(Duration::from_millis(100)) => {
                            Ok(CallToolResult::success(vec![ContentBlock::text("worked")]))
                        }
                    }
                })
            });
            return Ok(CallToolResponse::Task(CreateTaskResult::new(task)));
        }
        if let Some(token) = context.meta.get_progress_token() {
            for step in [1.0, 2.0] {
                let progress = ProgressNotificationParam::new(token.clone(), step).with_total(2.0);
                context.peer.notify_progress(progress).await.expect("somebody listens");
            }
        }
        let region = request.arguments.and_then(|arguments| arguments.get("region").cloned());
        Ok(CallToolResult::success(vec![ContentBlock::text(format!("worked in {region:?}"))]).into())
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        Ok(GetTaskResult::new(self.tasks.get_task(&request.task_id)?))
    }

    async fn update_task(&self, request: UpdateTaskParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.tasks.update_task(&request.task_id, request.input_responses)
    }

    async fn cancel_task(&self, request: CancelTaskParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.tasks.cancel_task(&request.task_id)
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.supported_by(&self.get_info().capabilities))
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        context.sink().notify_tool_list_changed().await.expect("somebody listens");
        context.cancelled().await;
        Ok(())
    }
}

async fn serve(versions: &'static [ProtocolVersion]) -> (Arc<ConnectionSpec>, DropGuard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/mcp", listener.local_addr().expect("an address"));
    let stop = CancellationToken::new();
    let config = StreamableHttpServerConfig::default().with_cancellation_token(stop.child_token());
    let server = Server { versions, tasks: TaskManager::new() };
    let sessions = Arc::new(LocalSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(server.clone()), sessions, config);
    let router = axum::Router::new().route_service("/mcp", service);
    let stopped = stop.clone();
    tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stopped.cancelled_owned()).await });
    (Arc::new(http_spec(&url)), stop.drop_guard())
}

#[tokio::test]
async fn it_is_called_with_progress_in_whichever_era_it_speaks() {
    for versions in [MODERN, BOTH, LEGACY] {
        let (spec, _stop) = serve(versions).await;
        let upstreams = upstreams();
        assert_eq!(upstreams.list_tools(&spec).await.expect("a list").len(), 1);
        let (to, mut from) = UpstreamProgress::channel();
        let token = raw("\"a token\"");
        let params = params(r#"{"name":"work","arguments":{"region":"Zürich"},"_meta":{"progressToken":"a token"}}"#);
        let headers = [("Mcp-Param-Region".to_owned(), "Zürich".to_owned())];
        let call = Call {
            once: true,
            progress: Some(ProgressTo { token: &token, to: &to }),
            param_headers: &headers,
            ..Call::new("work", &params)
        };
        let answer = result(upstreams.call(&spec, call, || Ok(()), CancellationToken::new()).await);
        assert!(answer.contains("Zürich"), "{versions:?}: {answer}");
        let told: Vec<_> = std::iter::from_fn(|| from.try_recv().ok()).collect();
        let steps: Vec<_> = told.iter().map(|told| (told.progress, told.total)).collect();
        assert_eq!(steps, [(1.0, Some(2.0)), (2.0, Some(2.0))], "{versions:?}");
        upstreams.close().await;
    }
}

#[tokio::test]
async fn it_misses_a_header_that_repeats_an_argument() {
    let (spec, _stop) = serve(MODERN).await;
    let upstreams = upstreams();
    let params = params(r#"{"name":"work","arguments":{"region":"eu"}}"#);
    let outcome = upstreams.call(&spec, Call::new("work", &params), || Ok(()), CancellationToken::new()).await;
    match outcome {
        Ok(Answer::Error(error)) => {
            let error = error.get();
            assert!(error.contains("-32603") && error.contains("refused the gateway's request"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    upstreams.close().await;
}

#[tokio::test]
async fn it_tells_of_changes_to_who_subscribed() {
    let (spec, _stop) = serve(MODERN).await;
    let upstreams = upstreams();
    upstreams.list_tools(&spec).await.expect("a list");
    let id = tokio::time::timeout(Duration::from_secs(10), upstreams.list_changed()).await;
    assert_eq!(id.expect("soon"), spec.id);
    upstreams.close().await;
}

#[tokio::test]
async fn its_tasks_come_to_their_end() {
    let (spec, _stop) = serve(BOTH).await;
    let upstreams = upstreams();
    let params = params(r#"{"name":"work","arguments":{}}"#);
    let created = async || -> Value {
        let call = Call { tasks: true, ..Call::new("work", &params) };
        let outcome = upstreams.call(&spec, call, || Ok(()), CancellationToken::new()).await;
        serde_json::from_str(&result(outcome)).expect("JSON")
    };
    let ask = async |asked, id: &Value| -> Value {
        let id = id.as_str().expect("a task's id");
        let outcome = upstreams.task(&spec, asked, id, CancellationToken::new()).await;
        serde_json::from_str(&result(outcome)).expect("JSON")
    };
    let (worked, dropped) = (created().await, created().await);
    assert_eq!((&worked["resultType"], &worked["status"]), (&"task".into(), &"working".into()));
    ask(TaskRequest::Cancel, &dropped["taskId"]).await;
    let responses = raw("{}");
    ask(TaskRequest::Update { input_responses: &responses }, &worked["taskId"]).await;
    let mut statuses = (Value::Null, Value::Null);
    for _ in 0..200 {
        let (one, other) =
            (ask(TaskRequest::Get, &worked["taskId"]).await, ask(TaskRequest::Get, &dropped["taskId"]).await);
        statuses = (one["status"].clone(), other["status"].clone());
        if statuses.0 == "completed" {
            assert_eq!(one["result"]["content"][0]["text"], "worked");
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(statuses, ("completed".into(), "cancelled".into()));
    let unknown = upstreams.task(&spec, TaskRequest::Get, "another", CancellationToken::new()).await;
    assert!(matches!(unknown, Ok(Answer::Error(_))), "{unknown:?}");
    upstreams.close().await;
}
