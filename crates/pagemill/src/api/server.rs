//! The listener: many connections, none of which may hold much for long.

use std::{
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::http::Request;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use pagemill_core::{ErrorCode, Problem};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{Instant, Sleep},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::{
    site_router,
    websocket::{Peer, Sockets},
};
use crate::library::Library;

/// Connections at once; more wait to be accepted.
const CONNECTIONS: usize = 2048;
/// How long a client may take to send the head of a request, and how long an idle connection is kept.
const HEAD_TIME: Duration = Duration::from_secs(30);
/// How long a client may take nothing of what is written to it.
const WRITE_TIME: Duration = Duration::from_secs(30);
/// The most that is read ahead on a connection, in bytes.
const READ_AHEAD: usize = 64 * 1024;
/// How long requests in hand may take after the server was told to stop.
const GRACE: Duration = Duration::from_secs(6);
/// The pause after the system would give no more connections.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Answers requests until `shutdown` is done, then finishes what is in hand.
///
/// # Errors
/// `invalid_config` when the listener is not on a loopback address: there are no
/// keys yet, so nobody else may reach it.
pub async fn serve(
    library: Arc<Library>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), Problem> {
    loopback_only(&listener)?;
    let files = raise_open_files();
    let count = CONNECTIONS.min(files / 2).max(16);
    let seats = Arc::new(Semaphore::new(count));
    let stopping = CancellationToken::new();
    let sockets = Arc::new(Sockets::default());
    let site = site_router(library, stopping.clone(), Arc::clone(&sockets));
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &seats) => accepted,
        };
        let (stream, peer, seat) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("a connection could not be accepted: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(site.clone().map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            request
        }));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .max_buf_size(READ_AHEAD)
            .serve_connection(TokioIo::new(Patient::new(stream)), service)
            .with_upgrades();
        let stopping = stopping.clone();
        tokio::spawn(async move {
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stopping.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!("a connection ended early: {error}");
            }
            drop(seat);
        });
    }
    drop(listener);
    stopping.cancel();
    let all_ended = async {
        sockets.ended().await;
        let _seats = seats.acquire_many(count as u32).await;
    };
    if tokio::time::timeout(GRACE, all_ended).await.is_err() {
        tracing::warn!("some requests were still being answered after {} s and were cut off", GRACE.as_secs());
    }
    Ok(())
}

fn loopback_only(listener: &TcpListener) -> Result<(), Problem> {
    let address: io::Result<SocketAddr> = listener.local_addr();
    match address {
        Ok(address) if address.ip().is_loopback() => Ok(()),
        Ok(address) => Err(Problem::new(
            ErrorCode::InvalidConfig,
            format!(
                "`{address}` can be reached by other machines, and there are no keys yet; bind to 127.0.0.1 or ::1"
            ),
        )),
        Err(error) => Err(Problem::new(ErrorCode::InvalidConfig, "the listener has no address").caused_by(error)),
    }
}

/// Takes a free seat first, so that connections beyond the limit wait outside.
async fn accept(
    listener: &TcpListener,
    seats: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let seat = seats.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, peer, seat))
}

/// Raises the soft limit of open files to the hard one; gives what is allowed now.
pub(crate) fn raise_open_files() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let allowed = if raised.is_ok() { maximum } else { current };
    usize::try_from(allowed.unwrap_or(u64::MAX)).unwrap_or(usize::MAX)
}

/// A stream that fails when nothing of what is written to it is taken for [`WRITE_TIME`].
struct Patient {
    stream: TcpStream,
    patience: Pin<Box<Sleep>>,
    is_waiting: bool,
}

impl Patient {
    fn new(stream: TcpStream) -> Self {
        Self { stream, patience: Box::pin(tokio::time::sleep(WRITE_TIME)), is_waiting: false }
    }

    fn watch<T>(&mut self, poll: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.is_waiting = false;
            return poll;
        }
        if !self.is_waiting {
            self.is_waiting = true;
            self.patience.as_mut().reset(Instant::now() + WRITE_TIME);
        }
        match self.patience.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing"))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Patient {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(poll, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.watch(poll, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(poll, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
