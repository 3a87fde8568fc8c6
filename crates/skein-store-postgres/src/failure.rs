//! What PostgreSQL says, in our words.

use deadpool_postgres::{PoolError, TimeoutType};
use skein_store::{Refusal, StoreError};
use tokio_postgres::error::SqlState;

/// Result of everything inside this crate.
pub(crate) type Outcome<T> = std::result::Result<T, Failure>;

/// Why something did not work.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// The answer to the caller.
    Store(StoreError),
    /// Another transaction was in the way: the same batch may succeed when it is tried again.
    Conflict(String),
    /// The connection's answers do not belong to their questions any more: it must not be used again.
    Torn(StoreError),
}

impl Failure {
    pub(crate) fn internal(text: impl Into<String>) -> Self {
        Self::Store(StoreError::Internal(text.into()))
    }

    /// A refusal is an answer; everything else spoils the transaction.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::Store(StoreError::Refused(_)))
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Store(error) | Failure::Torn(error) => error,
            Failure::Conflict(text) => Self::Unavailable(text),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Store(refusal.into())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        let text = describe(&error);
        match error.code() {
            Some(code) => from_state(code, text),
            // The text of a decoding error names a column; everything else without a code is the connection.
            None if error.is_closed() || is_io(&error) => Self::Store(StoreError::Unavailable(text)),
            None => Self::internal(text),
        }
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Timeout(TimeoutType::Wait) => Self::Store(StoreError::Overloaded),
            PoolError::Closed => Self::Store(StoreError::Closed),
            PoolError::Backend(error) => Self::Store(StoreError::Unavailable(describe(&error))),
            other => Self::Store(StoreError::Unavailable(other.to_string())),
        }
    }
}

fn from_state(code: &SqlState, text: String) -> Failure {
    /// `deadlock_detected`, `serialization_failure`, `unique_violation`, `lock_not_available`: two transactions wanted the same.
    /// `in_failed_sql_transaction`: of statements that travelled together an earlier one was refused, and the next attempt may say why.
    const CONFLICTS: [SqlState; 5] = [
        SqlState::IN_FAILED_SQL_TRANSACTION,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::UNIQUE_VIOLATION,
        SqlState::LOCK_NOT_AVAILABLE,
    ];
    if CONFLICTS.contains(code) {
        return Failure::Conflict(text);
    }
    if *code == SqlState::DISK_FULL {
        return StoreError::Full.into();
    }
    // Classes: 08 connection, 53 resources, 57 operator (timeouts, shutdown), 25006 a standby.
    let away = ["08", "53", "57"].iter().any(|class| code.code().starts_with(class));
    if away || *code == SqlState::READ_ONLY_SQL_TRANSACTION || *code == SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT {
        return StoreError::Unavailable(text).into();
    }
    Failure::internal(text)
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if inner.is::<std::io::Error>() {
            return true;
        }
        source = inner.source();
    }
    false
}

/// The error with its causes: tokio-postgres alone says only "db error".
pub(crate) fn describe(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(said) => format!("{} ({})", said.message(), said.code().code()),
        None => match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_their_meaning() {
        let of = |code: &str| StoreError::from(from_state(&SqlState::from_code(code), String::new()));
        assert!(matches!(of("53100"), StoreError::Full));
        for away in ["08006", "53300", "57014", "57P01", "25006"] {
            assert!(matches!(of(away), StoreError::Unavailable(_)), "{away}");
        }
        assert!(matches!(of("42P01"), StoreError::Internal(_)));
        for conflict in ["40001", "40P01", "23505", "55P03", "25P02"] {
            assert!(matches!(from_state(&SqlState::from_code(conflict), String::new()), Failure::Conflict(_)));
        }
    }
}
