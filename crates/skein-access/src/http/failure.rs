//! Errors of our registry in the words of Connect and HTTP.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use connectrpc::{ConnectError, ErrorCode as Connect, ErrorDetail};
use skein_proto::v1::{self, ErrorCode};

/// The Connect error for one of ours: its text, and all of it as a detail, readable in JSON too.
pub(super) fn connect_error(error: &v1::Error) -> ConnectError {
    let mut detail = ErrorDetail::from_message("skein.v1.Error", error);
    detail.debug = serde_json::to_value(error).ok();
    ConnectError::new(connect_code(error.code.as_known().unwrap_or_default()), error.text.clone()).with_detail(detail)
}

fn connect_code(code: ErrorCode) -> Connect {
    match code {
        ErrorCode::InvalidArgument | ErrorCode::Malformed | ErrorCode::TooLarge => Connect::InvalidArgument,
        ErrorCode::UnknownMethod => Connect::Unimplemented,
        ErrorCode::Unauthenticated
        | ErrorCode::TokenExpired
        | ErrorCode::TokenRevoked
        | ErrorCode::WrongCredentials
        | ErrorCode::RefreshReused => Connect::Unauthenticated,
        ErrorCode::AccountSuspended
        | ErrorCode::LoginRefused
        | ErrorCode::RegistrationClosed
        | ErrorCode::NotAMember
        | ErrorCode::Forbidden
        | ErrorCode::Blocked
        | ErrorCode::NotSender => Connect::PermissionDenied,
        ErrorCode::NotFound => Connect::NotFound,
        ErrorCode::AlreadyExists => Connect::AlreadyExists,
        ErrorCode::WindowPassed | ErrorCode::MessageGone | ErrorCode::NotInRoom | ErrorCode::SessionNeeded => {
            Connect::FailedPrecondition
        }
        ErrorCode::LimitReached | ErrorCode::Overloaded | ErrorCode::RateLimited | ErrorCode::StoreFull => {
            Connect::ResourceExhausted
        }
        ErrorCode::Unavailable => Connect::Unavailable,
        ErrorCode::Timeout => Connect::DeadlineExceeded,
        _ => Connect::Internal,
    }
}

/// An answer for one of our errors, outside of operations.
pub(super) fn of(error: &v1::Error) -> Response {
    let error = connect_error(error);
    (error.http_status(), [(header::CONTENT_TYPE, "application/json")], error.to_json()).into_response()
}

/// An answer with a code and a text.
pub(super) fn response(status: StatusCode, code: ErrorCode, text: &str) -> Response {
    let error = connect_error(&v1::Error { code: code.into(), text: text.to_owned(), ..Default::default() });
    (status, [(header::CONTENT_TYPE, "application/json")], error.to_json()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_its_text_and_travels_whole_as_a_detail() {
        let error =
            v1::Error { code: ErrorCode::NotAMember.into(), text: "not yours".to_owned(), ..Default::default() };
        let sent = connect_error(&error);
        assert_eq!((sent.code, sent.message.as_deref()), (Connect::PermissionDenied, Some("not yours")));
        let body: serde_json::Value = serde_json::from_slice(&sent.to_json()).unwrap();
        assert_eq!(body["details"][0]["type"], "skein.v1.Error");
        assert!(body["details"][0]["debug"]["code"].is_string(), "{body}");
    }

    #[test]
    fn statuses_say_whose_fault_it_is() {
        for (code, status) in [
            (ErrorCode::Malformed, 400),
            (ErrorCode::TokenExpired, 401),
            (ErrorCode::NotSender, 403),
            (ErrorCode::NotFound, 404),
            (ErrorCode::AlreadyExists, 409),
            (ErrorCode::Overloaded, 429),
            (ErrorCode::Unavailable, 503),
            (ErrorCode::Unspecified, 500),
        ] {
            let error = v1::Error { code: code.into(), ..Default::default() };
            assert_eq!(of(&error).status(), status, "{code:?}");
        }
    }
}
