//! What can go wrong for an application.

use skein_proto::v1::{self, CloseCode};

/// The failure of a call or a connection.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ClientError {
    /// The server answered with an error; its code says which.
    #[error("{}", .0.text)]
    Refused(Box<v1::Error>),
    /// The server closed the link for good, and said why.
    #[error("the server closed the link: {1}")]
    Closed(CloseCode, String),
    /// The connection could not be made, or was lost. Where it can, the SDK repeats by itself instead.
    #[error("no connection: {0}")]
    Connection(String),
    /// The address is not one of ours.
    #[error("{0}: write http://host:port, https://host:port or tcp://host:port")]
    Address(String),
    /// The server sent what we cannot understand.
    #[error("the server does not speak our protocol: {0}")]
    Protocol(String),
    /// The client was stopped.
    #[error("the client was stopped")]
    Stopped,
}

impl ClientError {
    /// The code of a refusal.
    pub fn code(&self) -> Option<v1::ErrorCode> {
        match self {
            Self::Refused(error) => error.code.as_known(),
            _ => None,
        }
    }
}

impl From<std::io::Error> for ClientError {
    fn from(error: std::io::Error) -> Self {
        // What carries the stream may know more than that it is lost.
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        Self::Connection(format!("{error}{cause}"))
    }
}
