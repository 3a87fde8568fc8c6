//! One connection of the load generator: frames with as little in between as possible.

use bytes::Bytes;
use skein_client::{Address, ConnectOptions, Link, account::Login};
use skein_proto::{
    codec::{Body as Encoded, Codec},
    v1::{self, frame::Body, send_message_request::To},
};

use crate::command::Error;

/// A welcomed connection.
pub struct Peer {
    link: Link,
    frames: Vec<v1::Frame>,
    /// The last push taken, to be acked with the next frame.
    received: u64,
    /// The server dropped pushes: this connection could not follow.
    pub lagging: bool,
    next_id: u32,
}

/// What came.
pub enum Heard {
    /// The answer to the request with this id, encoded.
    Answer(u32, Result<Bytes, String>),
    /// A message from somebody.
    Message(Box<v1::Message>),
}

impl Peer {
    /// Connects and says hello.
    pub async fn connect(address: &Address, options: &ConnectOptions, login: &Login) -> Result<Self, Error> {
        let mut link = Link::connect(address, options).await?;
        let hello = v1::Hello { token: login.tokens.access_token.clone(), ..Default::default() };
        link.queue(&v1::Frame { body: Some(hello.into()), ..Default::default() })?;
        link.flush().await?;
        let mut frames = Vec::new();
        link.receive(&mut frames).await?;
        match frames.first().and_then(|frame| frame.body.as_ref()) {
            Some(Body::Welcome(_)) => Ok(Self { link, frames: Vec::new(), received: 0, lagging: false, next_id: 1 }),
            other => Err(format!("no welcome but {other:?}").into()),
        }
    }

    /// Queues a message to a person; its request id.
    pub fn send(&mut self, to: u64, text: String) -> Result<u32, Error> {
        self.send_to(To::UserId(to), text)
    }

    /// Queues a message to anything; its request id.
    pub fn send_to(&mut self, to: To, text: String) -> Result<u32, Error> {
        let request = v1::SendMessageRequest {
            to: Some(to),
            client_message_id: skein_client::client::new_client_id(),
            content: skein_client::client::text_content(&text).into(),
            ..Default::default()
        };
        self.request("MessageService/SendMessage", Codec::Binary.encode(&request))
    }

    /// Queues a request with this encoded body; its id.
    pub fn request(&mut self, method: &str, body: Bytes) -> Result<u32, Error> {
        let id = self.next_id;
        self.next_id += 1;
        let request = v1::Request { id, method: method.to_owned(), body, ..Default::default() };
        self.link.queue(&v1::Frame { ack: self.received, body: Some(request.into()), ..Default::default() })?;
        Ok(id)
    }

    /// Runs an operation and waits for its answer, past everything else that comes.
    pub async fn call<A: Encoded>(&mut self, method: &str, request: &impl Encoded) -> Result<A, Error> {
        Ok(Codec::Binary.decode(&self.ask(method, request).await?)?)
    }

    /// The same; the answer as it travelled.
    pub async fn ask(&mut self, method: &str, request: &impl Encoded) -> Result<Bytes, Error> {
        let asked = self.request(method, Codec::Binary.encode(request))?;
        self.flush().await?;
        let mut heard = Vec::new();
        loop {
            self.hear(&mut heard).await?;
            for heard in heard.drain(..) {
                if let Heard::Answer(id, result) = heard
                    && id == asked
                {
                    return Ok(result?);
                }
            }
        }
    }

    /// Queues an ack of everything taken.
    pub fn acknowledge(&mut self) -> Result<(), Error> {
        Ok(self.link.queue(&v1::Frame { ack: self.received, ..Default::default() })?)
    }

    /// Says that it is there.
    pub async fn ping(&mut self) -> Result<(), Error> {
        let ping = v1::Ping { time_ms: super::people::now_ms(), ..Default::default() };
        self.link.queue(&v1::Frame { ack: self.received, body: Some(ping.into()), ..Default::default() })?;
        self.flush().await
    }

    /// Writes what is queued.
    pub async fn flush(&mut self) -> Result<(), Error> {
        Ok(self.link.flush().await?)
    }

    /// Writes what the connection takes at once; [`Peer::hear`] writes the rest.
    pub async fn write_now(&mut self) {
        self.link.write_now().await;
    }

    /// Waits for something, and gives everything that came. Cancel-safe.
    pub async fn hear(&mut self, heard: &mut Vec<Heard>) -> Result<(), Error> {
        self.link.receive(&mut self.frames).await?;
        for frame in self.frames.drain(..) {
            match frame.body {
                Some(Body::Response(response)) => {
                    let result = match response.error.as_option() {
                        None => Ok(response.body),
                        Some(error) => Err(error.text.clone()),
                    };
                    heard.push(Heard::Answer(response.id, result));
                }
                Some(Body::Push(push)) => {
                    self.lagging |= push.lagging;
                    self.received = push.link_seq;
                    for event in push.events {
                        if let Some(v1::event::Body::Message(event)) = event.body {
                            heard.extend(event.message.into_option().map(|message| Heard::Message(Box::new(message))));
                        }
                    }
                }
                Some(Body::Close(close)) => return Err(format!("closed: {}", close.text).into()),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The text of a message.
pub fn text_of(message: &v1::Message) -> &str {
    match &message.content.body {
        Some(v1::content::Body::Text(text)) => &text.text,
        _ => "",
    }
}
