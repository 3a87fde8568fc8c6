//! What an operation answers when it fails: a wire code and a text for people. Internal detail stays in the log.

use skein_proto::{codec::Malformed, id::InvalidId, v1, v1::ErrorCode};
use skein_store::{Refusal, StoreError};

/// A failed operation. The text is public.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code:?}: {text}")]
pub struct Failure {
    /// For programs.
    pub code: ErrorCode,
    /// For people.
    pub text: String,
    /// Advice for retryable codes; 0 is none.
    pub retry_after_ms: u32,
}

impl Failure {
    /// A failure with this code and public text.
    pub fn new(code: ErrorCode, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), retry_after_ms: 0 }
    }
    /// A field is missing, malformed or out of range.
    pub fn invalid(text: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidArgument, text)
    }
    /// More than somebody may do; it may be tried again after this time.
    pub fn rate_limited(text: impl Into<String>, retry_after_ms: u32) -> Self {
        Self { retry_after_ms, ..Self::new(ErrorCode::RateLimited, text) }
    }
    /// Something broke inside; `detail` goes to the log only.
    pub fn internal(detail: impl std::fmt::Display) -> Self {
        tracing::error!(%detail, "internal failure");
        Self::new(ErrorCode::Internal, "something went wrong on the server; its log says what")
    }
}

/// True for codes after which the same request may succeed later.
pub fn is_retryable(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Unavailable
            | ErrorCode::Overloaded
            | ErrorCode::RateLimited
            | ErrorCode::StoreFull
            | ErrorCode::Timeout
    )
}

impl From<Failure> for v1::Error {
    fn from(failure: Failure) -> Self {
        v1::Error {
            retryable: is_retryable(failure.code),
            code: failure.code.into(),
            text: failure.text,
            retry_after_ms: failure.retry_after_ms,
            ..Default::default()
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(refusal) => refusal.into(),
            StoreError::Overloaded => Self {
                code: ErrorCode::Overloaded,
                text: "too many writes are waiting; try again shortly".into(),
                retry_after_ms: 200,
            },
            StoreError::Full => Self {
                code: ErrorCode::StoreFull,
                text: "the server's disk is full; nothing was stored".into(),
                retry_after_ms: 5_000,
            },
            StoreError::Closed => Self::new(ErrorCode::Unavailable, "the server is stopping; reconnect"),
            StoreError::Unavailable(detail) => {
                tracing::warn!(%detail, "the database is not available");
                Self {
                    code: ErrorCode::Unavailable,
                    text: "the server cannot reach its database; try again".into(),
                    retry_after_ms: 1_000,
                }
            }
            StoreError::Internal(detail) => Self::internal(detail),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let (code, text) = match refusal {
            Refusal::NotFound => (ErrorCode::NotFound, "it does not exist, or you may not know of it"),
            Refusal::AlreadyExists => (ErrorCode::AlreadyExists, "that name is taken"),
            Refusal::NotAMember => (ErrorCode::NotAMember, "you are not in this conversation"),
            Refusal::Forbidden => (ErrorCode::Forbidden, "your role does not allow this"),
            Refusal::Blocked => (ErrorCode::Blocked, "this person does not take messages from you"),
            Refusal::NotSender => (ErrorCode::NotSender, "only the sender may do this"),
            Refusal::WindowPassed => (ErrorCode::WindowPassed, "it is too late for this"),
            Refusal::MessageGone => (ErrorCode::MessageGone, "the message was recalled or deleted"),
            Refusal::LimitReached => (ErrorCode::LimitReached, "a limit of this server was reached"),
        };
        Self::new(code, text)
    }
}

impl From<Malformed> for Failure {
    fn from(malformed: Malformed) -> Self {
        Self::new(ErrorCode::Malformed, malformed.to_string())
    }
}

impl From<InvalidId> for Failure {
    fn from(invalid: InvalidId) -> Self {
        Self::invalid(invalid.to_string())
    }
}
