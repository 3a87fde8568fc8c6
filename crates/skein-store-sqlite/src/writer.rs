//! The writer thread: drains a bounded queue, runs what is there in one transaction, syncs once, then answers all of it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode};
use skein_proto::id::{MessageId, MessageIdGenerator};
use skein_store::{Result, StoreError};
use tokio::sync::{oneshot, watch};

use crate::{
    measure,
    outbox::OutboxState,
    transaction::{Cache, Transaction},
};

/// Write jobs between two checkpoints. Many small ones: each moves few pages, so that none holds up an fsync of the log for long.
const CHECKPOINT_JOBS: usize = 2_000;
/// The least time between two checkpoints.
const CHECKPOINT_INTERVAL: Duration = Duration::from_millis(200);
/// Frames of the write-ahead log above which the writer finishes a checkpoint itself, so that the log starts over: 32 MiB.
const WAL_FRAMES_MAX: i64 = 8_192;

/// What the writer thread owns.
pub(crate) struct WriterState {
    connection: Connection,
    ids: MessageIdGenerator,
    cache: Cache,
    large_group_members: u32,
    outbox: Arc<OutboxState>,
}

impl WriterState {
    pub(crate) fn load(
        connection: Connection,
        large_group_members: u32,
        outbox: Arc<OutboxState>,
    ) -> rusqlite::Result<Self> {
        let largest: Option<i64> =
            connection.query_row("SELECT max(message_id) FROM messages", [], |row| row.get(0))?;
        let ids = MessageIdGenerator::after(MessageId(largest.unwrap_or(0) as u64));
        Ok(Self { connection, ids, cache: Cache::default(), large_group_members, outbox })
    }
}

/// A queued write: run (perhaps twice), then answered once.
trait Job: Send {
    /// Runs in the open transaction. An error is one of the engine: the transaction must be rolled back.
    fn run(&mut self, transaction: &mut Transaction<'_>) -> Result<()>;
    /// Answers: with what it ran to when the commit succeeded, else with the failure.
    fn answer(self: Box<Self>, committed: Result<()>);
}

struct Call<T, F> {
    job: F,
    outcome: Option<Result<T>>,
    answer: oneshot::Sender<Result<T>>,
}

impl<T, F> Job for Call<T, F>
where
    T: Send,
    F: FnMut(&mut Transaction<'_>) -> Result<T> + Send,
{
    fn run(&mut self, transaction: &mut Transaction<'_>) -> Result<()> {
        let outcome = (self.job)(transaction);
        let engine = match &outcome {
            Ok(_) | Err(StoreError::Refused(_)) => Ok(()),
            Err(error) => Err(error.clone()),
        };
        self.outcome = Some(outcome);
        engine
    }

    fn answer(self: Box<Self>, committed: Result<()>) {
        let outcome = match committed {
            Ok(()) => self.outcome.unwrap_or(Err(StoreError::Closed)),
            Err(error) => Err(error),
        };
        // The caller may have gone; what was committed stays committed.
        let _ = self.answer.send(outcome);
    }
}

/// The sending end.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Mutex<Option<SyncSender<Box<dyn Job>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    failed: watch::Receiver<bool>,
}

impl std::fmt::Debug for dyn Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Job")
    }
}

impl Writer {
    pub(crate) fn start(state: WriterState, checkpointer: Connection, queue_max: usize, batch_max: usize) -> Self {
        let (queue, jobs) = sync_channel(queue_max.max(1));
        let (failing, failed) = watch::channel(false);
        let (checkpoint, checkpoints) = sync_channel(1);
        let overfull = Arc::new(AtomicBool::new(false));
        let told = overfull.clone();
        std::thread::spawn(move || run_checkpoints(&checkpointer, &checkpoints, &told));
        let mut thread = WriterThread {
            state,
            batch_max: batch_max.max(1),
            failing,
            checkpoint,
            overfull,
            since: 0,
            last_checkpoint: Instant::now(),
        };
        let thread = std::thread::spawn(move || thread.run(&jobs));
        Self { queue: Mutex::new(Some(queue)), thread: Mutex::new(Some(thread)), failed }
    }

    pub(crate) async fn run<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Transaction<'_>) -> Result<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let call = Box::new(Call { job, outcome: None, answer });
        match self.queue.lock().as_ref() {
            None => return Err(StoreError::Closed),
            Some(queue) => queue.try_send(call).map_err(|error| match error {
                TrySendError::Full(_) => StoreError::Overloaded,
                TrySendError::Disconnected(_) => StoreError::Closed,
            })?,
        }
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Takes no more jobs, and waits for those that were taken.
    pub(crate) fn close(&self) {
        self.queue.lock().take();
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }

    pub(crate) async fn failed(&self) {
        let mut failed = self.failed.clone();
        while !*failed.borrow_and_update() {
            if failed.changed().await.is_err() {
                // The thread ended well: nothing will ever fail.
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

struct WriterThread {
    state: WriterState,
    batch_max: usize,
    failing: watch::Sender<bool>,
    checkpoint: SyncSender<()>,
    overfull: Arc<AtomicBool>,
    since: usize,
    last_checkpoint: Instant,
}

impl WriterThread {
    fn run(&mut self, jobs: &Receiver<Box<dyn Job>>) {
        let mut batch = Vec::with_capacity(self.batch_max);
        while let Ok(first) = jobs.recv() {
            batch.push(first);
            while batch.len() < self.batch_max {
                match jobs.try_recv() {
                    Ok(job) => batch.push(job),
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
                }
            }
            self.since += batch.len();
            if !self.run_batch(&mut batch) {
                return;
            }
            self.ask_for_checkpoint();
        }
        if let Err(error) = self.state.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)") {
            tracing::warn!(%error, "the last checkpoint failed; the log is replayed at the next start");
        }
    }

    /// Commits a batch and answers it. False when the store must stop.
    fn run_batch(&mut self, batch: &mut Vec<Box<dyn Job>>) -> bool {
        let mut result = self.state.commit(batch);
        if result.is_err() && batch.len() > 1 && !is_fatal(&result) {
            // One job spoiled the transaction: each gets its own, so that only the guilty one fails.
            for job in batch.drain(..) {
                let mut single = vec![job];
                result = self.state.commit(&mut single);
                let fatal = is_fatal(&result);
                single.drain(..).for_each(|job| job.answer(result.clone()));
                if fatal {
                    return self.stop();
                }
            }
            return true;
        }
        let fatal = is_fatal(&result);
        batch.drain(..).for_each(|job| job.answer(result.clone()));
        if fatal { self.stop() } else { true }
    }

    fn stop(&self) -> bool {
        tracing::error!("the disk failed while syncing: the store stops, nothing more is acked");
        let _ = self.failing.send(true);
        false
    }

    fn ask_for_checkpoint(&mut self) {
        if self.since < CHECKPOINT_JOBS || self.last_checkpoint.elapsed() < CHECKPOINT_INTERVAL {
            return;
        }
        self.since = 0;
        self.last_checkpoint = Instant::now();
        if self.overfull.swap(false, Ordering::Relaxed) {
            // Under sustained load the log never stands still, and only a log that stands still can start over. Most of it has been moved by the
            // other thread just before, so the rest is quick; readers are not waited for.
            let _ = self.state.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        }
        let _ = self.checkpoint.try_send(());
    }
}

fn is_fatal(result: &Result<()>) -> bool {
    matches!(result, Err(StoreError::Closed))
}

impl WriterState {
    /// Runs the jobs in one transaction. On any error nothing of it is stored.
    fn commit(&mut self, batch: &mut [Box<dyn Job>]) -> Result<()> {
        let result = self.try_commit(batch);
        if result.is_err() {
            self.cache = Cache::default();
            if !self.connection.is_autocommit() {
                let _ = self.connection.execute_batch("ROLLBACK");
            }
        }
        result
    }

    fn try_commit(&mut self, batch: &mut [Box<dyn Job>]) -> Result<()> {
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(store_error)?;
        let mut transaction =
            Transaction::new(&self.connection, &mut self.ids, &mut self.cache, self.large_group_members, &self.outbox);
        for job in batch.iter_mut() {
            job.run(&mut transaction)?;
        }
        transaction.flush()?;
        let recorded = transaction.recorded();
        self.connection.execute_batch("COMMIT").map_err(commit_error)?;
        if let Some(position) = recorded {
            self.outbox.announce(position);
        }
        measure::committed(batch.len(), self.cache.take_lookups());
        self.cache.trim();
        Ok(())
    }
}

/// The failure of a statement.
pub(crate) fn store_error(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::SystemIoFailure) => StoreError::Closed,
        _ => StoreError::Internal(error.to_string()),
    }
}

/// The failure of a commit: whatever is not a full disk leaves unknown what reached it.
fn commit_error(error: rusqlite::Error) -> StoreError {
    match store_error(error) {
        StoreError::Full => StoreError::Full,
        other => {
            tracing::error!(%other, "commit failed");
            StoreError::Closed
        }
    }
}

fn run_checkpoints(connection: &Connection, requests: &Receiver<()>, overfull: &AtomicBool) {
    while requests.recv().is_ok() {
        let frames = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(1));
        match frames {
            Ok(frames) => overfull.store(frames > WAL_FRAMES_MAX, Ordering::Relaxed),
            Err(error) => tracing::warn!(%error, "a checkpoint failed; the log grows until the next one"),
        }
    }
}
