//! Becoming somebody: each of these opens an anonymous link, asks once, and closes it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use skein_proto::{
    codec::{Body, Codec},
    session::{ClientEvent, ClientSession},
    v1,
};

use crate::{Address, ClientError, ConnectOptions, Link};

/// How long the answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// A person on a device, with the tokens that prove it.
#[derive(Clone, Debug)]
pub struct Login {
    /// The person.
    pub user: v1::User,
    /// The tokens; the SDK refreshes them.
    pub tokens: v1::Tokens,
}

impl Login {
    fn from_answer(user: Option<v1::User>, tokens: Option<v1::Tokens>) -> Result<Self, ClientError> {
        match (user, tokens) {
            (Some(user), Some(tokens)) => Ok(Self { user, tokens }),
            _ => Err(ClientError::Protocol("an answer without user or tokens".to_owned())),
        }
    }
}

fn device(name: &str) -> v1::DeviceInfo {
    v1::DeviceInfo { platform: v1::Platform::Terminal.into(), name: name.to_owned(), ..Default::default() }
}

/// Makes an account and logs in.
///
/// # Errors
/// `ALREADY_EXISTS`, `INVALID_ARGUMENT`, `REGISTRATION_CLOSED`, or no connection.
pub async fn register(
    address: &Address,
    options: &ConnectOptions,
    username: &str,
    password: &str,
    device_name: &str,
) -> Result<Login, ClientError> {
    let request = v1::RegisterRequest {
        username: username.to_owned(),
        password: password.to_owned(),
        device: device(device_name).into(),
        ..Default::default()
    };
    let answer: v1::RegisterResponse = call(address, options, "AccountService/Register", &request).await?;
    Login::from_answer(answer.user.into_option(), answer.tokens.into_option())
}

/// Logs in with a password.
///
/// # Errors
/// `WRONG_CREDENTIALS`, `ACCOUNT_SUSPENDED`, `LOGIN_REFUSED`, or no connection.
pub async fn log_in(
    address: &Address,
    options: &ConnectOptions,
    username: &str,
    password: &str,
    device_name: &str,
) -> Result<Login, ClientError> {
    let request = v1::LogInRequest {
        username: username.to_owned(),
        password: password.to_owned(),
        device: device(device_name).into(),
        ..Default::default()
    };
    let answer: v1::LogInResponse = call(address, options, "AccountService/LogIn", &request).await?;
    Login::from_answer(answer.user.into_option(), answer.tokens.into_option())
}

/// Logs in with a token that the host application minted.
///
/// # Errors
/// `UNAUTHENTICATED`, `TOKEN_EXPIRED`, `FORBIDDEN` (the server takes none), or no connection.
pub async fn exchange_host_token(
    address: &Address,
    options: &ConnectOptions,
    host_token: &str,
    device_name: &str,
) -> Result<Login, ClientError> {
    let request = v1::ExchangeHostTokenRequest {
        host_token: host_token.to_owned(),
        device: device(device_name).into(),
        ..Default::default()
    };
    let answer: v1::ExchangeHostTokenResponse =
        call(address, options, "AccountService/ExchangeHostToken", &request).await?;
    Login::from_answer(answer.user.into_option(), answer.tokens.into_option())
}

/// Exchanges a refresh token for new tokens. It works once.
///
/// # Errors
/// `UNAUTHENTICATED`, `TOKEN_EXPIRED`, `REFRESH_REUSED`: log in again.
pub async fn refresh(
    address: &Address,
    options: &ConnectOptions,
    refresh_token: &str,
) -> Result<v1::Tokens, ClientError> {
    let request = v1::RefreshTokenRequest { refresh_token: refresh_token.to_owned(), ..Default::default() };
    let answer: v1::RefreshTokenResponse = call(address, options, "AccountService/RefreshToken", &request).await?;
    answer.tokens.into_option().ok_or_else(|| ClientError::Protocol("an answer without tokens".to_owned()))
}

/// Asks one thing on an anonymous link.
///
/// # Errors
/// What the server refuses with, or no connection.
pub async fn call<Q: Body, A: Body>(
    address: &Address,
    options: &ConnectOptions,
    method: &str,
    request: &Q,
) -> Result<A, ClientError> {
    let mut link = Link::connect(address, options).await?;
    let asking = ask(&mut link, method, Codec::Binary.encode(request));
    let body = tokio::time::timeout(ANSWER_MAX, asking)
        .await
        .unwrap_or_else(|_| Err(ClientError::Connection("no answer in time".to_owned())))?;
    Codec::Binary.decode(&body).map_err(|error| ClientError::Protocol(error.to_string()))
}

async fn ask(link: &mut Link, method: &str, body: bytes::Bytes) -> Result<bytes::Bytes, ClientError> {
    let mut session = ClientSession::new(v1::Hello { client: crate::driver::CLIENT.to_owned(), ..Default::default() });
    session.handle_connected(now_ms());
    session.request(method, body);
    let mut frames = Vec::new();
    loop {
        while let Some(frame) = session.poll_frame(now_ms()) {
            link.queue(&frame)?;
        }
        link.flush().await?;
        link.receive(&mut frames).await?;
        for frame in frames.drain(..) {
            session
                .handle_frame(now_ms(), frame)
                .map_err(|code| ClientError::Protocol(format!("an unexpected frame ({code:?})")))?;
        }
        while let Some(event) = session.poll_event() {
            match event {
                ClientEvent::Response { result, .. } => return result.map_err(ClientError::Refused),
                ClientEvent::Closed(code, text) => return Err(ClientError::Closed(code, text)),
                _ => {}
            }
        }
    }
}

/// The wall clock, in Unix milliseconds.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
