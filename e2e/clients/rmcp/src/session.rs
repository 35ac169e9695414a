//! Connections of the client, one for each name that it takes, and what is asked over them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientCapabilities, ClientConfig, ClientRequest, ElicitRequestParams,
    ElicitResult, ElicitationAction, ElicitationCapability, ErrorData, FormElicitationCapability, GetTaskParams,
    Implementation, ListToolsRequest, ProgressNotificationParam, ProgressToken, ProtocolVersion, ServerResult,
    TASKS_EXTENSION_ID, TaskPayload,
};
use rmcp::service::{NotificationContext, PeerRequestOptions, RequestContext, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientHandler, ClientLifecycleMode, ClientServiceExt, RoleClient};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::{Mutex, OnceCell};

/// What a command asks for.
#[derive(Deserialize)]
pub struct Asked {
    /// The endpoint.
    url: String,
    /// The client's name.
    r#as: String,
    /// Whether the client declares the tasks extension.
    #[serde(default)]
    tasks: bool,
    /// Seconds for the answer.
    timeout: f64,
    #[serde(default)]
    tool: String,
    #[serde(default)]
    arguments: Map<String, Value>,
    /// Whether progress starts the timeout anew.
    #[serde(default)]
    progress: bool,
    /// What the client answers to forms, by field, if it can be asked.
    answers: Option<Map<String, Value>>,
}

type Connection = Arc<RunningService<RoleClient, Listener>>;
type Slot = Arc<OnceCell<Connection>>;

/// The connections that are open.
pub struct Sessions {
    key: String,
    modern: bool,
    open: Mutex<HashMap<(String, String, bool, String), Slot>>,
}

impl Sessions {
    pub fn new(key: String, modern: bool) -> Self {
        Self { key, modern, open: Mutex::default() }
    }

    /// The tools, and the revision that is spoken.
    pub async fn list(&self, asked: &Asked) -> Result<Value> {
        let client = self.connected(asked).await?;
        let request = ClientRequest::ListToolsRequest(ListToolsRequest::default());
        let handle = client.send_request_with_option(request, options(asked)).await?;
        let ServerResult::ListToolsResult(listed) = handle.await_response().await? else {
            bail!("tools/list was answered with something else");
        };
        let version = client.peer_info().map(|server| server.protocol_version.to_string());
        Ok(json!({ "tools": listed.tools, "version": version }))
    }

    /// The result of a call, and the progress that was told meanwhile.
    pub async fn call(&self, asked: &Asked) -> Result<Value> {
        let client = self.connected(asked).await?;
        if asked.answers.is_some() {
            // Only this helper goes on with what it is asked for.
            let within = Duration::from_secs_f64(asked.timeout);
            let result = tokio::time::timeout(within, client.call_tool(params(asked))).await??;
            return Ok(json!({ "result": result, "progress": [] }));
        }
        let (answer, token) = self.sent(asked, &client).await?;
        let ServerResult::CallToolResult(result) = answer else {
            bail!("tools/call was answered with {}", serde_json::to_string(&answer)?);
        };
        let progress = client.service().heard.lock().await.remove(&token).unwrap_or_default();
        Ok(json!({ "result": result, "progress": progress }))
    }

    /// The states of the task that a call becomes, and its result.
    pub async fn task(&self, asked: &Asked) -> Result<Value> {
        let client = self.connected(asked).await?;
        let ServerResult::CreateTaskResult(created) = self.sent(asked, &client).await?.0 else {
            bail!("tools/call was not answered with a task");
        };
        let mut states = vec![serde_json::to_value(created.task.status)?];
        let pause = Duration::from_millis(created.task.poll_interval_ms.unwrap_or(1_000));
        loop {
            let now = client.get_task(GetTaskParams::new(created.task.task_id.clone())).await?.task;
            states.push(serde_json::to_value(now.status())?);
            match now.payload {
                TaskPayload::Completed { result, .. } => {
                    return Ok(json!({ "states": states, "result": result }));
                }
                _ if now.task.status.is_terminal() => bail!("the task ended as {states:?}"),
                _ => tokio::time::sleep(pause).await,
            }
        }
    }

    async fn sent(&self, asked: &Asked, client: &Connection) -> Result<(ServerResult, ProgressToken)> {
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params(asked)));
        let handle = client.send_request_with_option(request, options(asked)).await?;
        let token = handle.progress_token.clone();
        Ok((handle.await_response().await?, token))
    }

    async fn connected(&self, asked: &Asked) -> Result<Connection> {
        let answers = serde_json::to_string(&asked.answers)?;
        let name = (asked.url.clone(), asked.r#as.clone(), asked.tasks, answers);
        let slot = self.open.lock().await.entry(name).or_default().clone();
        slot.get_or_try_init(|| self.connect(asked)).await.cloned()
    }

    async fn connect(&self, asked: &Asked) -> Result<Connection> {
        let transport = StreamableHttpClientTransport::from_config(
            StreamableHttpClientTransportConfig::with_uri(asked.url.as_str()).auth_header(self.key.as_str()),
        );
        let mut capabilities = ClientCapabilities::default();
        if asked.tasks {
            capabilities.extensions = Some([(TASKS_EXTENSION_ID.to_owned(), Map::new())].into());
        }
        if asked.answers.is_some() {
            capabilities.elicitation =
                Some(ElicitationCapability::new().with_form(FormElicitationCapability::default()));
        }
        let listener = Listener {
            config: ClientConfig::new(capabilities, Implementation::new(asked.r#as.as_str(), "1.0.0")),
            heard: Mutex::default(),
            answers: asked.answers.clone().unwrap_or_default(),
        };
        let lifecycle = if self.modern {
            ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] }
        } else {
            ClientLifecycleMode::Initialize
        };
        let running = listener.serve_with_lifecycle(transport, lifecycle);
        let within = Duration::from_secs_f64(asked.timeout);
        Ok(Arc::new(tokio::time::timeout(within, running).await.map_err(|_| anyhow!("connecting timed out"))??))
    }
}

fn params(asked: &Asked) -> CallToolRequestParams {
    CallToolRequestParams::new(asked.tool.clone()).with_arguments(asked.arguments.clone())
}

fn options(asked: &Asked) -> PeerRequestOptions {
    let options = PeerRequestOptions::with_timeout(Duration::from_secs_f64(asked.timeout));
    if asked.progress { options.reset_timeout_on_progress() } else { options }
}

/// What the client says of itself, the progress that it was told, by token, and what it answers to forms.
struct Listener {
    config: ClientConfig,
    heard: Mutex<HashMap<ProgressToken, Vec<Value>>>,
    answers: Map<String, Value>,
}

impl ClientHandler for Listener {
    fn get_info(&self) -> ClientConfig {
        self.config.clone()
    }

    async fn create_elicitation(
        &self,
        asked: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let ElicitRequestParams::FormElicitationParams { requested_schema, .. } = asked else {
            return Ok(ElicitResult::new(ElicitationAction::Decline));
        };
        let fields = self.answers.iter().filter(|(field, _)| requested_schema.properties.contains_key(*field));
        let content = fields.map(|(field, value)| (field.clone(), value.clone())).collect();
        Ok(ElicitResult::new(ElicitationAction::Accept).with_content(Value::Object(content)))
    }

    async fn on_progress(&self, told: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        let line = json!({ "progress": told.progress, "message": told.message });
        self.heard.lock().await.entry(told.progress_token).or_default().push(line);
    }
}
