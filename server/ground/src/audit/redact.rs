//! What of a text is recorded: secrets taken out, off the async workers where that takes long.

use redact::redact;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::text;

/// Up to this many bytes a text is redacted where it is asked for: sooner done than handed over and waited for.
const INLINE: usize = 64 * 1024;
/// How many larger ones are redacted at once in this process: each takes a thread, and several times its size of memory.
const AT_ONCE: usize = 4;
/// What is recorded of a text whose redaction failed.
const FAILED: &str = "\"[redacted: could not be read]\"";

static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);

/// What is recorded of `json`: the text as [`redact()`] leaves it, and as Postgres can keep it.
///
/// A text of over 64 KiB waits while four others are being redacted. Who is in a transaction uses
/// [`recorded_in_transaction`] instead.
pub async fn recorded(json: &str) -> String {
    if json.len() <= INLINE {
        return text(&redact(json));
    }
    // The semaphore is never closed.
    elsewhere(json, TURNS.acquire().await.ok()).await
}

/// The same inside of a transaction: a large text waits for no others, since rows may be locked meanwhile. How many
/// there are at once is bounded by the connections to Postgres.
pub async fn recorded_in_transaction(json: &str) -> String {
    if json.len() <= INLINE {
        return text(&redact(json));
    }
    elsewhere(json, None).await
}

async fn elsewhere(json: &str, turn: Option<SemaphorePermit<'static>>) -> String {
    let json = json.to_owned();
    let work = move || {
        // Kept until it is done, also when nobody waits for it any more.
        let _turn = turn;
        text(&redact(&json))
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| FAILED.to_owned())
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn of_size(bytes: usize) -> String {
        format!(r#"{{"password":"x","a":"{}"}}"#, "a".repeat(bytes - 23))
    }

    #[test]
    fn a_large_text_is_redacted_off_the_async_workers_and_a_small_one_at_once() {
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().expect("a runtime");
        runtime.block_on(async {
            // The only other thread is taken: what needs it waits.
            let (free, taken) = std::sync::mpsc::channel::<()>();
            let other = tokio::task::spawn_blocking(move || taken.recv());
            for small in ["{}", &of_size(INLINE)] {
                assert!(recorded(small).now_or_never().is_some(), "{} bytes", small.len());
                assert!(recorded_in_transaction(small).now_or_never().is_some(), "{} bytes", small.len());
            }
            let large = of_size(INLINE + 1);
            let mut waiting = [recorded(&large).boxed(), recorded_in_transaction(&large).boxed()];
            assert!(waiting.iter_mut().all(|waiting| waiting.now_or_never().is_none()));
            drop(free);
            assert!(other.await.expect("it ends").is_err());
            for redacted in futures::future::join_all(waiting).await {
                assert!(redacted.starts_with(r#"{"password":"[redacted]","a":"aaa"#));
            }
        });
    }

    #[tokio::test]
    async fn only_a_few_large_texts_are_redacted_at_once_and_transactions_do_not_wait_for_them() {
        let all = u32::try_from(AT_ONCE).expect("a few");
        let others = TURNS.acquire_many(all).await.expect("it is never closed");
        let large = of_size(4 * INLINE);
        let mut waits = Box::pin(recorded(&large));
        assert!(recorded_in_transaction(&large).await.starts_with(r#"{"password":"[redacted]""#));
        assert!(waits.as_mut().now_or_never().is_none(), "no turn is free");
        assert!(recorded("{}").now_or_never().is_some(), "small ones need none");
        drop(others);
        assert!(waits.await.starts_with(r#"{"password":"[redacted]""#));
    }
}
