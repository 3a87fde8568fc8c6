//! Somebody who talks in the room, on an open-loop schedule: messages are due at fixed times, whatever was answered.

use std::time::{Duration, Instant};

use skein_client::{Link, account::Login};
use skein_proto::{
    codec::Codec,
    v1::{self, frame::Body},
};

use super::ROOM;
use crate::command::{Error, bench::server::Server};

/// Digits at the beginning of each text: when the message was due, in microseconds since the start.
pub const STAMP_BYTES: usize = 16;
/// How often a sender looks at its schedule.
const TICK: Duration = Duration::from_millis(1);
/// How long the last answers may take.
const DRAIN: Duration = Duration::from_secs(10);
/// Requests that a link may have open, with some left over.
const OPEN_MAX: u64 = 200;

/// One of those who talk.
pub struct Sender {
    link: Link,
    frames: Vec<v1::Frame>,
    next_id: u32,
    open: u64,
}

/// What was said.
#[derive(Default)]
pub struct Sent {
    pub messages: u64,
    pub sampled: u64,
    /// After the last message.
    pub next_offset: u64,
}

impl Sent {
    pub fn add(&mut self, other: &Self) {
        self.messages += other.messages;
        self.sampled += other.sampled;
        self.next_offset = self.next_offset.max(other.next_offset);
    }
}

impl Sender {
    pub async fn connect(server: &Server, login: &Login, tcp: bool) -> Result<Self, Error> {
        let mut link = Link::connect(&server.address(tcp)?, &server.options()).await?;
        super::member::join(&mut link, login, ROOM).await?;
        Ok(Self { link, frames: Vec::new(), next_id: 10, open: 0 })
    }

    /// Talks for so long.
    pub async fn talk(&mut self, start: Instant, rate: f64, bytes: usize, length: Duration) -> Result<Sent, Error> {
        let mut sent = Sent::default();
        let began = Instant::now();
        let total = (rate * length.as_secs_f64()) as u64;
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut queued = 0;
        while queued < total || self.open > 0 {
            tokio::select! {
                _ = ticks.tick() => {
                    let due = (began.elapsed().as_secs_f64() * rate) as u64;
                    while queued < due.min(total) && self.open < OPEN_MAX {
                        let due_at = began + Duration::from_secs_f64(queued as f64 / rate);
                        self.queue(due_at.saturating_duration_since(start), bytes)?;
                        queued += 1;
                    }
                    self.link.flush().await?;
                }
                heard = self.link.receive(&mut self.frames) => {
                    heard?;
                    self.take(&mut sent)?;
                }
            }
            if began.elapsed() > length + DRAIN {
                return Err(format!("{} messages were not answered", self.open).into());
            }
        }
        Ok(sent)
    }

    fn queue(&mut self, due: Duration, bytes: usize) -> Result<(), Error> {
        let text = format!("{:0width$}{}", due.as_micros(), "x".repeat(bytes - STAMP_BYTES), width = STAMP_BYTES);
        let request = v1::SendToRoomRequest { room_id: ROOM.to_owned(), text, ..Default::default() };
        let request = v1::Request {
            id: self.next_id,
            method: "RoomService/SendToRoom".to_owned(),
            body: Codec::Binary.encode(&request),
            ..Default::default()
        };
        self.next_id += 1;
        self.open += 1;
        Ok(self.link.queue(&v1::Frame { body: Some(request.into()), ..Default::default() })?)
    }

    fn take(&mut self, sent: &mut Sent) -> Result<(), Error> {
        for frame in self.frames.drain(..) {
            let Some(Body::Response(response)) = frame.body else { continue };
            if let Some(error) = response.error.as_option() {
                return Err(error.text.clone().into());
            }
            let answer: v1::SendToRoomResponse = Codec::Binary.decode(&response.body)?;
            self.open -= 1;
            sent.messages += 1;
            sent.sampled += u64::from(answer.sampled);
            sent.next_offset = sent.next_offset.max(answer.offset + 1);
        }
        Ok(())
    }
}
