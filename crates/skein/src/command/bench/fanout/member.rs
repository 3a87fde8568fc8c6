//! Somebody who listens: reads what comes into a buffer that all members of a thread share, and keeps the books.

use std::{
    cell::RefCell,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use bytes::{Buf as _, BytesMut};
use hdrhistogram::Histogram;
use parking_lot::Mutex;
use skein_client::{Address, ConnectOptions, Link, account::Login};
use skein_proto::{
    codec::Codec,
    v1::{self, frame::Body},
};
use tokio::net::TcpStream;

use super::push::{Known, Seen};
use crate::command::Error;

/// Bytes read at once.
const READ_BYTES: usize = 256 * 1024;
/// Longest latency that is told apart, in microseconds.
const LATENCY_MAX_US: u64 = 60_000_000;

thread_local! {
    static READ_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// The books of all members.
pub struct Totals {
    pub received: AtomicU64,
    pub frames: AtomicU64,
    pub lost: AtomicU64,
    /// Gaps that nobody told of.
    pub silently: AtomicU64,
    /// What had not come at the end of a stage.
    pub never_came: AtomicU64,
    pub disorder: AtomicU64,
    known: Known,
    places: Mutex<Vec<Arc<AtomicU64>>>,
    latencies: Mutex<Histogram<u64>>,
    start: Instant,
}

impl Totals {
    pub fn new() -> Result<Self, Error> {
        Ok(Self {
            received: AtomicU64::new(0),
            frames: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            silently: AtomicU64::new(0),
            never_came: AtomicU64::new(0),
            disorder: AtomicU64::new(0),
            known: Known::default(),
            places: Mutex::default(),
            latencies: Mutex::new(Histogram::new_with_bounds(1, LATENCY_MAX_US, 3)?),
            start: Instant::now(),
        })
    }

    /// When stamps are counted from.
    pub fn start(&self) -> Instant {
        self.start
    }

    /// How many messages have not come yet, to all members together.
    pub fn behind(&self, members: usize, expected: u64) -> u64 {
        let places = self.places.lock();
        let missing: u64 = places.iter().map(|place| expected.saturating_sub(place.load(Ordering::Relaxed))).sum();
        let behind = missing + (members - places.len()) as u64;
        self.never_came.store(behind, Ordering::Relaxed);
        behind
    }

    pub fn forget_latencies(&self) {
        self.latencies.lock().reset();
    }

    pub fn latencies(&self) -> Result<Histogram<u64>, Error> {
        Ok(self.latencies.lock().clone())
    }
}

/// Says hello and joins; where the room is.
pub async fn join(link: &mut Link, login: &Login, room: &str) -> Result<v1::JoinRoomResponse, Error> {
    let hello = v1::Hello { token: login.tokens.access_token.clone(), ..Default::default() };
    link.queue(&v1::Frame { body: Some(hello.into()), ..Default::default() })?;
    let request = v1::JoinRoomRequest { room_id: room.to_owned(), ..Default::default() };
    let request = v1::Request {
        id: 1,
        method: "RoomService/JoinRoom".to_owned(),
        body: Codec::Binary.encode(&request),
        ..Default::default()
    };
    link.queue(&v1::Frame { body: Some(request.into()), ..Default::default() })?;
    link.flush().await?;
    let mut frames = Vec::new();
    loop {
        link.receive(&mut frames).await?;
        for frame in frames.drain(..) {
            match frame.body {
                Some(Body::Response(response)) => match response.error.into_option() {
                    None => return Ok(Codec::Binary.decode(&response.body)?),
                    Some(error) => return Err(error.text.into()),
                },
                Some(Body::Close(close)) => return Err(format!("closed: {}", close.text).into()),
                _ => {}
            }
        }
    }
}

/// One member.
pub struct Member {
    socket: TcpStream,
    websocket: bool,
    /// Bytes of a frame that has not come whole.
    input: BytesMut,
    place: Arc<AtomicU64>,
    totals: Arc<Totals>,
}

impl Member {
    /// Connects and joins.
    pub async fn join(
        address: &Address,
        options: &ConnectOptions,
        login: &Login,
        room: &str,
        totals: Arc<Totals>,
    ) -> Result<Self, Error> {
        let mut link = Link::connect(address, options).await?;
        let joined = join(&mut link, login, room).await?;
        let websocket = link.is_websocket();
        let (socket, input) = link.into_tcp().ok_or("members are not encrypted")?;
        let place = Arc::new(AtomicU64::new(joined.offset));
        totals.places.lock().push(place.clone());
        Ok(Self { socket, websocket, input, place, totals })
    }

    /// Listens until the connection ends.
    pub async fn run(mut self) {
        loop {
            if self.socket.readable().await.is_err() {
                return;
            }
            let read = READ_BUFFER.with_borrow_mut(|buffer| match self.socket.try_read(buffer) {
                Ok(0) => false,
                Ok(count) => {
                    self.take(&buffer[..count]);
                    true
                }
                Err(error) => error.kind() == io::ErrorKind::WouldBlock,
            });
            if !read {
                return;
            }
        }
    }

    fn take(&mut self, mut bytes: &[u8]) {
        if !self.input.is_empty() {
            self.input.extend_from_slice(bytes);
            let mut whole = std::mem::take(&mut self.input);
            let used = self.take_frames(&whole);
            whole.advance(used);
            self.input = if whole.is_empty() { BytesMut::new() } else { whole };
            return;
        }
        let used = self.take_frames(bytes);
        bytes.advance(used);
        self.input.extend_from_slice(bytes);
    }

    /// Takes whole frames; how many bytes they were.
    fn take_frames(&mut self, bytes: &[u8]) -> usize {
        let mut used = 0;
        while let Some((head, length)) = frame_of(&bytes[used..], self.websocket) {
            let Some(payload) = bytes.get(used + head..used + head + length) else { break };
            if let Some(seen) = self.totals.known.read(payload) {
                self.note(&seen);
            }
            used += head + length;
        }
        used
    }

    fn note(&self, seen: &Seen) {
        let (totals, place) = (&self.totals, self.place.load(Ordering::Relaxed));
        let untold = seen.first_offset.checked_sub(place).map(|gap| gap.checked_sub(seen.lost));
        match untold {
            Some(Some(0)) => {}
            Some(Some(gap)) => drop(totals.silently.fetch_add(gap, Ordering::Relaxed)),
            // It goes back, or claims to have lost what had come.
            Some(None) | None => drop(totals.disorder.fetch_add(1, Ordering::Relaxed)),
        }
        totals.disorder.fetch_add(u64::from(seen.disorder), Ordering::Relaxed);
        self.place.store(seen.next_offset, Ordering::Relaxed);
        totals.received.fetch_add(seen.messages, Ordering::Relaxed);
        totals.lost.fetch_add(seen.lost, Ordering::Relaxed);
        totals.frames.fetch_add(1, Ordering::Relaxed);
        if let Some(due_us) = fastrand::choice(&seen.due_us) {
            // One of them, chosen by chance, stands for all.
            let now_us = totals.start.elapsed().as_micros() as u64;
            let late_us = now_us.saturating_sub(*due_us).clamp(1, LATENCY_MAX_US);
            let _ = totals.latencies.lock().record_n(late_us, seen.messages);
        }
    }
}

/// Bytes of the head of the first frame, and of its payload; `None` when the head has not come whole.
fn frame_of(bytes: &[u8], websocket: bool) -> Option<(usize, usize)> {
    if !websocket {
        return bytes.first_chunk().map(|prefix| (4, u32::from_be_bytes(*prefix) as usize));
    }
    match bytes.get(1)? & 0x7f {
        126 => bytes.get(2..4)?.first_chunk().map(|length| (4, usize::from(u16::from_be_bytes(*length)))),
        127 => bytes.get(2..10)?.first_chunk().map(|length| (10, u64::from_be_bytes(*length) as usize)),
        short => Some((2, usize::from(short))),
    }
}
