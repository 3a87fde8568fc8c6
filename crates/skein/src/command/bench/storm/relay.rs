//! A network that everybody is behind, and that can fail for all of them at once.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
};

/// Connections that wait to be accepted: everybody comes at once.
const BACKLOG: u32 = 16_384;

/// Carries connections to a server. Its task ends with the process.
pub struct Relay {
    address: SocketAddr,
    cuts: watch::Sender<u64>,
}

impl Relay {
    /// Listens on a free port.
    ///
    /// # Errors
    /// When there is none.
    pub fn start(server: SocketAddr) -> std::io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let listener = socket.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        let (cuts, cut) = watch::channel(0);
        tokio::spawn(accept(listener, server, cut));
        Ok(Self { address, cuts })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All connections end. New ones are fine.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, cut: watch::Receiver<u64>) {
    while let Ok((client, _)) = listener.accept().await {
        let mut cut = cut.clone();
        cut.mark_unchanged();
        tokio::spawn(async move {
            tokio::select! {
                _ = carry(client, server) => {}
                _ = cut.changed() => {}
            }
        });
    }
}

async fn carry(mut client: TcpStream, server: SocketAddr) -> std::io::Result<()> {
    let mut upstream = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    upstream.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut upstream).await.map(drop)
}
