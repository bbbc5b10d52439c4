//! Warm children, handed out one at a time.

use std::{
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use pagemill_core::{ErrorCode, Problem};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::protocol::{MAX_FRAME, Reply, Request, decode, frame};
use crate::config::Limits;

/// Files a child serves before it is replaced, so that nothing it leaks adds up.
const FILES_PER_CHILD: u32 = 200;
/// How long an idle child is kept warm.
const IDLE: Duration = Duration::from_secs(5);

/// The reading processes of this program: so many at once, and some kept warm.
pub struct Cells {
    program: PathBuf,
    limits: Limits,
    /// One permit a child at work.
    places: Arc<Semaphore>,
    /// How many there are in all.
    count: usize,
    idle: Arc<Mutex<Vec<Cell>>>,
}

/// A child and its two pipes.
pub(super) struct Cell {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    served: u32,
    idle_since: Instant,
}

/// A child at work; it goes back to the pool only through [`Cells::keep`].
pub(super) struct Borrowed {
    cell: Cell,
    _place: OwnedSemaphorePermit,
}

/// Why a child gave no answer.
#[derive(Debug)]
pub(super) enum Silence {
    /// It died: the reason as far as its end tells it.
    Died(ErrorCode),
    /// It took too long and was killed.
    TimedOut,
}

impl Cells {
    /// A pool of at most `count` children of the program at work.
    ///
    /// # Errors
    /// When the path of the running program cannot be found out.
    pub fn new(count: usize, limits: Limits) -> Result<Self, Problem> {
        let program = std::env::current_exe().map_err(|error| {
            Problem::new(ErrorCode::Internal, "cannot find the program's own file to start a reading process")
                .caused_by(error)
        })?;
        Ok(Self { program, limits, places: Arc::new(Semaphore::new(count)), count, idle: Arc::default() })
    }

    /// Children at work, and warm ones that wait.
    pub(crate) fn figures(&self) -> (usize, usize) {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).len();
        (self.count.saturating_sub(self.places.available_permits()), idle)
    }

    /// The limits children run under.
    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A child, warm if there is one; waits for a place.
    pub(super) async fn borrow(&self) -> Result<Borrowed, Problem> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|error| {
            Problem::new(ErrorCode::ShuttingDown, "the program is stopping; try again when it runs").caused_by(error)
        })?;
        let warm = lock(&self.idle).pop();
        let cell = match warm {
            Some(cell) => cell,
            None => self.start()?,
        };
        Ok(Borrowed { cell, _place: place })
    }

    /// Takes a child back that ended its answer properly.
    pub(super) fn keep(&self, borrowed: Borrowed) {
        let mut cell = borrowed.cell;
        cell.served += 1;
        cell.idle_since = Instant::now();
        if cell.served >= FILES_PER_CHILD {
            return; // dropped: killed and reaped by the runtime
        }
        lock(&self.idle).push(cell);
        let idle = Arc::downgrade(&self.idle);
        tokio::spawn(async move {
            tokio::time::sleep(IDLE).await;
            if let Some(idle) = idle.upgrade() {
                lock(&idle).retain(|cell| cell.idle_since.elapsed() < IDLE);
            }
        });
    }

    fn start(&self) -> Result<Cell, Problem> {
        let started = Command::new(&self.program)
            .arg("cell")
            .arg(self.limits.child_memory_bytes.to_string())
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let failed = |error| {
            Problem::new(ErrorCode::Overloaded, "cannot start a reading process; the machine may be short of memory")
                .caused_by(error)
        };
        let mut child = started.map_err(failed)?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => Ok(Cell { child, input, output, served: 0, idle_since: Instant::now() }),
            _ => Err(Problem::new(ErrorCode::Internal, "a reading process was started without its pipes")),
        }
    }
}

fn lock(idle: &Mutex<Vec<Cell>>) -> std::sync::MutexGuard<'_, Vec<Cell>> {
    // A panic while the list is held leaves it whole: each change is one push or pop.
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Borrowed {
    /// Sends a request and the file.
    pub(super) async fn send(&mut self, request: &Request, file: &[u8], patience: Duration) -> Result<(), Silence> {
        let message = frame(request).map_err(|_too_large| Silence::Died(ErrorCode::Internal))?;
        let write = async {
            self.cell.input.write_all(&message).await?;
            self.cell.input.write_all(file).await?;
            self.cell.input.flush().await
        };
        match tokio::time::timeout(patience, write).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(self.how_it_died().await),
            Err(_) => Err(self.kill().await),
        }
    }

    /// The next reply.
    pub(super) async fn receive(&mut self, patience: Duration) -> Result<Reply, Silence> {
        let read = async {
            let mut length = [0; 4];
            self.cell.output.read_exact(&mut length).await?;
            let length = u32::from_le_bytes(length);
            if length > MAX_FRAME {
                return Err(std::io::ErrorKind::InvalidData.into());
            }
            let mut bytes = vec![0; length as usize];
            self.cell.output.read_exact(&mut bytes).await?;
            decode(&bytes)
        };
        match tokio::time::timeout(patience, read).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_)) => Err(self.how_it_died().await),
            Err(_) => Err(self.kill().await),
        }
    }

    async fn kill(&mut self) -> Silence {
        let _ = self.cell.child.kill().await;
        Silence::TimedOut
    }

    /// Ends the child if it still runs and tells its end apart: the CPU limit,
    /// an allocation that failed (Rust aborts), or anything else.
    async fn how_it_died(&mut self) -> Silence {
        use std::os::unix::process::ExitStatusExt;
        let status = match tokio::time::timeout(Duration::from_secs(1), self.cell.child.wait()).await {
            Ok(status) => status.ok(),
            Err(_) => {
                let _ = self.cell.child.kill().await;
                None
            }
        };
        match status.and_then(|status| status.signal()) {
            Some(signal) if signal == rustix::process::Signal::XCPU.as_raw() => Silence::TimedOut,
            Some(signal) if signal == rustix::process::Signal::ABORT.as_raw() => Silence::Died(ErrorCode::MemoryLimit),
            _ => Silence::Died(ErrorCode::ReaderCrashed),
        }
    }
}
