//! A network of our own between two processes: a proxy whose links can be cut, stalled one way or both ways, and healed.
//!
//! A stall loses nothing: bytes that were sent stay on their way and arrive after it, as TCP does it over a network that was away. So what somebody sent
//! and gave up on arrives late, which is the worst of what a network may do to a transaction.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// Bytes on their way at once, each way of each connection.
const CHUNK_BYTES: usize = 64 * 1024;

/// What stands behind a proxy.
#[derive(Clone, Debug)]
pub enum Upstream {
    /// A server on TCP.
    Tcp(SocketAddr),
    /// A server on a Unix socket.
    Unix(PathBuf),
}

/// How the link is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// Bytes pass.
    #[default]
    Open,
    /// Nothing passes, and nobody is told.
    Stalled,
    /// What clients say does not arrive; what the server says does.
    StalledUp,
    /// What the server says does not arrive; what clients say does.
    StalledDown,
    /// Connections are closed, and so is every new one.
    Cut,
}

impl Flow {
    fn passes(self, up: bool) -> bool {
        match self {
            Self::Stalled => false,
            Self::StalledUp => !up,
            Self::StalledDown => up,
            Self::Open | Self::Cut => true,
        }
    }
}

/// A listening proxy on a free port of this machine; its connections end with it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    link: Arc<Link>,
}

#[derive(Debug, Default)]
struct Link {
    state: Mutex<State>,
    changed: Condvar,
    ended: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    flow: Flow,
    connections: Vec<[Stream; 2]>,
}

impl Proxy {
    /// Starts, open.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn start(upstream: Upstream) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let link = Arc::new(Link::default());
        let accepting = link.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if accepting.ended.load(Ordering::Acquire) {
                    return;
                }
                let (link, upstream) = (accepting.clone(), upstream.clone());
                thread::spawn(move || link.serve(client, &upstream));
            }
        });
        Ok(Self { address, link })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes the link so, for the connections there are and for those to come.
    pub fn set(&self, flow: Flow) {
        self.link.set(flow);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.link.ended.store(true, Ordering::Release);
        self.link.set(Flow::Cut);
        // Wakes who accepts, to see that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

impl Link {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, flow: Flow) {
        let mut state = self.lock();
        state.flow = flow;
        if flow == Flow::Cut {
            state.connections.drain(..).flatten().for_each(|stream| stream.close());
        }
        self.changed.notify_all();
    }

    /// Waits until bytes may go this way. False when the link is cut.
    fn wait(&self, up: bool) -> bool {
        let mut state = self.lock();
        while !state.flow.passes(up) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.flow != Flow::Cut
    }

    fn serve(self: Arc<Self>, client: TcpStream, upstream: &Upstream) {
        // A new connection is a word of the client that has to arrive.
        if !self.wait(true) {
            return;
        }
        let Ok(server) = Stream::connect(upstream) else { return };
        let _ = client.set_nodelay(true);
        let client = Stream::Tcp(client);
        let (Ok(from_client), Ok(from_server)) = (client.again(), server.again()) else { return };
        let (Ok(to_client), Ok(to_server)) = (client.again(), server.again()) else { return };
        let number = {
            let mut state = self.lock();
            if state.flow == Flow::Cut {
                return;
            }
            state.connections.push([client, server]);
            state.connections.len()
        };
        let down = self.clone();
        let downwards = thread::spawn(move || down.carry(from_server, to_client, false));
        self.carry(from_client, to_server, true);
        let _ = downwards.join();
        // Those that have ended on both sides are let go, now and then.
        if number.is_multiple_of(16) {
            self.lock().connections.retain(|[client, _]| client.is_open());
        }
    }

    /// Carries bytes one way until the connection ends, and then the end.
    fn carry(&self, mut from: Stream, mut to: Stream, up: bool) {
        let mut bytes = vec![0; CHUNK_BYTES];
        loop {
            let read = from.read(&mut bytes).unwrap_or(0);
            if !self.wait(up) {
                return;
            }
            if read == 0 {
                return to.end();
            }
            if to.write_all(&bytes[..read]).is_err() {
                return from.close();
            }
        }
    }
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    fn connect(upstream: &Upstream) -> std::io::Result<Self> {
        match upstream {
            Upstream::Tcp(address) => {
                let stream = TcpStream::connect(address)?;
                stream.set_nodelay(true)?;
                Ok(Self::Tcp(stream))
            }
            Upstream::Unix(path) => UnixStream::connect(path).map(Self::Unix),
        }
    }

    fn again(&self) -> std::io::Result<Self> {
        match self {
            Self::Tcp(stream) => stream.try_clone().map(Self::Tcp),
            Self::Unix(stream) => stream.try_clone().map(Self::Unix),
        }
    }

    fn is_open(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.peer_addr().is_ok(),
            Self::Unix(stream) => stream.peer_addr().is_ok(),
        }
    }

    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(bytes),
            Self::Unix(stream) => stream.read(bytes),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all(bytes),
            Self::Unix(stream) => stream.write_all(bytes),
        }
    }

    /// No more will come this way.
    fn end(&self) {
        self.shut(Shutdown::Write);
    }

    fn close(&self) {
        self.shut(Shutdown::Both);
    }

    fn shut(&self, how: Shutdown) {
        // It may have ended by itself.
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(how),
            Self::Unix(stream) => stream.shutdown(how),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A server that says everything back.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                thread::spawn(move || {
                    let mut copy = stream.try_clone().unwrap();
                    let _ = std::io::copy(&mut stream, &mut copy);
                    let _ = copy.shutdown(Shutdown::Both);
                });
            }
        });
        address
    }

    fn is_silent(stream: &mut TcpStream) -> bool {
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let silent = stream.read(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        silent
    }

    fn hears(stream: &mut TcpStream, expected: &[u8]) -> bool {
        let mut heard = vec![0; expected.len()];
        stream.read_exact(&mut heard).is_ok() && heard == expected
    }

    #[test]
    fn what_was_stalled_arrives_after_healing() {
        let proxy = Proxy::start(Upstream::Tcp(echo())).unwrap();
        let mut stream = TcpStream::connect(proxy.address()).unwrap();
        stream.write_all(b"one").unwrap();
        assert!(hears(&mut stream, b"one"));
        for stalled in [Flow::Stalled, Flow::StalledUp, Flow::StalledDown] {
            proxy.set(stalled);
            stream.write_all(b"two").unwrap();
            assert!(is_silent(&mut stream), "{stalled:?}");
            proxy.set(Flow::Open);
            assert!(hears(&mut stream, b"two"), "{stalled:?}");
        }
    }

    #[test]
    fn a_cut_link_is_closed_and_takes_nobody_until_it_is_healed() {
        let proxy = Proxy::start(Upstream::Tcp(echo())).unwrap();
        let mut stream = TcpStream::connect(proxy.address()).unwrap();
        stream.write_all(b"one").unwrap();
        assert!(hears(&mut stream, b"one"));
        proxy.set(Flow::Cut);
        assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0, "it ends");
        let mut refused = TcpStream::connect(proxy.address()).unwrap();
        assert_eq!(refused.read(&mut [0]).unwrap_or(0), 0, "nobody is let in");
        proxy.set(Flow::Open);
        let mut stream = TcpStream::connect(proxy.address()).unwrap();
        stream.write_all(b"two").unwrap();
        assert!(hears(&mut stream, b"two"));
    }

    #[test]
    fn an_end_is_passed_on() {
        let proxy = Proxy::start(Upstream::Tcp(echo())).unwrap();
        let mut stream = TcpStream::connect(proxy.address()).unwrap();
        stream.write_all(b"last").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        assert_eq!(all, b"last");
    }
}
