//! Opening a data directory: lock, connections, migrations, threads.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};
use skein_store::Result;

use crate::{
    config::SqliteConfig,
    outbox::OutboxState,
    reader::Readers,
    transaction::Transaction,
    writer::{Writer, WriterState},
};

mod migrations {
    refinery::embed_migrations!("migrations");
}

/// Name of the database in the data directory.
pub(crate) const DATABASE: &str = "skein.db";
/// Name of the file whose lock says that a server is running.
const LOCK: &str = "skein.lock";
/// A checkpoint may hold the write lock for a moment; nothing else does.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Size to which the write-ahead log is cut back after a checkpoint, in bytes.
const WAL_BYTES_KEPT: u64 = 64 * 1024 * 1024;

/// Why a data directory cannot be used, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another server has it.
    #[error("another server is already running on {path}; stop it, or choose another --data-dir")]
    AlreadyRunning {
        /// The data directory.
        path: PathBuf,
    },
    /// The directory or its lock file cannot be made.
    #[error("cannot use the data directory {path}: {source}")]
    Directory {
        /// The data directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The database is from a newer version, or a migration failed.
    #[error("the database in {path} cannot be brought up to date: {reason}")]
    Migration {
        /// The data directory.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// SQLite cannot open it.
    #[error("cannot open the database: {0}")]
    Database(#[from] rusqlite::Error),
}

/// The embedded store. Implements every trait of `skein_store`.
#[derive(Debug)]
pub struct SqliteStore {
    pub(crate) writer: Writer,
    pub(crate) readers: Readers,
    pub(crate) config: SqliteConfig,
    pub(crate) outbox: Arc<OutboxState>,
    /// Held for as long as the store is open.
    _lock: File,
}

impl SqliteStore {
    /// Opens the database in this directory, making both if needed, and brings it up to date.
    ///
    /// # Errors
    /// [`OpenError`], which says what to do.
    pub fn open(directory: &Path, config: SqliteConfig) -> std::result::Result<Self, OpenError> {
        let lock = lock(directory)?;
        let path = directory.join(DATABASE);
        let mut connection = Connection::open(&path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        migrate(&mut connection, directory)?;
        configure_writer(&connection, &config)?;
        let outbox = Arc::new(OutboxState::open(&connection)?);
        let state = WriterState::load(connection, config.large_group_members, outbox.clone())?;
        let readers = (0..config.readers.max(1)).map(|_| open_reader(&path)).collect::<rusqlite::Result<Vec<_>>>()?;
        let checkpointer = Connection::open(&path)?;
        checkpointer.busy_timeout(BUSY_TIMEOUT)?;
        Ok(Self {
            writer: Writer::start(state, checkpointer, config.writer_queue_max, config.batch_max),
            readers: Readers::start(readers, config.reader_queue_max),
            config,
            outbox,
            _lock: lock,
        })
    }

    /// Finishes what was accepted, and closes. Later operations answer `Closed`.
    pub fn close(&self) {
        self.readers.close();
        self.writer.close();
    }

    /// Completes when the store has stopped by itself after a failed fsync: the process should end, a restart recovers what was acked.
    pub async fn failed(&self) {
        self.writer.failed().await;
    }

    /// Runs a job in the writer's next transaction; answers after its commit. The job may run twice, so it must not keep anything from the first time; it checks
    /// everything before it changes anything.
    pub(crate) async fn write<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Transaction<'_>) -> Result<T> + Send + 'static,
    {
        self.writer.run(job).await
    }

    /// Runs a read in a snapshot that has everything answered before.
    pub(crate) async fn read<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        self.readers.run(job).await
    }
}

/// Brings the database up to date.
pub(crate) fn migrate(connection: &mut Connection, directory: &Path) -> std::result::Result<(), OpenError> {
    let report = migrations::migrations::runner().run(connection);
    report.map(drop).map_err(|error| OpenError::Migration { path: directory.to_owned(), reason: error.to_string() })
}

pub(crate) fn lock(directory: &Path) -> std::result::Result<File, OpenError> {
    let wrong = |source| OpenError::Directory { path: directory.to_owned(), source };
    std::fs::create_dir_all(directory).map_err(wrong)?;
    let file = File::create(directory.join(LOCK)).map_err(wrong)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::AlreadyRunning { path: directory.to_owned() }),
        Err(TryLockError::Error(source)) => Err(wrong(source)),
    }
}

fn configure_writer(connection: &Connection, config: &SqliteConfig) -> rusqlite::Result<()> {
    // Checkpoints are made by a thread of their own, off the commit path.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT as i64)?;
    connection.pragma_update(None, "cache_size", -i64::from(config.cache_kib))?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    if config.database_pages_max > 0 {
        connection.pragma_update(None, "max_page_count", config.database_pages_max)?;
    }
    connection.set_prepared_statement_cache_capacity(256);
    Ok(())
}

fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}
