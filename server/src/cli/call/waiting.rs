//! Asks again until a call is decided, or the time is over, or nobody answers any more.

use std::{ops::ControlFlow, time::Duration};

use super::{
    attempt::{Attempt, Request, Stands},
    ended::{Ended, Why},
    progress::Progress,
};
use crate::clock::Clock;

/// How long one request is held at most: what stands between may end it after a minute.
const HOLD: u64 = 50;
/// An answer that comes sooner than this was not held.
const SOON: Duration = Duration::from_secs(2);
/// How long to wait after an answer that was not held although it might have been.
const REST: Duration = Duration::from_secs(3);
/// How long to wait before asking again where nobody answered, and how often.
const PAUSES: [u64; 5] = [1, 2, 4, 8, 16];

/// Sends a call, and again while it waits: for so many seconds, or until it is decided.
pub(super) async fn until_decided(request: Request, seconds: Option<u64>) -> Ended {
    let clock = Clock::system();
    let mut waiting = Waiting {
        request,
        wait: seconds.map(Duration::from_secs),
        progress: Progress::new(clock.clone()),
        clock,
        last: None,
        failures: 0,
        may_have_run: false,
        is_running: false,
        signed_in_anew: false,
    };
    let why = tokio::select! {
        why = waiting.ends() => why,
        Ok(()) = tokio::signal::ctrl_c() => Why::Left,
    };
    waiting.progress.clear();
    Ended { last: waiting.last, why }
}

struct Waiting {
    request: Request,
    clock: Clock,
    wait: Option<Duration>,
    progress: Progress,
    /// How the call stood last, while it goes on.
    last: Option<Stands>,
    /// How often in a row nobody answered.
    failures: usize,
    /// Whether an answer was lost since.
    may_have_run: bool,
    /// Whether another request is making the call.
    is_running: bool,
    /// Whether the login was renewed since.
    signed_in_anew: bool,
}

impl Waiting {
    async fn ends(&mut self) -> Why {
        loop {
            if let ControlFlow::Break(why) = self.asks().await {
                return why;
            }
        }
    }

    /// Asks once, and says whether to go on.
    async fn asks(&mut self) -> ControlFlow<Why> {
        let (hold, sent_at) = (self.hold(), self.clock.elapsed());
        let attempt = self.progress.during(self.request.send(hold)).await;
        match attempt {
            Attempt::Stands(stands) => {
                self.hears(*stands)?;
                if hold > 0 && self.clock.elapsed().saturating_sub(sent_at) < SOON {
                    self.rests(REST).await;
                }
                ControlFlow::Continue(())
            }
            Attempt::Stranger(words) => self.signs_in_again(words).await,
            Attempt::Refused(words) => ControlFlow::Break(self.refused(words)),
            Attempt::Running(_) if !self.is_over() => {
                (self.failures, self.is_running) = (0, true);
                if hold > 0 && self.clock.elapsed().saturating_sub(sent_at) < SOON {
                    self.rests(REST).await;
                }
                ControlFlow::Continue(())
            }
            Attempt::Running(words) => ControlFlow::Break(Why::Running(words)),
            Attempt::NotNow(words) => self.tries_again(words).await,
            Attempt::Unknown(words) => {
                self.may_have_run = true;
                self.tries_again(words).await
            }
        }
    }

    /// How long the next request is held. The first one is not: its answer says what is awaited.
    fn hold(&self) -> u64 {
        match (self.last.is_some() || self.is_running, self.left()) {
            (false, _) => 0,
            (true, None) => HOLD,
            (true, Some(left)) => left.as_millis().div_ceil(1_000).min(u128::from(HOLD)) as u64,
        }
    }

    /// How much time is left, where it is not without end.
    fn left(&self) -> Option<Duration> {
        self.wait.map(|wait| wait.saturating_sub(self.clock.elapsed()))
    }

    fn is_over(&self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }

    fn hears(&mut self, stands: Stands) -> ControlFlow<Why> {
        (self.failures, self.may_have_run, self.signed_in_anew) = (0, false, false);
        let goes_on = stands.goes_on() && !self.is_over();
        if goes_on {
            self.progress.waits(&stands.call);
        }
        self.last = Some(stands);
        if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(Why::Answered) }
    }

    /// A login token ends after an hour, and a person may take longer.
    async fn signs_in_again(&mut self, words: String) -> ControlFlow<Why> {
        let may = self.last.is_some() && !self.signed_in_anew;
        self.signed_in_anew = true;
        if may && self.request.sign_in_again().await {
            return ControlFlow::Continue(());
        }
        ControlFlow::Break(self.refused(words))
    }

    /// Rests before the next request, if there may be one.
    async fn tries_again(&mut self, words: String) -> ControlFlow<Why> {
        let is_over = self.is_over() && !self.may_have_run;
        match PAUSES.get(self.failures) {
            Some(pause) if self.may_repeat() && !is_over => {
                self.failures += 1;
                self.progress.during(tokio::time::sleep(Duration::from_secs(*pause))).await;
                ControlFlow::Continue(())
            }
            _ if self.may_have_run => ControlFlow::Break(Why::Unknown(words)),
            _ => ControlFlow::Break(Why::NotNow(words)),
        }
    }

    /// Whether sending it once more cannot run it twice. An approval is used once, and so is an idempotency key. Without
    /// either, and while nothing can have run, whoever calls is told at once.
    fn may_repeat(&self) -> bool {
        let has_approval = self.last.as_ref().is_some_and(|stands| stands.call.approval_id.is_some());
        has_approval || (self.may_have_run && self.request.has_key())
    }

    /// A refusal says nothing of an earlier request whose answer was lost.
    fn refused(&self, words: String) -> Why {
        if self.may_have_run { Why::Unknown(words) } else { Why::Refused(words) }
    }

    async fn rests(&mut self, time: Duration) {
        let time = self.left().map_or(time, |left| time.min(left));
        self.progress.during(tokio::time::sleep(time)).await;
    }
}

#[cfg(test)]
mod tests {
    use api_types::CallTool;
    use serde_json::{Value, json};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::{
        super::{super::client::Client, ended::Exit},
        *,
    };

    /// What the gateway answers; nothing where it closes the connection.
    type Answer = Option<(u16, Value)>;

    fn stands(status: &str) -> Answer {
        let id = "0195e0f0-0000-7000-8000-000000000001";
        Some((200, json!({"status": status, "executed": false, "message": "", "approval_id": id})))
    }

    fn busy() -> Answer {
        Some((503, json!({})))
    }

    /// The body of a request.
    async fn body(stream: &mut TcpStream) -> Value {
        let mut read = Vec::new();
        loop {
            assert_ne!(stream.read_buf(&mut read).await.expect("a request"), 0, "it comes whole");
            let text = String::from_utf8_lossy(&read);
            let body = text.split_once("\r\n\r\n").and_then(|(_, body)| serde_json::from_str(body).ok());
            if let Some(body) = body {
                return body;
            }
        }
    }

    /// Answers one request after the other, and says how long each asked to be held.
    async fn serve(listener: TcpListener, answers: &[Answer]) -> Vec<Value> {
        let mut holds = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            holds.push(body(&mut stream).await["wait_seconds"].take());
            if let Some((status, body)) = answer {
                let (body, kind) = (body.to_string(), "content-type: application/json\r\nconnection: close");
                let head = format!("HTTP/1.1 {status} X\r\n{kind}\r\ncontent-length: {}\r\n\r\n", body.len());
                stream.write_all((head + &body).as_bytes()).await.expect("it is read");
            }
        }
        holds
    }

    async fn ends(answers: &[Answer], seconds: Option<u64>, key: Option<&str>) -> (Exit, Vec<Value>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let client = Client::with_key(&url, "mmcp_x".to_owned().into()).expect("a client");
        let idempotency_key = key.map(str::to_owned);
        let call = CallTool { tool: "pay".to_owned(), arguments: None, wait_seconds: None, idempotency_key };
        let request = Request::new(client, "/orgs/acme/toolkits/bank/call".to_owned(), call);
        let both = async { tokio::join!(until_decided(request, seconds), serve(listener, answers)) };
        let (ended, holds) = tokio::time::timeout(Duration::from_secs(30), both).await.expect("both end");
        (ended.exit(), holds)
    }

    #[tokio::test]
    async fn the_first_request_is_answered_at_once_and_the_next_is_held() {
        let answers = [stands("pending"), stands("executed")];
        assert_eq!(ends(&answers, None, None).await, (Exit::Executed, vec![json!(0), json!(HOLD)]));
        assert_eq!(ends(&answers, Some(7), None).await, (Exit::Executed, vec![json!(0), json!(7)]));
        assert_eq!(ends(&answers[..1], Some(0), None).await, (Exit::Pending, vec![json!(0)]));
    }

    #[tokio::test]
    async fn a_call_whose_answer_was_lost_is_sent_again_only_where_it_runs_once() {
        let lost = [None, stands("executed")];
        assert_eq!(ends(&lost[..1], None, None).await.0, Exit::Unknown);
        assert_eq!(ends(&lost, None, Some("k")).await.0, Exit::Executed);
        let approved = [stands("pending"), None, stands("executed")];
        assert_eq!(ends(&approved, None, None).await.0, Exit::Executed, "an approval is used once");
        let refused = [None, Some((403, json!({})))];
        assert_eq!(ends(&refused, None, Some("k")).await.0, Exit::Unknown, "the first may have run");
    }

    #[tokio::test]
    async fn a_call_that_another_request_makes_is_waited_for() {
        let problem = json!({"type": "about:blank", "title": "", "status": 409, "detail": "it is under way",
            "code": "in_progress", "request_id": "0195e0f0-0000-7000-8000-000000000001"});
        let answers = [Some((409, problem)), stands("executed")];
        assert_eq!(ends(&answers, None, Some("k")).await, (Exit::Executed, vec![json!(0), json!(HOLD)]));
        assert_eq!(ends(&answers[..1], Some(0), Some("k")).await, (Exit::Pending, vec![json!(0)]));
    }

    #[tokio::test]
    async fn a_gateway_that_has_no_room_is_asked_again_only_while_something_waits() {
        assert_eq!(ends(&[busy()], None, Some("k")).await.0, Exit::Failed);
        assert_eq!(ends(&[stands("pending"), busy(), stands("executed")], None, None).await.0, Exit::Executed);
        assert_eq!(ends(&[stands("pending"), Some((404, json!({})))], None, None).await.0, Exit::WrongUse);
    }
}
