//! Threads with read-only connections, fed from one bounded queue.

use std::sync::{
    Arc,
    mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
};

use parking_lot::Mutex;
use rusqlite::Connection;
use skein_store::{Result, StoreError};
use tokio::sync::oneshot;

use crate::writer::store_error;

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// The pool. Its threads end when it is closed or dropped.
#[derive(Debug)]
pub(crate) struct Readers {
    queue: Mutex<Option<SyncSender<Job>>>,
}

impl Readers {
    pub(crate) fn start(connections: Vec<Connection>, queue_max: usize) -> Self {
        let (queue, jobs) = sync_channel(queue_max.max(1));
        let jobs: Arc<Mutex<Receiver<Job>>> = Arc::new(Mutex::new(jobs));
        for connection in connections {
            let jobs = jobs.clone();
            std::thread::spawn(move || {
                loop {
                    let job = jobs.lock().recv();
                    match job {
                        Ok(job) => job(&connection),
                        Err(_) => return,
                    }
                }
            });
        }
        Self { queue: Mutex::new(Some(queue)) }
    }

    /// Takes no more jobs; those that were taken are answered.
    pub(crate) fn close(&self) {
        self.queue.lock().take();
    }

    /// Runs a job in a read transaction: it sees one snapshot.
    pub(crate) async fn run<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move |connection: &Connection| {
            let outcome = match connection.unchecked_transaction() {
                Ok(_snapshot) => job(connection),
                Err(error) => Err(store_error(error)),
            };
            let _ = answer.send(outcome);
        });
        match self.queue.lock().as_ref() {
            None => return Err(StoreError::Closed),
            Some(queue) => queue.try_send(job).map_err(|error| match error {
                TrySendError::Full(_) => StoreError::Overloaded,
                TrySendError::Disconnected(_) => StoreError::Closed,
            })?,
        }
        answered.await.unwrap_or(Err(StoreError::Closed))
    }
}
