//! Links over QUIC: a connection has one stream, which carries records as TCP does; what is more than that is in the folder and not in the link.
//!
//! In reading order: [`socket`] (address, limits, certificate), [`door`] (whose connection it is, and its handshake), [`early`] (what may be done before
//! the handshake is confirmed), [`stream`] (the two halves as one stream), [`web_transport`]
//! (browsers) with [`certificate`] (what they are shown).

mod certificate;
mod door;
mod early;
mod socket;
mod stream;
mod web_transport;

pub(crate) use door::Door;
pub(crate) use socket::open;
#[cfg(test)]
pub(crate) use stream::QuicStream;
pub(crate) use web_transport::WebTransport;
