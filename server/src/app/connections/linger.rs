//! Closes a connection gracefully. A client that is answered before it has sent everything, for example because its
//! body is refused, keeps sending. If its connection is closed with unread bytes, TCP resets it, and the client loses
//! the answer that is on its way. So only the gateway's half is closed at first, and further bytes are read and
//! discarded (RFC 9112, section 9.6): limited in size and time, and not while the gateway stops.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// How much is read and discarded, in bytes: more than any body may have.
const MOST: usize = 32 * 1024 * 1024;
/// A client that is silent for this long has read its answer, or never will.
const SILENCE: Duration = Duration::from_secs(5);

/// A stream whose [shutdown](AsyncWrite::poll_shutdown) closes it gracefully.
pub(super) struct Lingering<T> {
    io: T,
    /// How long closing may take.
    within: Duration,
    stop: CancellationToken,
    end: End,
}

enum End {
    /// Not closing yet.
    Open,
    /// Our half is closed.
    Closed {
        /// How many more bytes are read.
        left: usize,
        /// The deadline, whatever is received.
        until: Instant,
        /// The deadline if nothing is received.
        sleep: Pin<Box<Sleep>>,
        stopping: Pin<Box<WaitForCancellationFutureOwned>>,
    },
}

impl<T> Lingering<T> {
    /// On shutdown, reads and discards for at most `within`, until `stop`.
    pub(super) fn new(io: T, within: Duration, stop: CancellationToken) -> Self {
        Self { io, within, stop, end: End::Open }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Lingering<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if matches!(this.end, End::Open) {
            ready!(Pin::new(&mut this.io).poll_shutdown(context))?;
            let now = Instant::now();
            let until = now + this.within;
            this.end = End::Closed {
                left: MOST,
                until,
                sleep: Box::pin(tokio::time::sleep_until(until.min(now + SILENCE))),
                stopping: Box::pin(this.stop.clone().cancelled_owned()),
            };
        }
        let End::Closed { left, until, sleep, stopping } = &mut this.end else { return Poll::Ready(Ok(())) };
        let mut scratch = [0; 16 * 1024];
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            match Pin::new(&mut this.io).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() && Instant::now() < *until => {
                    let Some(less) = left.checked_sub(buffer.filled().len()) else { return Poll::Ready(Ok(())) };
                    *left = less;
                    sleep.as_mut().reset((*until).min(Instant::now() + SILENCE));
                }
                // The end of the stream, or an error that ends it.
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => {
                    let is_over = sleep.as_mut().poll(context).is_ready() || stopping.as_mut().poll(context).is_ready();
                    return if is_over { Poll::Ready(Ok(())) } else { Poll::Pending };
                }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    fn pair(within: Duration) -> (Lingering<DuplexStream>, DuplexStream, CancellationToken) {
        let (ours, theirs) = duplex(64);
        let stop = CancellationToken::new();
        (Lingering::new(ours, within, stop.clone()), theirs, stop)
    }

    #[tokio::test]
    async fn what_comes_late_is_read_until_its_end_and_the_answer_arrives() {
        let (mut ours, mut theirs, _stop) = pair(Duration::from_secs(30));
        ours.write_all(b"no").await.unwrap();
        let ending = tokio::spawn(async move { ours.shutdown().await });
        theirs.write_all(&[0; 10_000]).await.unwrap();
        let mut answer = String::new();
        theirs.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "no");
        drop(theirs);
        ending.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn nobody_holds_it_longer_than_the_bound() {
        const BOUND: Duration = Duration::from_millis(100);
        let (mut ours, mut theirs, _stop) = pair(BOUND);
        let trickle = tokio::spawn(async move {
            while theirs.write_all(b"x").await.is_ok() {
                tokio::time::sleep(BOUND / 50).await;
            }
        });
        let (mut silent, _theirs, _stop) = pair(BOUND);
        for one in [&mut silent, &mut ours] {
            let began = Instant::now();
            one.shutdown().await.unwrap();
            assert!(began.elapsed() >= BOUND && began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
        }
        drop(ours);
        trickle.await.unwrap();
    }

    #[tokio::test]
    async fn nobody_sends_for_ever_and_nobody_keeps_the_gateway_from_stopping() {
        let (mut ours, mut theirs, _stop) = pair(Duration::from_secs(30));
        let flood = tokio::spawn(async move {
            let mut sent = 0_usize;
            while theirs.write_all(&[0; 64]).await.is_ok() {
                sent += 64;
            }
            sent
        });
        ours.shutdown().await.unwrap();
        drop(ours);
        assert!(flood.await.unwrap() <= MOST + 32 * 1_024);
        let (mut ours, _theirs, stop) = pair(Duration::from_secs(30));
        let ending = tokio::spawn(async move { ours.shutdown().await });
        stop.cancel();
        tokio::time::timeout(SILENCE, ending).await.unwrap().unwrap().unwrap();
    }
}
