//! Writing: what waits for this connection, then what it has not had of its live rooms.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf as _, Bytes};
use skein_service::now_ms;

use super::{Connection, End, Peer, Stream};
use crate::measure;

impl<S: Stream> Connection<S> {
    /// Writes what waits, and what the session has not had of its rooms. False when the socket takes no more for now.
    pub(super) fn flush(&mut self, context: &mut Context<'_>) -> Result<bool, End> {
        if !self.flush_rest(context)? || !self.flush_own(context)? {
            return Ok(false);
        }
        if self.in_rooms { self.flush_rooms(context) } else { Ok(true) }
    }

    /// The rest of a shared frame.
    fn flush_rest(&mut self, context: &mut Context<'_>) -> Result<bool, End> {
        let Some(rest) = self.rest.take() else { return Ok(true) };
        let before = rest.len();
        let done = self.write_shared(context, *rest)?;
        let left = self.rest.as_ref().map_or(0, |rest| rest.len());
        self.note_stall(left == before);
        Ok(done)
    }

    /// Writes bytes that others write, too. What the socket does not take is kept, as a part of them.
    fn write_shared(&mut self, context: &mut Context<'_>, mut bytes: Bytes) -> Result<bool, End> {
        while !bytes.is_empty() {
            match Pin::new(&mut self.stream).poll_write(context, &bytes) {
                Poll::Ready(Ok(0) | Err(_)) => return Err(End::Lost),
                Poll::Ready(Ok(count)) => bytes.advance(count),
                Poll::Pending => {
                    self.rest = Some(Box::new(bytes));
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Frames of rooms, written from where all members share them: what this connection has not had waits there, not here.
    fn flush_rooms(&mut self, context: &mut Context<'_>) -> Result<bool, End> {
        let shape = self.framing.shape();
        loop {
            let Peer::Known(session, epoch) = &self.peer else { return Ok(true) };
            let Some(frame) = session.next_room_frame(*epoch, shape) else { return Ok(true) };
            // TLS may keep the last record back, as it does with what is for this connection only.
            if !self.write_shared(context, frame.bytes)? || !self.flush_own(context)? {
                return Ok(false);
            }
            if !frame.more {
                return Ok(true);
            }
        }
    }

    /// What is for this connection only.
    fn flush_own(&mut self, context: &mut Context<'_>) -> Result<bool, End> {
        let mut written = 0;
        let done = loop {
            if written == self.unwritten.len() {
                break true;
            }
            match Pin::new(&mut self.stream).poll_write(context, &self.unwritten[written..]) {
                Poll::Ready(Ok(0) | Err(_)) => return Err(End::Lost),
                Poll::Ready(Ok(count)) => written += count,
                Poll::Pending => break false,
            }
        };
        if !done {
            self.unwritten.drain(..written);
            self.note_stall(written == 0);
            return Ok(false);
        }
        if written > 0 {
            self.unwritten = Vec::new();
        }
        // TLS may keep the last record back.
        let flushed = match Pin::new(&mut self.stream).poll_flush(context) {
            Poll::Ready(Err(_)) => return Err(End::Lost),
            Poll::Ready(Ok(())) => true,
            Poll::Pending => false,
        };
        if written > 0 || !flushed {
            self.note_stall(written == 0);
        }
        Ok(flushed)
    }

    /// The sweep closes links that have taken nothing for too long.
    fn note_stall(&self, stalled: bool) {
        if let Peer::Known(session, _) = &self.peer {
            let mut state = session.lock();
            match (stalled, state.stalled_ms) {
                (true, 0) => {
                    state.stalled_ms = now_ms();
                    measure::write_stalled();
                }
                (false, since) if since > 0 => state.stalled_ms = 0,
                _ => {}
            }
        }
    }
}
