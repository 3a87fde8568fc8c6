//! A network of our own for datagrams: between a client and a server, it passes them, swallows them, or lets the client's first flight through and then
//! nothing more of what the client says. It remembers that flight.

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
    /// What a client says until the server answers, and then only what the server says.
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
        let (client, answered): (Arc<Mutex<Option<SocketAddr>>>, _) =
            (Arc::default(), Arc::new(AtomicBool::new(false)));
        let ended = Arc::new(AtomicBool::new(false));
        let up = (front.clone(), back.clone(), client.clone(), answered.clone(), ended.clone(), first_flight.clone());
        thread::spawn(move || {
            let (front, back, client, answered, ended, first_flight) = up;
            let mut datagram = [0; 65_536];
            while !ended.load(Ordering::Acquire) {
                let Ok((length, from)) = front.recv_from(&mut datagram) else { continue };
                *client.lock().unwrap() = Some(from);
                // The answer to the first datagram may overtake the second one, which is known by its type: early data.
                let early = datagram[0] & 0xf0 == 0xd0;
                if passes == Passes::FirstFlight && answered.load(Ordering::Acquire) && !early {
                    continue;
                }
                first_flight.lock().unwrap().push(datagram[..length].to_vec());
                let _ = back.send(&datagram[..length]);
            }
        });
        let down_ended = ended.clone();
        thread::spawn(move || {
            let mut datagram = [0; 65_536];
            while !down_ended.load(Ordering::Acquire) {
                let Ok(length) = back.recv(&mut datagram) else { continue };
                answered.store(true, Ordering::Release);
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

impl Drop for UdpRelay {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
    }
}
