//! Many people at once: logged in with host tokens, so that no time goes into passwords.

use std::{collections::HashMap, ops::Range};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use skein_client::{Address, ConnectOptions, Link, account::Login};
use skein_proto::{
    codec::Codec,
    session::{ClientEvent, ClientSession},
    v1,
};

use super::report::progress;
use crate::command::Error;

/// Log-ins asked for at once, on one link.
const PIPELINE: usize = 128;

/// Logs the people with these numbers in at a server that trusts this key.
pub async fn log_in(
    address: &Address,
    options: &ConnectOptions,
    host_key: &str,
    numbers: Range<usize>,
) -> Result<Vec<Login>, Error> {
    let key = EncodingKey::from_secret(host_key.as_bytes());
    let expires = now_ms() / 1_000 + 3_600;
    let count = numbers.len();
    let mut people = Vec::with_capacity(count);
    // An anonymous link lives for a minute; each takes a share.
    for start in numbers.clone().step_by(2_000) {
        let tokens = (start..numbers.end.min(start + 2_000))
            .map(|number| {
                let claims =
                    json!({"sub": format!("bench-{number}"), "name": format!("Bench {number}"), "exp": expires});
                jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)
            })
            .collect::<Result<Vec<_>, _>>()?;
        people.extend(exchange(address, options, &tokens).await?);
        progress("logging people in", people.len(), count);
    }
    Ok(people)
}

async fn exchange(address: &Address, options: &ConnectOptions, host_tokens: &[String]) -> Result<Vec<Login>, Error> {
    let mut link = Link::connect(address, options).await?;
    let mut session = ClientSession::new(v1::Hello::default());
    session.handle_connected(now_ms());
    let (mut asked, mut open, mut frames) = (0, HashMap::new(), Vec::new());
    let mut logins: Vec<Option<Login>> = vec![None; host_tokens.len()];
    while asked < host_tokens.len() || !open.is_empty() {
        while asked < host_tokens.len() && open.len() < PIPELINE {
            let request = v1::ExchangeHostTokenRequest { host_token: host_tokens[asked].clone(), ..Default::default() };
            let id = session.request("AccountService/ExchangeHostToken", Codec::Binary.encode(&request));
            open.insert(id, asked);
            asked += 1;
        }
        while let Some(frame) = session.poll_frame(now_ms()) {
            link.queue(&frame)?;
        }
        link.flush().await?;
        link.receive(&mut frames).await?;
        for frame in frames.drain(..) {
            session.handle_frame(now_ms(), frame).map_err(|code| format!("{code:?}"))?;
        }
        while let Some(event) = session.poll_event() {
            match event {
                ClientEvent::Response { id, result } => {
                    let body = result.map_err(|error| error.text)?;
                    let answer: v1::ExchangeHostTokenResponse = Codec::Binary.decode(&body)?;
                    let at = open.remove(&id).ok_or("an answer to nothing")?;
                    logins[at] = answer
                        .user
                        .into_option()
                        .zip(answer.tokens.into_option())
                        .map(|(user, tokens)| Login { user, tokens });
                }
                ClientEvent::Closed(code, text) => return Err(format!("{code:?}: {text}").into()),
                _ => {}
            }
        }
    }
    let logins: Option<Vec<Login>> = logins.into_iter().collect();
    Ok(logins.ok_or("a log-in was answered without a user or without tokens")?)
}

/// The wall clock, in Unix milliseconds.
pub fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}
