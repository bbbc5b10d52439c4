//! How much of a request is taken in, and how fast it has to come.

use std::time::Duration;

use axum::{body::Body, extract::DefaultBodyLimit};
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use pagemill_core::{ErrorCode, Problem};

/// The largest JSON body.
pub(super) const JSON_BYTES: usize = 256 * 1024;
/// How long a sender may be silent in the middle of a body.
const SILENCE: Duration = Duration::from_secs(30);
/// How long the rest of a refused body is read, so that its sender gets to read the answer.
const DRAIN: Duration = Duration::from_secs(10);

/// The limit of every body but uploads, which count for themselves.
pub(super) fn json_limit() -> DefaultBodyLimit {
    DefaultBodyLimit::max(JSON_BYTES)
}

/// A body as a stream that ends with a problem when its sender falls silent or
/// breaks off, or when more than `most` bytes came.
pub(super) fn bounded(body: Body, most: u64) -> BoxStream<'static, Result<Bytes, Problem>> {
    let stream = body.into_data_stream();
    futures::stream::try_unfold((stream, 0_u64), move |(mut stream, taken)| async move {
        let piece = match tokio::time::timeout(SILENCE, stream.next()).await {
            Ok(None) => return Ok(None),
            Ok(Some(Ok(piece))) => piece,
            Ok(Some(Err(error))) => {
                let problem = Problem::new(ErrorCode::InvalidRequest, "the body broke off before its end");
                return Err(problem.caused_by(error));
            }
            Err(_elapsed) => {
                let seconds = SILENCE.as_secs();
                let message = format!("nothing of the body came for {seconds} s; send it again");
                return Err(Problem::new(ErrorCode::InvalidRequest, message));
            }
        };
        let taken = taken + piece.len() as u64;
        if taken > most {
            spawn_drain(stream);
            return Err(too_large(most));
        }
        Ok(Some((piece, (stream, taken))))
    })
    .boxed()
}

/// Reads the rest of a refused body and throws it away, for a while. Closing at
/// once would reset the connection, and most senders would never see why.
pub(super) fn drain(body: Body) {
    spawn_drain(body.into_data_stream());
}

fn spawn_drain<S, T>(mut stream: S)
where
    S: futures::Stream<Item = T> + Unpin + Send + 'static,
    T: Send,
{
    tokio::spawn(tokio::time::timeout(DRAIN, async move { while stream.next().await.is_some() {} }));
}

/// The refusal of a body of more than `most` bytes.
pub(super) fn too_large(most: u64) -> Problem {
    let message = format!("the body is larger than {}; send files one by one, or raise the limit", megabytes(most));
    Problem::new(ErrorCode::TooLarge, message)
}

/// A number of bytes for people.
fn megabytes(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}
