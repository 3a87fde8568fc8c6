//! A network of our own for datagrams: between a client and a server, it passes them, swallows them, or lets the client's first flight through and then
//! nothing more of what the client says. It remembers that flight, and holds the answer back until the client has said something early.

use std::{
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// What gets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passes {
    /// What clients say, and nothing back.
    Up,
    /// What a client says until the server answers, and what it says early; and what the server says, once there was something early.
    FirstFlight,
}

/// A listening relay; it ends when it is dropped.
pub struct UdpRelay {
    pub address: SocketAddr,
    /// What the client said before the server answered.
    pub first_flight: Arc<Mutex<Vec<Vec<u8>>>>,
    ended: Arc<AtomicBool>,
}

impl UdpRelay {
    pub fn start(server: SocketAddr, passes: Passes) -> Self {
        let [front, back] = [(); 2].map(|()| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            Arc::new(socket)
        });
        back.connect(server).unwrap();
        let address = front.local_addr().unwrap();
        let first_flight: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let client: Arc<Mutex<Option<SocketAddr>>> = Arc::default();
        let [answered, spoke_early, ended] = [(); 3].map(|()| Arc::new(AtomicBool::new(false)));
        let up = (front.clone(), back.clone(), client.clone(), first_flight.clone());
        let up_flags = (answered.clone(), spoke_early.clone(), ended.clone());
        thread::spawn(move || {
            let ((front, back, client, first_flight), (answered, spoke_early, ended)) = (up, up_flags);
            let mut datagram = [0; 65_536];
            while !ended.load(Ordering::Acquire) {
                let Ok((length, from)) = front.recv_from(&mut datagram) else { continue };
                *client.lock().unwrap() = Some(from);
                let early = is_early(&datagram[..length]);
                if passes == Passes::FirstFlight && answered.load(Ordering::Acquire) && !early {
                    continue;
                }
                first_flight.lock().unwrap().push(datagram[..length].to_vec());
                let _ = back.send(&datagram[..length]);
                if early {
                    spoke_early.store(true, Ordering::Release);
                }
            }
        });
        let down_ended = ended.clone();
        thread::spawn(move || {
            let mut datagram = [0; 65_536];
            while !down_ended.load(Ordering::Acquire) {
                let Ok(length) = back.recv(&mut datagram) else { continue };
                answered.store(true, Ordering::Release);
                // A slow client that hears the answer first says the rest as somebody whose handshake is over.
                while passes == Passes::FirstFlight && !spoke_early.load(Ordering::Acquire) {
                    if down_ended.load(Ordering::Acquire) {
                        return;
                    }
                    thread::sleep(Duration::from_millis(1));
                }
                if passes == Passes::FirstFlight
                    && let Some(client) = *client.lock().unwrap()
                {
                    let _ = front.send_to(&datagram[..length], client);
                }
            }
        });
        Self { address, first_flight, ended }
    }
}

/// Whether one of the packets in a datagram carries early data: type 1 of those with a long header (RFC 9000, 17.2). The second bit may be anything (RFC 9287).
fn is_early(datagram: &[u8]) -> bool {
    let mut rest = datagram;
    while let Some(kind) = rest.first().filter(|first| **first & 0x80 != 0).map(|first| first >> 4 & 3) {
        if kind == 1 {
            return true;
        }
        let Some(length) = packet_length(rest, kind == 0) else { return false };
        rest = rest.get(length..).unwrap_or_default();
    }
    false
}

/// The length of a packet with a long header; those of the type Initial have a token.
fn packet_length(packet: &[u8], has_token: bool) -> Option<usize> {
    let mut at = 5;
    // The two connection ids.
    for _ in 0..2 {
        at += 1 + usize::from(*packet.get(at)?);
    }
    if has_token {
        let (length, bytes) = variable_length(packet.get(at..)?)?;
        at += bytes + length;
    }
    let (length, bytes) = variable_length(packet.get(at..)?)?;
    Some(at + bytes + length)
}

/// A number and how many bytes it takes (RFC 9000, 16).
fn variable_length(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = *bytes.first()?;
    let taken = 1 << (first >> 6);
    let rest = bytes.get(1..taken)?.iter();
    Some((rest.fold(usize::from(first & 0x3f), |number, byte| number << 8 | usize::from(*byte)), taken))
}

impl Drop for UdpRelay {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
    }
}
