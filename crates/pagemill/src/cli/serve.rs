//! `pagemill serve`: the web page, the HTTP API, and the workers.

use std::net::SocketAddr;

use clap::Args;
use pagemill_core::{ErrorCode, Problem};
use tokio::{net::TcpListener, signal::unix::SignalKind};
use tokio_util::sync::CancellationToken;

use super::{Global, Outcome, output, worker::WorkFlags};
use crate::{api, jobs::Workers};

/// Arguments of `serve`.
#[derive(Args)]
pub(crate) struct ServeArgs {
    /// Address to listen at; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7070", env = "PAGEMILL_BIND")]
    bind: SocketAddr,
    #[command(flatten)]
    work: WorkFlags,
}

/// Runs the command until it is told to stop (SIGTERM, SIGINT).
pub(crate) async fn run(global: &Global, args: &ServeArgs) -> Result<Outcome, Problem> {
    if !args.bind.ip().is_loopback() {
        return Err(Problem::new(
            ErrorCode::InvalidConfig,
            format!(
                "`{}` can be reached from other machines, and this version has no keys to protect it; bind to 127.0.0.1",
                args.bind
            ),
        ));
    }
    let stop = stop_signal()?;
    let listener = listen(args.bind).await?;
    let library = global.open().await?;
    let workers = Workers::start_with(&library, &args.work.options());
    let address = listener.local_addr().map_err(|error| bind_problem(args.bind, error))?;
    output::line(&format!("listening on http://{address}"));
    if library.embedder().is_none() {
        output::note(
            "model_missing: there is no embedding model, so searching is by words alone; --model FILE gives one",
        );
    }
    // Whoever is being answered and what is in work have the same few seconds.
    let told = CancellationToken::new();
    let serving = async {
        let served = api::serve(library.clone(), listener, async {
            stop.await;
            told.cancel();
        });
        let served = served.await;
        told.cancel();
        served
    };
    let working = async {
        told.cancelled().await;
        workers.stop().await;
    };
    let (served, ()) = tokio::join!(serving, working);
    library.close().await;
    served.map(|()| Outcome::Done)
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Problem> {
    TcpListener::bind(address).await.map_err(|error| bind_problem(address, error))
}

fn bind_problem(address: SocketAddr, error: std::io::Error) -> Problem {
    let problem = match error.kind() {
        std::io::ErrorKind::AddrInUse => Problem::new(
            ErrorCode::AddressInUse,
            format!("`{address}` is in use by another program; choose another port with --bind, or 0 for a free one"),
        ),
        _ => Problem::new(ErrorCode::InvalidConfig, format!("cannot listen at `{address}`: {error}; check --bind")),
    };
    problem.caused_by(error)
}

/// Resolves when the program is told to stop; from this call on, not from the first poll.
pub(crate) fn stop_signal() -> Result<impl Future<Output = ()>, Problem> {
    let listen = |kind| {
        tokio::signal::unix::signal(kind)
            .map_err(|error| Problem::new(ErrorCode::Internal, "cannot listen for the signal to stop").caused_by(error))
    };
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
