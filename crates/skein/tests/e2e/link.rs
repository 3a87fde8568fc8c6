//! A small WebSocket client of the tests' own: JSON frames, and raw bytes for those that must be refused.

use std::{
    collections::VecDeque,
    io::{BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
};

use serde_json::{Value, json};

use crate::{
    http::{self, Account},
    server::Server,
};

/// A WebSocket frame as it came.
#[derive(Debug, PartialEq)]
pub struct RawFrame {
    pub opcode: u8,
    pub payload: Vec<u8>,
}

/// An open WebSocket.
pub struct Link {
    stream: BufReader<TcpStream>,
    next_id: u64,
    /// Messages that came in one push with another one.
    pushed: VecDeque<Value>,
    /// The welcome, once said hello.
    pub welcome: Value,
    /// What came of live rooms while something else was waited for.
    rooms: VecDeque<Value>,
    /// Signals and presence that did.
    passing: VecDeque<Value>,
}

impl Link {
    /// Upgrades with the JSON subprotocol; says nothing yet.
    pub fn open(address: SocketAddr) -> Self {
        let request = "GET /link HTTP/1.1\r\nhost: skein\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
            sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
            sec-websocket-protocol: skein.v1.json\r\n\r\n";
        let mut stream = http::open(address, request.as_bytes());
        let (status, head) = http::head(&mut stream);
        assert_eq!(status, 101, "{head}");
        assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
        assert!(head.contains("sec-websocket-protocol: skein.v1.json"), "{head}");
        Self {
            stream,
            next_id: 1,
            pushed: VecDeque::new(),
            welcome: Value::Null,
            rooms: VecDeque::new(),
            passing: VecDeque::new(),
        }
    }

    /// Upgrades and says hello with a token; the server must welcome it.
    pub fn connect(server: &Server, account: &Account) -> Self {
        Self::hello(server, json!({"token": account.access}))
    }

    /// Upgrades and says this hello; the server must welcome it.
    pub fn hello(server: &Server, hello: Value) -> Self {
        let mut link = Self::open(server.http);
        link.send(&json!({"hello": hello}));
        link.welcome = link.receive()["welcome"].clone();
        assert!(link.welcome.is_object(), "no welcome");
        link
    }

    /// Sends one frame of the protocol.
    pub fn send(&mut self, frame: &Value) {
        self.send_raw(0x81, frame.to_string().as_bytes());
    }

    /// Sends a masked WebSocket frame with this first byte.
    pub fn send_raw(&mut self, first: u8, payload: &[u8]) {
        let mut bytes = vec![first];
        match payload.len() {
            length @ 0..126 => bytes.push(0x80 | length as u8),
            length @ 126..65_536 => {
                bytes.push(0x80 | 126);
                bytes.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                bytes.push(0x80 | 127);
                bytes.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        let mask = [1, 2, 3, 4];
        bytes.extend_from_slice(&mask);
        bytes.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
        self.send_bytes(&bytes);
    }

    /// Writes bytes as they are. A server that has closed already is fine.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = self.stream.get_mut().write_all(bytes);
    }

    /// The next WebSocket frame; `None` when the connection has ended.
    pub fn receive_raw(&mut self) -> Option<RawFrame> {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).ok()?;
        assert_eq!(head[1] & 0x80, 0, "a server must not mask");
        let length = match head[1] {
            126 => u64::from(u16::from_be_bytes(self.bytes())),
            127 => u64::from_be_bytes(self.bytes()),
            length => u64::from(length),
        };
        let mut payload = vec![0; length as usize];
        self.stream.read_exact(&mut payload).ok()?;
        Some(RawFrame { opcode: head[0] & 0x0f, payload })
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// The next frame of the protocol.
    pub fn receive(&mut self) -> Value {
        let frame = self.receive_raw().expect("the connection ended");
        assert_eq!(frame.opcode, 1, "not text: {frame:?}");
        serde_json::from_slice(&frame.payload).unwrap()
    }

    /// Sends a request; its id.
    pub fn request(&mut self, method: &str, body: Value) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({"request": {"id": id, "method": method, "json": body}}));
        id
    }

    /// Sends a request and waits for its response, past any pushes.
    pub fn call(&mut self, method: &str, body: Value) -> Result<Value, String> {
        let id = self.request(method, body);
        loop {
            let frame = self.receive();
            if let Some(answer) = answer_in(&frame, id) {
                return answer;
            }
            if frame["roomPush"].is_object() {
                self.rooms.push_back(frame["roomPush"].clone());
                continue;
            }
            assert!(frame["push"].is_object(), "neither a push nor the response: {frame}");
            self.keep_passing(&frame);
        }
    }

    /// Waits for the next push of a live room.
    pub fn room_push(&mut self) -> Value {
        loop {
            if let Some(push) = self.rooms.pop_front() {
                return push;
            }
            let mut frame = self.receive();
            if frame["roomPush"].is_object() {
                self.rooms.push_back(frame["roomPush"].take());
            }
        }
    }

    fn keep_passing(&mut self, frame: &Value) {
        let events = frame["push"]["events"].as_array().into_iter().flatten();
        self.passing.extend(events.filter(|event| !event["signal"].is_null() || !event["presence"].is_null()).cloned());
    }

    /// Waits for the next event of this name that nobody can pull: `signal` or `presence`.
    pub fn passing(&mut self, name: &str) -> Value {
        loop {
            if let Some(at) = self.passing.iter().position(|event| !event[name].is_null()) {
                return self.passing.remove(at).unwrap()[name].take();
            }
            let frame = self.receive();
            self.keep_passing(&frame);
        }
    }

    /// The same of those that have come already; what is asked after is answered after them.
    pub fn passed(&mut self, name: &str) -> Vec<Value> {
        self.call("AccountService/GetMe", json!({})).unwrap();
        let (taken, left): (Vec<Value>, Vec<Value>) =
            std::mem::take(&mut self.passing).into_iter().partition(|event| !event[name].is_null());
        self.passing = left.into();
        taken.into_iter().map(|mut event| event[name].take()).collect()
    }

    /// Waits for the response to this request, past everything else.
    pub fn response(&mut self, id: u64) -> Result<Value, String> {
        loop {
            let frame = self.receive();
            if let Some(answer) = answer_in(&frame, id) {
                return answer;
            }
            self.keep_passing(&frame);
        }
    }

    /// Waits for the next push: its link_seq and events.
    pub fn push(&mut self) -> (u64, Vec<Value>) {
        loop {
            let frame = self.receive();
            if let Some(events) = frame["push"]["events"].as_array() {
                let link_seq = frame["push"]["linkSeq"].as_str().unwrap().parse().unwrap();
                return (link_seq, events.clone());
            }
        }
    }

    /// Waits for the next pushed message.
    pub fn pushed_message(&mut self) -> Value {
        loop {
            if let Some(message) = self.pushed.pop_front() {
                return message;
            }
            let events = self.push().1.into_iter();
            self.pushed.extend(
                events.filter(|event| event["message"].is_object()).map(|event| event["message"]["message"].clone()),
            );
        }
    }

    /// Waits for the end: our close code, and the code of the WebSocket close frame.
    pub fn closed(&mut self) -> (Option<String>, Option<u16>) {
        let mut code = None;
        while let Some(frame) = self.receive_raw() {
            if frame.opcode == 8 {
                let status = frame.payload.get(..2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]));
                return (code, status);
            }
            if frame.opcode == 1 {
                let value: Value = serde_json::from_slice(&frame.payload).unwrap();
                if let Some(text) = value["close"]["code"].as_str() {
                    code = Some(text.trim_start_matches("CLOSE_CODE_").to_owned());
                }
            }
        }
        (code, None)
    }
}

/// The answer to the request of this id, if the frame is that.
fn answer_in(frame: &Value, id: u64) -> Option<Result<Value, String>> {
    let response = &frame["response"];
    let answer = || match response["error"]["code"].as_str() {
        Some(code) => Err(code.trim_start_matches("ERROR_CODE_").to_owned()),
        None => Ok(response["json"].clone()),
    };
    (response["id"] == id).then(answer)
}
