//! The writers: each drains a bounded queue, runs what is there in one transaction, and answers all of it after the commit.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use deadpool_postgres::{Object, Pool};
use metrics::counter;
use parking_lot::Mutex;
use skein_proto::v1;
use skein_store::{Result, StoreError};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::{
    failure::{Failure, Outcome},
    flush::flush,
    ids::MessageIds,
    load::load,
    needs::Needs,
    operation::Operation,
    outbox::OutboxState,
    render,
    transaction::Transaction,
};

/// How often a batch is tried again when other transactions are in its way.
const ATTEMPTS_MAX: u32 = 5;
/// The wait before the second attempt, at most; it doubles with each further one.
const BACKOFF_MS: u64 = 4;

/// What all writers of this node use.
#[derive(Debug)]
pub(crate) struct Shared {
    pub pool: Pool,
    pub ids: MessageIds,
    pub outbox: Arc<OutboxState>,
    pub large_group_members: u32,
    pub batch_max: usize,
    pub batch_timeout: Duration,
}

/// A queued write: run, perhaps several times, then answered once.
#[async_trait]
trait Job: Send {
    fn needs(&self, needs: &mut Needs);
    /// Runs in the open transaction. An error means that the transaction has to be rolled back.
    async fn run(&mut self, transaction: &mut Transaction<'_>) -> Outcome<()>;
    /// Takes its entry, if it asked for one, from those rendered for the batch.
    fn take_entry(&mut self, rendered: &mut [v1::ConversationEntry]);
    /// Answers: with what it ran to when the commit succeeded, else with the failure.
    fn answer(self: Box<Self>, committed: Result<()>);
}

struct Call<O: Operation> {
    operation: O,
    outcome: Option<Outcome<O::Answer>>,
    /// Place of its entry among those of the batch.
    entry: Option<usize>,
    answer: oneshot::Sender<Result<O::Answer>>,
}

#[async_trait]
impl<O: Operation> Job for Call<O> {
    fn needs(&self, needs: &mut Needs) {
        self.operation.needs(needs);
    }

    async fn run(&mut self, transaction: &mut Transaction<'_>) -> Outcome<()> {
        let renders = transaction.renders.len();
        let outcome = self.operation.run(transaction).await;
        self.entry = (transaction.renders.len() > renders).then_some(renders);
        let spoiled = match &outcome {
            Err(failure) if !failure.is_refusal() => Err(failure.clone()),
            _ => Ok(()),
        };
        self.outcome = Some(outcome);
        spoiled
    }

    fn take_entry(&mut self, rendered: &mut [v1::ConversationEntry]) {
        if let (Some(place), Some(Ok(answer))) = (self.entry, &mut self.outcome)
            && let Some(entry) = O::entry_of(answer)
        {
            *entry = std::mem::take(&mut rendered[place]);
        }
    }

    fn answer(self: Box<Self>, committed: Result<()>) {
        let outcome = match committed {
            Ok(()) => self.outcome.unwrap_or(Err(StoreError::Closed.into())).map_err(StoreError::from),
            Err(error) => Err(error),
        };
        // The caller may have gone; what was committed stays committed.
        let _ = self.answer.send(outcome);
    }
}

type Queue = mpsc::Sender<Box<dyn Job>>;

/// The sending ends, one per writer.
pub(crate) struct Writers {
    queues: Mutex<Vec<Queue>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl std::fmt::Debug for Writers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Writers({})", self.queues.lock().len())
    }
}

impl Writers {
    pub(crate) fn start(shared: Arc<Shared>, count: usize, queue_max: usize) -> Self {
        let (mut queues, mut tasks) = (Vec::new(), Vec::new());
        for _ in 0..count.max(1) {
            let (queue, jobs) = mpsc::channel(queue_max.max(1));
            queues.push(queue);
            tasks.push(tokio::spawn(run_writer(shared.clone(), jobs)));
        }
        Self { queues: Mutex::new(queues), tasks: Mutex::new(tasks) }
    }

    pub(crate) async fn run<O: Operation>(&self, operation: O) -> Result<O::Answer> {
        let (answer, answered) = oneshot::channel();
        let place = operation.place();
        let call = Call { operation, outcome: None, entry: None, answer };
        {
            let queues = self.queues.lock();
            if queues.is_empty() {
                return Err(StoreError::Closed);
            }
            let queue = &queues[(place % queues.len() as u64) as usize];
            queue.try_send(Box::new(call)).map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => StoreError::Overloaded,
                mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
            })?;
        }
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Takes no more jobs, and waits for those that were taken.
    pub(crate) async fn close(&self) {
        self.queues.lock().clear();
        let tasks = std::mem::take(&mut *self.tasks.lock());
        futures::future::join_all(tasks).await;
    }
}

async fn run_writer(shared: Arc<Shared>, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
    let mut batch = Vec::with_capacity(shared.batch_max);
    while jobs.recv_many(&mut batch, shared.batch_max).await > 0 {
        shared.run_batch(std::mem::take(&mut batch)).await;
    }
}

impl Shared {
    /// Commits a batch and answers it. When it fails for a reason that may lie in one of its jobs, each gets its own transaction.
    async fn run_batch(&self, mut batch: Vec<Box<dyn Job>>) {
        let outcome = self.commit(&mut batch).await;
        let one_is_guilty =
            matches!(&outcome, Err(Failure::Conflict(_) | Failure::Store(StoreError::Internal(_) | StoreError::Full)));
        if !one_is_guilty || batch.len() == 1 {
            let outcome = outcome.map_err(StoreError::from);
            batch.into_iter().for_each(|job| job.answer(outcome.clone()));
            return;
        }
        for job in batch {
            let mut single = vec![job];
            let outcome = self.commit(&mut single).await.map_err(StoreError::from);
            single.into_iter().for_each(|job| job.answer(outcome.clone()));
        }
    }

    /// Runs the jobs in one transaction, again when another one was in the way. On any error nothing of it is stored, unless the connection was
    /// lost: then nobody knows.
    async fn commit(&self, batch: &mut [Box<dyn Job>]) -> Outcome<()> {
        let mut backoff_ms = BACKOFF_MS;
        for attempt in 1.. {
            match self.commit_once(batch, attempt > 1).await {
                Err(Failure::Conflict(text)) if attempt < ATTEMPTS_MAX => {
                    tracing::debug!(%text, attempt, "a batch is tried again");
                    tokio::time::sleep(Duration::from_millis(fastrand::u64(..backoff_ms))).await;
                    backoff_ms *= 2;
                }
                outcome => return outcome,
            }
        }
        Err(Failure::internal("no attempt was made"))
    }

    async fn commit_once(&self, batch: &mut [Box<dyn Job>], look_up_client_ids: bool) -> Outcome<()> {
        let mut client = self.pool.get().await?;
        let mut needs = Needs { look_up_client_ids, ..Needs::default() };
        batch.iter().for_each(|job| job.needs(&mut needs));
        match tokio::time::timeout(self.batch_timeout, self.run_in_transaction(&mut client, needs, batch)).await {
            Ok(Err(Failure::Torn(error))) => {
                drop(Object::take(client));
                Err(error.into())
            }
            Ok(outcome) => outcome,
            Err(_) => {
                // Nobody knows what this connection is doing; it does not go back into the pool.
                drop(Object::take(client));
                Err(StoreError::Unavailable("a transaction got no answer".to_owned()).into())
            }
        }
    }

    async fn run_in_transaction(&self, client: &mut Object, needs: Needs, batch: &mut [Box<dyn Job>]) -> Outcome<()> {
        let sql = client.transaction().await?;
        let rows = load(&sql, &needs, self.large_group_members).await?;
        let mut transaction = Transaction::new(&sql, rows, &self.outbox, &self.ids, self.large_group_members);
        for job in batch.iter_mut() {
            job.run(&mut transaction).await?;
        }
        flush(&sql, &transaction.rows).await?;
        let mut rendered = render::entries(&sql, &transaction.renders).await?;
        batch.iter_mut().for_each(|job| job.take_entry(&mut rendered));
        let recorded = !transaction.rows.events.is_empty();
        drop(transaction);
        sql.commit().await?;
        counter!("skein_store_batches_total").increment(1);
        counter!("skein_store_writes_total").increment(batch.len() as u64);
        if recorded {
            self.outbox.wake.notify_one();
        }
        Ok(())
    }
}
