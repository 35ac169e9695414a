//! What the session layer gives the store, and what it is given back.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{SessionId, UserId};
use permesso::{
    auth::session::{SignedIn, Store},
    clock::{Clock, TestClock},
};
use serde_json::{Value, json};
use tower_sessions::{
    SessionStore,
    cookie::time::OffsetDateTime,
    session::{Id, Record},
    session_store::Error,
};

use crate::support::{Gateway, database::database, database::owner, world::ADMIN};

const HOUR: Duration = Duration::from_secs(3_600);
/// The defaults of the configuration.
const IDLE: Duration = Duration::from_secs(43_200);
const ABSOLUTE: Duration = Duration::from_secs(604_800);

/// A store with a person who may have sessions, and the hands of its clock.
struct Kept {
    _gateway: Gateway,
    store: Store,
    person: SignedIn,
    hands: TestClock,
    sql: sqlx::PgConnection,
}

impl Kept {
    async fn new() -> Self {
        let database = database().await;
        // As exactly as Postgres keeps it.
        let now = DateTime::from_timestamp_micros(Clock::system().now().timestamp_micros()).expect("a time");
        let (clock, hands) = Clock::test(now);
        let gateway = Gateway::start_with(&database, clock).await;
        let mut sql = owner(&database).await;
        let found = sqlx::query_as("SELECT id, epoch FROM users WHERE email = $1").bind(ADMIN.0);
        let (user, epoch): (uuid::Uuid, i64) = found.fetch_one(&mut sql).await.expect("the administrator");
        let person = SignedIn {
            session: SessionId::new(),
            user: UserId(user),
            epoch,
            client: Some("Phone/1.0".to_owned()),
            address: Some([203, 0, 113, 9].into()),
            created_at: now,
            last_seen_at: now,
        };
        Self { store: gateway.services.sessions.clone(), _gateway: gateway, person, hands, sql }
    }

    /// A record of the person that ends then.
    fn record(&self, ends: DateTime<Utc>) -> Record {
        let person = serde_json::to_value(&self.person).expect("JSON");
        let expiry_date = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ends.timestamp_micros()) * 1_000);
        Record {
            id: Id::default(),
            data: [("person".to_owned(), person)].into(),
            expiry_date: expiry_date.expect("a time"),
        }
    }

    fn now(&self) -> DateTime<Utc> {
        self.person.created_at
    }

    async fn load(&self, record: &Record) -> Option<Record> {
        self.store.load(&record.id).await.expect("Postgres answers")
    }

    async fn rows(&mut self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM sessions").fetch_one(&mut self.sql).await.expect("a number")
    }
}

fn put(record: &mut Record, name: &str, value: Value) {
    record.data.insert(name.to_owned(), value);
}

#[tokio::test]
async fn all_that_is_put_into_a_session_comes_back() {
    let mut kept = Kept::new().await;
    let mut record = kept.record(kept.now() + HOUR);
    put(&mut record, "words", json!(["two\u{0}", "\u{20ac}"]));
    put(&mut record, "", json!({"nothing": null, "number": 1.5}));
    kept.store.create(&mut record).await.expect("it is kept");
    assert_eq!(kept.load(&record).await.as_ref(), Some(&record));
    record.data.remove("");
    put(&mut record, "words", json!("other ones"));
    kept.store.save(&record).await.expect("it is kept");
    assert_eq!(kept.load(&record).await.as_ref(), Some(&record));
    kept.store.delete(&record.id).await.expect("it is removed");
    assert_eq!((kept.load(&record).await, kept.rows().await), (None, 0));
}

#[tokio::test]
async fn a_session_ends_when_the_layer_said_and_is_never_put_off() {
    let kept = Kept::new().await;
    let mut record = kept.record(kept.now() + HOUR);
    kept.store.create(&mut record).await.expect("it is kept");
    // Each save reckons the end anew from the present.
    kept.store.save(&Record { id: record.id, ..kept.record(kept.now() + ABSOLUTE) }).await.expect("it is kept");
    kept.hands.advance(HOUR - Duration::from_secs(1));
    assert_eq!(kept.load(&record).await.as_ref(), Some(&record));
    kept.hands.advance(Duration::from_secs(1));
    assert_eq!(kept.load(&record).await, None);
    // Sooner it may end.
    let mut other = kept.record(kept.now() + 9 * HOUR);
    put_another(&kept, &mut other);
    kept.store.create(&mut other).await.expect("it is kept");
    other.expiry_date = kept.record(kept.now() + 2 * HOUR).expiry_date;
    kept.store.save(&other).await.expect("it is kept");
    kept.hands.advance(HOUR);
    assert_eq!(kept.load(&other).await, None);
}

/// Makes it another sign-in of the same person.
fn put_another(kept: &Kept, record: &mut Record) {
    let person = SignedIn { session: SessionId::new(), ..kept.person.clone() };
    put(record, "person", serde_json::to_value(person).expect("JSON"));
}

#[tokio::test]
async fn todays_limits_count_whatever_the_layer_said() {
    let kept = Kept::new().await;
    let mut record = kept.record(kept.now() + 2 * ABSOLUTE);
    kept.store.create(&mut record).await.expect("it is kept");
    let loaded = kept.load(&record).await.expect("it lives");
    assert_eq!(loaded.expiry_date, kept.record(kept.now() + ABSOLUTE).expiry_date);
    kept.hands.advance(IDLE);
    assert_eq!(kept.load(&record).await, None);
}

#[tokio::test]
async fn what_has_ended_is_not_made_again_and_an_id_belongs_to_one_sign_in() {
    let mut kept = Kept::new().await;
    let mut record = kept.record(kept.now() + HOUR);
    kept.store.create(&mut record).await.expect("it is kept");
    let mut second = Record { id: record.id, ..kept.record(kept.now() + HOUR) };
    put_another(&kept, &mut second);
    assert!(matches!(kept.store.save(&second).await, Err(Error::Encode(_))), "a sign-in takes a new id");
    assert_eq!(kept.load(&record).await.as_ref(), Some(&record));
    kept.store.create(&mut second).await.expect("it is kept");
    assert_ne!(second.id, record.id, "nobody gets another's session");
    assert_eq!((kept.load(&record).await.as_ref(), kept.load(&second).await.as_ref()), (Some(&record), Some(&second)));
    kept.store.delete(&record.id).await.expect("it is removed");
    kept.store.save(&record).await.expect("there is nothing to keep");
    assert_eq!((kept.load(&record).await, kept.rows().await), (None, 1));
}

#[tokio::test]
async fn nobody_has_a_row_without_signing_in_and_what_a_session_holds_has_a_limit() {
    let mut kept = Kept::new().await;
    let mut anonymous = kept.record(kept.now() + HOUR);
    anonymous.data = [("ceremony".to_owned(), json!("begun"))].into();
    assert!(matches!(kept.store.create(&mut anonymous).await, Err(Error::Encode(_))));
    let mut record = kept.record(kept.now() + HOUR);
    put(&mut record, "text", json!("x".repeat(4_096 - r#"{"text":""}"#.len())));
    kept.store.create(&mut record).await.expect("that much is kept");
    assert_eq!(kept.load(&record).await.as_ref(), Some(&record));
    put(&mut record, "text", json!("x".repeat(4_096)));
    assert!(matches!(kept.store.save(&record).await, Err(Error::Encode(_))));
    assert_eq!(kept.rows().await, 1);
}
