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
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::{
    confine::Confinement,
    protocol::{MAX_FRAME, Reply, Request, decode, frame},
};
use crate::config::Limits;

/// How long an idle child is kept warm.
const IDLE: Duration = Duration::from_secs(5);
/// What a pipe holds; the most the kernel gives to anyone.
const PIPE_BYTES: usize = 1 << 20;
/// How long a child may take to start.
const START: Duration = Duration::from_secs(20);

/// The reading processes of this program: so many at once, and some kept warm.
pub struct Cells {
    program: PathBuf,
    limits: Limits,
    /// One permit a child at work.
    places: Arc<Semaphore>,
    /// How many there are in all.
    count: usize,
    idle: Arc<Mutex<Vec<Cell>>>,
    held: Mutex<Option<Held>>,
}

/// What a child said when it was started.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// What holds it.
    pub confinement: Confinement,
    /// From asking for it to its being ready.
    pub start: Duration,
}

/// A child and its two pipes.
pub(super) struct Cell {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    /// Where the runtime writes why it ends the program.
    last_words: ChildStderr,
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
    /// It used more CPU than a page may.
    OverTime,
    /// Nothing was heard of it for too long, and it was killed.
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
        Ok(Self {
            program,
            limits,
            places: Arc::new(Semaphore::new(count)),
            count,
            idle: Arc::default(),
            held: Mutex::default(),
        })
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
            None => self.start().await?,
        };
        Ok(Borrowed { cell, _place: place })
    }

    /// Takes a child back that ended its answer properly.
    pub(super) fn keep(&self, borrowed: Borrowed) {
        let mut cell = borrowed.cell;
        cell.served += 1;
        cell.idle_since = Instant::now();
        if cell.served >= self.limits.files_per_child {
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

    /// What holds the children of this machine, as the last one said; starts one when there was none.
    ///
    /// # Errors
    /// When no child can be started.
    pub async fn held(&self) -> Result<Held, Problem> {
        let known = lock(&self.held).clone();
        match known {
            Some(held) => Ok(held),
            None => {
                let child = self.borrow().await?;
                self.keep(child);
                lock(&self.held).clone().ok_or_else(silent_start)
            }
        }
    }

    async fn start(&self) -> Result<Cell, Problem> {
        let asked = Instant::now();
        let started = Command::new(&self.program)
            .arg("cell")
            .arg(self.limits.child_memory_bytes.to_string())
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut child = started.map_err(|error| silent_start().caused_by(error))?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(last_words)) = pipes else {
            return Err(Problem::new(ErrorCode::Internal, "a reading process was started without its pipes"));
        };
        widen(&input);
        widen(&output);
        let mut cell = Cell { child, input, output, last_words, served: 0, idle_since: asked };
        match cell.receive(START).await {
            Ok(Reply::Hello(confinement)) => {
                *lock(&self.held) = Some(Held { confinement, start: asked.elapsed() });
                Ok(cell)
            }
            Ok(_) | Err(_) => Err(silent_start()),
        }
    }
}

/// Lets a pipe hold more, so that a file goes over in few steps. A kernel that does not want to leaves it as it is.
fn widen(pipe: &impl std::os::fd::AsFd) {
    let _ = rustix::pipe::fcntl_setpipe_size(pipe, PIPE_BYTES);
}

fn silent_start() -> Problem {
    Problem::new(ErrorCode::Overloaded, "cannot start a reading process; the machine may be short of memory")
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A panic while it is held leaves it whole: each change is a single step.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::ops::Deref for Borrowed {
    type Target = Cell;

    fn deref(&self) -> &Cell {
        &self.cell
    }
}

impl std::ops::DerefMut for Borrowed {
    fn deref_mut(&mut self) -> &mut Cell {
        &mut self.cell
    }
}

impl Cell {
    /// Sends a request and the file.
    pub(super) async fn send(&mut self, request: &Request, file: &[u8], patience: Duration) -> Result<(), Silence> {
        let message = frame(request).map_err(|_too_large| Silence::Died(ErrorCode::Internal))?;
        let write = async {
            self.input.write_all(&message).await?;
            self.input.write_all(file).await?;
            self.input.flush().await
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
            self.output.read_exact(&mut length).await?;
            let length = u32::from_le_bytes(length);
            if length > MAX_FRAME {
                return Err(std::io::ErrorKind::InvalidData.into());
            }
            let mut bytes = vec![0; length as usize];
            self.output.read_exact(&mut bytes).await?;
            decode(&bytes)
        };
        match tokio::time::timeout(patience, read).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_)) => Err(self.how_it_died().await),
            Err(_) => Err(self.kill().await),
        }
    }

    async fn kill(&mut self) -> Silence {
        let _ = self.child.kill().await;
        Silence::TimedOut
    }

    /// Ends the child if it still runs and tells its end apart: the CPU limit, a stack or an
    /// allocation that was exhausted (the runtime says which, and aborts), or anything else.
    async fn how_it_died(&mut self) -> Silence {
        use std::os::unix::process::ExitStatusExt;
        let status = match tokio::time::timeout(Duration::from_secs(1), self.child.wait()).await {
            Ok(status) => status.ok(),
            Err(_) => {
                let _ = self.child.kill().await;
                None
            }
        };
        match status.and_then(|status| status.signal()) {
            Some(signal) if signal == rustix::process::Signal::XCPU.as_raw() => Silence::OverTime,
            Some(signal) if signal == rustix::process::Signal::ABORT.as_raw() => {
                Silence::Died(if self.overflowed().await { ErrorCode::NestingTooDeep } else { ErrorCode::MemoryLimit })
            }
            _ => Silence::Died(ErrorCode::ReaderCrashed),
        }
    }
    /// Whether a child that has ended said that its stack was exhausted.
    async fn overflowed(&mut self) -> bool {
        let mut words = [0; 1024];
        let read = tokio::time::timeout(Duration::from_secs(1), self.last_words.read(&mut words));
        let length = read.await.ok().and_then(Result::ok).unwrap_or(0);
        words[..length].windows(OVERFLOW.len()).any(|window| window == OVERFLOW)
    }
}

/// What the Rust runtime says before it ends a program whose stack is exhausted.
const OVERFLOW: &[u8] = b"overflowed its stack";
