//! Reads a request's body, limited in size and time.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

use super::Load;
use crate::error::{Error, Kind, Result};

/// The largest body of any request, in bytes.
pub const LARGEST: usize = 4 * 1024 * 1024;
/// The timeout for a body.
const WITHIN: Duration = Duration::from_secs(30);
/// How much of a refused body is read, in bytes.
const BEGINNING: usize = 4 * 1024;
/// The timeout for that.
const BEGINNING_WITHIN: Duration = Duration::from_secs(1);

/// Reads a body of at most `most` bytes. Each piece is counted before it is kept.
///
/// # Errors
/// `bad_request` if it is incomplete or too slow; `too_large`, or an error of a budget without room (see
/// [`super::is_over`]): then the rest of it, of twice the size at most, is read and discarded, since many clients read
/// no answer before they have sent everything.
pub async fn read(body: Body, most: usize, load: &Load) -> Result<Bytes> {
    read_or(body, most, load, &mut BytesMut::new()).await
}

/// The same; if the body is refused, `beginning` has its first bytes, 4 KiB at most.
///
/// # Errors
/// As [`read`].
pub async fn read_or(body: Body, most: usize, load: &Load, beginning: &mut BytesMut) -> Result<Bytes> {
    let read = tokio::time::timeout(WITHIN, whole(body, most, load, beginning)).await;
    read.unwrap_or_else(|_| Err(Error::bad_request("the body did not come whole within 30 s")))
}

/// The first bytes of a body: 4 KiB at most, and what arrives within a second.
pub async fn beginning(body: Body) -> BytesMut {
    let mut beginning = BytesMut::new();
    let reading = async {
        let mut pieces = body.into_data_stream();
        while let Some(Ok(piece)) = pieces.next().await {
            if !keep_beginning(&mut beginning, &piece) {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(BEGINNING_WITHIN, reading).await;
    beginning
}

/// Adds as much of a piece as there is room for; `false` if there is room for no more.
fn keep_beginning(beginning: &mut BytesMut, piece: &[u8]) -> bool {
    let room = BEGINNING - beginning.len();
    beginning.extend_from_slice(&piece[..piece.len().min(room)]);
    beginning.len() < BEGINNING
}

/// Reads a body of at most `most` bytes, within the timeout of a body, and keeps only its [`beginning`].
pub async fn discard(body: Body, most: usize) -> BytesMut {
    let mut beginning = BytesMut::new();
    let discarded = async {
        let mut pieces = body.into_data_stream();
        let mut left = most;
        while let Some(Ok(piece)) = pieces.next().await {
            keep_beginning(&mut beginning, &piece);
            let Some(less) = left.checked_sub(piece.len()) else { return };
            left = less;
        }
    };
    // A slower client finds its connection closed.
    let _ = tokio::time::timeout(WITHIN, discarded).await;
    beginning
}

async fn whole(body: Body, most: usize, load: &Load, beginning: &mut BytesMut) -> Result<Bytes> {
    let announced = body.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or_default();
    let mut pieces = body.into_data_stream();
    let mut whole = BytesMut::new();
    let mut came = 0;
    let mut refused = (announced > most).then(|| too_large(most));
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Error::bad_request("the body did not come whole, or not as HTTP frames it"))?;
        came += piece.len();
        if came > 2 * most {
            break;
        }
        if refused.is_some() {
            keep_beginning(beginning, &piece);
            continue;
        }
        let room = if came > most { Err(too_large(most)) } else { load.hold(piece.len()) };
        match room {
            Ok(()) => {
                if whole.is_empty() {
                    whole.reserve(announced);
                }
                whole.extend_from_slice(&piece);
            }
            Err(error) => {
                keep_beginning(beginning, &whole);
                keep_beginning(beginning, &piece);
                whole = BytesMut::new();
                load.let_go();
                refused = Some(error);
            }
        }
    }
    refused.map_or(Ok(whole.freeze()), Err)
}

fn too_large(most: usize) -> Error {
    let size = match most >> 20 {
        0 => format!("{} KiB", most >> 10),
        mebibytes => format!("{mebibytes} MiB"),
    };
    Error::new(Kind::TooLarge, "too_large", format!("the body is larger than {size}, which is the limit"))
}
