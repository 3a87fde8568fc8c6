//! A small HTTP/1.1 client of the tests' own, so that no code under test checks itself.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::{Value, json};

use crate::server::Server;

/// How long a test waits for anything before it fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Somebody who is registered.
#[derive(Clone, Debug)]
pub struct Account {
    pub user_id: String,
    pub access: String,
    pub refresh: String,
    pub device_id: String,
}

impl Account {
    /// From the answer of register or log in.
    pub fn from_answer(answer: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        Self {
            user_id: text(&answer["user"]["userId"]),
            access: text(&answer["tokens"]["accessToken"]),
            refresh: text(&answer["tokens"]["refreshToken"]),
            device_id: text(&answer["tokens"]["deviceId"]),
        }
    }
}

/// Sends a request as it is; the stream is left open for the answer.
pub fn open(address: SocketAddr, request: &[u8]) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request).unwrap();
    BufReader::new(stream)
}

/// Reads status line and headers.
pub fn head(stream: &mut impl BufRead) -> (u16, String) {
    let mut text = String::new();
    while !text.ends_with("\r\n\r\n") {
        assert_ne!(stream.read_line(&mut text).unwrap(), 0, "the connection ended in the head: {text:?}");
    }
    let status = text.split_whitespace().nth(1).unwrap().parse().unwrap();
    (status, text.to_ascii_lowercase())
}

/// One request with a JSON body; the status and the whole answer.
pub fn request(address: SocketAddr, method: &str, path: &str, headers: &str, body: &[u8]) -> (u16, String) {
    let mut text = format!(
        "{method} {path} HTTP/1.1\r\nhost: skein\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    )
    .into_bytes();
    text.extend_from_slice(body);
    let mut stream = open(address, &text);
    let (status, head) = head(&mut stream);
    (status, String::from_utf8_lossy(&read_body(&mut stream, &head)).into_owned())
}

/// Reads the rest of an answer whose connection closes after it.
pub fn read_body(stream: &mut impl Read, head: &str) -> Vec<u8> {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    if !head.contains("transfer-encoding: chunked") {
        return answer;
    }
    let (mut whole, mut rest) = (Vec::new(), &answer[..]);
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&rest[..end]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        match size {
            Some(size) if size > 0 && rest.len() >= end + 2 + size + 2 => {
                whole.extend_from_slice(&rest[end + 2..end + 2 + size]);
                rest = &rest[end + 2 + size + 2..];
            }
            _ => break,
        }
    }
    whole
}

/// Calls an operation over HTTP with JSON: the answer, or status and error.
pub fn try_call(server: &Server, token: &str, method: &str, body: &Value) -> Result<Value, (u16, Value)> {
    let mut headers = "content-type: application/json\r\n".to_owned();
    if !token.is_empty() {
        headers += &format!("authorization: Bearer {token}\r\n");
    }
    let (status, answer) =
        request(server.http, "POST", &format!("/skein.v1.{method}"), &headers, body.to_string().as_bytes());
    let value: Value = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{method}: {error} in {answer:?}"));
    if status == 200 { Ok(value) } else { Err((status, value)) }
}

/// Calls an operation that must succeed.
pub fn call(server: &Server, token: &str, method: &str, body: Value) -> Value {
    try_call(server, token, method, &body).unwrap_or_else(|error| panic!("{method} {body}: {error:?}"))
}

/// Calls an operation that must fail; the code of our registry, without its prefix.
pub fn refused(server: &Server, token: &str, method: &str, body: Value) -> String {
    let (_, error) = try_call(server, token, method, &body).expect_err("this must be refused");
    error_code(&error)
}

/// The code in the details of a Connect error.
pub fn error_code(error: &Value) -> String {
    let code = error["details"][0]["debug"]["code"].as_str().unwrap_or_else(|| panic!("no coded detail in {error}"));
    assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "no text in {error}");
    code.trim_start_matches("ERROR_CODE_").to_owned()
}

/// Registers with a password.
pub fn register(server: &Server, name: &str) -> Account {
    let body = json!({"username": name, "password": "a long password"});
    Account::from_answer(&call(server, "", "AccountService/Register", body))
}

/// A client message id.
pub fn uuid(number: u64) -> String {
    format!("01890a5d-ac96-774b-bcce-{number:012x}")
}

/// A text to a person.
pub fn text_to(user_id: &str, number: u64, text: &str) -> Value {
    json!({"userId": user_id, "clientMessageId": uuid(number), "content": {"text": {"text": text}}})
}

/// The conversation of two people.
pub fn direct(one: &Account, other: &Account) -> String {
    let mut ids: [u64; 2] = [&one.user_id, &other.user_id].map(|id| id.parse().unwrap());
    ids.sort_unstable();
    format!("{}:{}", ids[0], ids[1])
}
