//! Every way on which clients reach the server, for tests: links over WebSocket, TCP and QUIC, and receiving over HTTP by a stream or by polling.
//!
//! On a [`Way`] somebody says hello; a [`Peer`] calls and takes pushes, whatever carries them.

use std::{
    io::{BufRead as _, BufReader},
    net::TcpStream,
};

use serde_json::{Value, json};
use skein_client::Address;
use skein_proto::{
    codec::Codec,
    v1::{self, frame::Body},
};

use crate::{
    http::{self, error_code, text_to, try_call},
    pipe::Pipe,
    server::{QUIC, Server},
};

/// A way to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    WebSocket,
    Tcp,
    Quic,
    WebTransport,
    /// `GET /v1/events`, and calls over HTTP.
    Events,
    /// `GET /v1/poll`, and calls over HTTP.
    Poll,
}

/// What a session needs to be resumed.
#[derive(Clone, Debug)]
pub struct Seat {
    session_id: bytes::Bytes,
    received: u64,
}

/// Somebody connected.
pub struct Peer<'a> {
    server: &'a Server,
    token: String,
    seat: Seat,
    pub resumed: bool,
    wire: Wire,
    texts: Vec<String>,
    next_id: u32,
}

enum Wire {
    Link(Box<Pipe>),
    Events(BufReader<TcpStream>),
    Poll,
}

impl Way {
    /// A server that offers all ways.
    pub fn server(more: &[(&str, &str)]) -> Server {
        Server::start_with(&[&QUIC[..], &[("SKEIN__ACCESS__WEB_TRANSPORT", "true")], more].concat())
    }

    pub fn address(self, server: &Server) -> Address {
        let text = match self {
            Self::Tcp => format!("tcp://{}", server.tcp),
            Self::Quic => format!("quic://{}", server.quic.expect("a server with QUIC")),
            _ => format!("http://{}", server.http),
        };
        text.parse().unwrap()
    }

    /// Connects and says hello; the code of the refusal.
    pub fn join<'a>(self, server: &'a Server, token: &str, resume: Option<&Seat>) -> Result<Peer<'a>, String> {
        let peer = |wire, seat, resumed| Peer {
            server,
            token: token.to_owned(),
            seat,
            resumed,
            wire,
            texts: Vec::new(),
            next_id: 1,
        };
        let received = resume.map_or(0, |seat| seat.received);
        match self {
            Self::WebSocket | Self::Tcp | Self::Quic | Self::WebTransport => {
                let mut pipe = match Pipe::try_open(server, self) {
                    Ok(pipe) => pipe,
                    // QUIC may be told before there is a stream to say it in.
                    Err(error) if error.to_string().contains("(code 4102)") => return Err("OVERLOADED".to_owned()),
                    Err(error) => panic!("{error}"),
                };
                let resume = resume.map(|seat| v1::Resume {
                    session_id: seat.session_id.clone(),
                    received_link_seq: seat.received,
                    ..Default::default()
                });
                let hello = v1::Hello { token: token.to_owned(), resume: resume.into(), ..Default::default() };
                pipe.say(hello.into());
                match pipe.next() {
                    Some(Body::Welcome(welcome)) => {
                        let received = if welcome.resumed { received } else { 0 };
                        let seat = Seat { session_id: welcome.session_id.clone(), received };
                        Ok(peer(Wire::Link(Box::new(pipe)), seat, welcome.resumed))
                    }
                    Some(Body::Close(close)) => Err(close_name(&close)),
                    other => panic!("neither welcome nor close: {other:?}"),
                }
            }
            Self::Events => {
                let (get, session) = (format!("/v1/events?ack={received}"), session_header(resume));
                let request =
                    format!("GET {get} HTTP/1.1\r\nhost: skein\r\nauthorization: Bearer {token}\r\n{session}\r\n");
                let mut stream = http::open(server.http, request.as_bytes());
                let (status, head) = http::head(&mut stream);
                if status != 200 {
                    let body = http::read_body(&mut stream, &head);
                    return Err(error_code(&serde_json::from_slice(&body).unwrap()));
                }
                let welcome = event(&mut stream)["welcome"].clone();
                let seat = Seat { session_id: base64(&welcome["sessionId"]), received };
                Ok(peer(Wire::Events(stream), seat, welcome["resumed"] == true))
            }
            Self::Poll => {
                let answer = poll(server, token, resume, received, 0)?;
                let seat = Seat { session_id: base64(&answer["sessionId"]), received };
                let mut peer = peer(Wire::Poll, seat, answer["resumed"] == true);
                peer.take_polled(&answer);
                Ok(peer)
            }
        }
    }
}

pub fn close_name(close: &v1::Close) -> String {
    close.code.as_known().map_or("none".to_owned(), |code| format!("{code:?}").replace("CLOSE_CODE_", ""))
}

fn session_header(resume: Option<&Seat>) -> String {
    use base64::Engine as _;
    let encode = |seat: &Seat| base64::engine::general_purpose::STANDARD.encode(&seat.session_id);
    resume.map(|seat| format!("skein-session: {}\r\n", encode(seat))).unwrap_or_default()
}

fn base64(value: &Value) -> bytes::Bytes {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(value.as_str().unwrap()).unwrap().into()
}

/// The next frame of a stream of lines of JSON, past keep-alives and the sizes of chunks.
fn event(stream: &mut BufReader<TcpStream>) -> Value {
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).unwrap() == 0 {
            return Value::Null;
        }
        if line.starts_with('{') {
            return serde_json::from_str(&line).unwrap();
        }
    }
}

fn poll(server: &Server, token: &str, seat: Option<&Seat>, ack: u64, wait_ms: u64) -> Result<Value, String> {
    let headers = format!("authorization: Bearer {token}\r\n{}", session_header(seat));
    let path = format!("/v1/poll?wait_ms={wait_ms}&ack={ack}");
    let (status, text) = http::request(server.http, "GET", &path, &headers, b"");
    let answer: Value = serde_json::from_str(&text).unwrap();
    if status == 200 { Ok(answer) } else { Err(error_code(&answer)) }
}

impl Peer<'_> {
    /// Sends a text to somebody: its seq, or the code of the refusal.
    pub fn send(&mut self, to: &str, number: u64, text: &str) -> Result<u64, String> {
        let answer = self.call("MessageService/SendMessage", text_to(to, number, text))?;
        Ok(answer["seq"].as_str().unwrap().parse().unwrap())
    }

    /// Calls one of the operations that these tests know.
    pub fn call(&mut self, method: &str, body: Value) -> Result<Value, String> {
        let Wire::Link(pipe) = &mut self.wire else {
            return try_call(self.server, &self.token, method, &body).map_err(|(_, error)| error_code(&error));
        };
        let text = body.to_string();
        let body = match method {
            "MessageService/SendMessage" => {
                let request: v1::SendMessageRequest = Codec::Json.decode(text.as_bytes()).unwrap();
                Codec::Binary.encode(&request)
            }
            _ => bytes::Bytes::new(),
        };
        self.next_id += 1;
        let request = v1::Request { id: self.next_id, method: method.to_owned(), body, ..Default::default() };
        pipe.say(request.into());
        loop {
            match pipe.next() {
                None => return Err("ENDED".to_owned()),
                Some(Body::Response(response)) if response.id == self.next_id => {
                    return match response.error.into_option() {
                        Some(error) => Err(error_name(&error)),
                        None => Ok(decoded(method, &response.body)),
                    };
                }
                Some(Body::Push(push)) => take_pushed(&mut self.seat, &mut self.texts, &push),
                Some(Body::Close(close)) => return Err(close_name(&close)),
                other => panic!("neither a push nor the response: {other:?}"),
            }
        }
    }

    /// Waits for the text of the next message.
    pub fn text(&mut self) -> String {
        while self.texts.is_empty() {
            match &mut self.wire {
                Wire::Link(pipe) => match pipe.next() {
                    Some(Body::Push(push)) => take_pushed(&mut self.seat, &mut self.texts, &push),
                    other => panic!("no push: {other:?}"),
                },
                Wire::Events(stream) => {
                    let frame = event(stream);
                    assert!(!frame.is_null(), "the stream ended");
                    self.take_json(&frame["push"].clone());
                }
                Wire::Poll => {
                    let answer = poll(self.server, &self.token, Some(&self.seat), self.seat.received, 10_000).unwrap();
                    self.take_polled(&answer);
                }
            }
        }
        self.texts.remove(0)
    }

    /// Waits for the end: the name of the code that says why.
    pub fn end(&mut self) -> String {
        loop {
            match &mut self.wire {
                Wire::Link(pipe) => match pipe.next() {
                    Some(Body::Close(close)) => return close_name(&close),
                    Some(_) => {}
                    None => return "none".to_owned(),
                },
                Wire::Events(stream) => match event(stream) {
                    Value::Null => return "none".to_owned(),
                    frame => {
                        if let Some(code) = frame["close"]["code"].as_str() {
                            return code.trim_start_matches("CLOSE_CODE_").to_owned();
                        }
                    }
                },
                Wire::Poll => panic!("a poll is not kept"),
            }
        }
    }

    /// Goes without a word, as a network does; what is needed to come back.
    pub fn drop_off(self) -> Seat {
        self.seat
    }

    fn take_polled(&mut self, answer: &Value) {
        for push in answer["pushes"].as_array().unwrap() {
            self.take_json(push);
        }
    }

    fn take_json(&mut self, push: &Value) {
        let Some(text) = push["linkSeq"].as_str() else { return };
        let link_seq: u64 = text.parse().unwrap();
        if link_seq > self.seat.received {
            self.seat.received = link_seq;
            let events = push["events"].as_array().unwrap().iter();
            let texts = events.filter_map(|event| event["message"]["message"]["content"]["text"]["text"].as_str());
            self.texts.extend(texts.map(str::to_owned));
        }
    }
}

fn error_name(error: &v1::Error) -> String {
    error.code.as_known().map_or("none".to_owned(), |code| format!("{code:?}").replace("ERROR_CODE_", ""))
}

fn decoded(method: &str, body: &[u8]) -> Value {
    match method {
        "MessageService/SendMessage" => {
            let answer: v1::SendMessageResponse = Codec::Binary.decode(body).unwrap();
            json!({"seq": answer.seq.to_string()})
        }
        "AccountService/GetMe" => {
            let answer: v1::GetMeResponse = Codec::Binary.decode(body).unwrap();
            json!({"user": {"username": answer.user.username}})
        }
        _ => Value::Null,
    }
}

fn take_pushed(seat: &mut Seat, texts: &mut Vec<String>, push: &v1::Push) {
    if push.link_seq > seat.received {
        seat.received = push.link_seq;
        for event in &push.events {
            if let Some(v1::event::Body::Message(message)) = &event.body
                && let Some(v1::content::Body::Text(text)) = &message.message.content.body
            {
                texts.push(text.text.clone());
            }
        }
    }
}
