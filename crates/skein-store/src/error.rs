//! What can go wrong in a store: refusals that the caller's request earned, and failures of the store itself.

/// Why a well-formed request was refused. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The thing named does not exist.
    #[error("not found")]
    NotFound,
    /// A unique name or id is taken.
    #[error("already exists")]
    AlreadyExists,
    /// The caller is not, or no longer, a member of the conversation (or the conversation does not exist).
    #[error("not a member")]
    NotAMember,
    /// The caller's role does not allow it.
    #[error("forbidden")]
    Forbidden,
    /// The receiver blocked the sender.
    #[error("blocked")]
    Blocked,
    /// Only the sender may do this.
    #[error("not the sender")]
    NotSender,
    /// Too late to recall or edit.
    #[error("window passed")]
    WindowPassed,
    /// The message was recalled or deleted.
    #[error("message gone")]
    MessageGone,
    /// A limit was reached.
    #[error("limit reached")]
    LimitReached,
}

/// The failure of a storage operation.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The request was refused; see [`Refusal`].
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    /// A bounded queue of the store is full; try again later.
    #[error("the store is overloaded")]
    Overloaded,
    /// The disk is full: nothing was stored. Writes succeed again when there is room.
    #[error("the disk is full")]
    Full,
    /// The store is shutting down, or stopped after a failed fsync.
    #[error("the store is closed")]
    Closed,
    /// The database could not be reached or did not answer in time. Whether a write was stored is unknown: repeat it, as after a lost connection.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// Anything else; the text is for the log, not for the peer.
    #[error("store: {0}")]
    Internal(String),
}
