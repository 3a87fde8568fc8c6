//! A cluster of our own: nodes over PostgreSQL and NATS, all of them private; on demand with a network in between that can be cut.

pub mod fault;

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use skein_client::{Address, Addresses, ConnectOptions, account::Login};
use skein_testkit::{
    nats::NatsServer,
    postgres::{Database, PostgresServer},
    proxy::{Proxy, Upstream},
};

use super::{
    people,
    server::{Server, new_host_key},
};
use crate::command::Error;

/// How long a fresh cluster may take until it serves.
const START_MAX: Duration = Duration::from_secs(60);
/// Between two attempts to be served by it.
const START_STEP: Duration = Duration::from_millis(200);
/// How long connecting to a node may take before the next one is tried.
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// What a cluster is made of.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Nodes with everything.
    pub nodes: usize,
    /// Further nodes without a database.
    pub access_nodes: usize,
    /// Whether there is a proxy on every link.
    pub proxies: bool,
    /// Heartbeat of clients, in milliseconds.
    pub heartbeat_ms: u32,
}

/// The running parts. They end with it.
pub struct Cluster {
    nodes: Vec<Node>,
    nats: NatsServer,
    // The database goes before its server.
    _database: Database,
    postgres: Arc<PostgresServer>,
    host_key: String,
}

/// A node with the links that it has.
struct Node {
    server: Server,
    links: Option<Links>,
}

/// Proxies on the links of a node.
struct Links {
    clients: Proxy,
    store: Proxy,
    bus: Proxy,
}

impl Cluster {
    /// Starts all of it. `more` are further variables of each node's configuration.
    pub fn start(plan: Plan, more: &[(&'static str, String)]) -> Result<Self, Error> {
        let nats = NatsServer::start();
        let postgres = PostgresServer::start(&["-c", "shared_buffers=512MB", "-c", "max_wal_size=4GB"]);
        let database = postgres.database();
        let host_key = new_host_key();
        let mut nodes = Vec::new();
        for number in 0..plan.nodes.max(1) + plan.access_nodes {
            let store = plan.proxies.then(|| Proxy::start(Upstream::Unix(postgres.socket()))).transpose()?;
            let bus = plan.proxies.then(|| Proxy::start(Upstream::Tcp(nats.address()))).transpose()?;
            let bus_address = bus.as_ref().map_or(nats.address(), Proxy::address);
            let mut environment = vec![
                ("SKEIN__BUS__ENGINE", "nats".to_owned()),
                ("SKEIN__BUS__NATS__URLS", format!("[\"nats://{bus_address}\"]")),
                ("SKEIN__ACCESS__HEARTBEAT_MS", plan.heartbeat_ms.to_string()),
            ];
            if number < plan.nodes.max(1) {
                environment.push(("SKEIN__STORE__ENGINE", "postgres".to_owned()));
                let url = store.as_ref().map_or_else(|| database.url(), |proxy| database.url_over(proxy.address()));
                environment.push(("SKEIN__STORE__POSTGRES__URL", url));
            } else {
                environment.push(("SKEIN__ROLE", "access".to_owned()));
            }
            environment.extend_from_slice(more);
            let server = Server::start_with(false, host_key.clone(), environment)?;
            let links = match store.zip(bus) {
                Some((store, bus)) => {
                    let clients = Proxy::start(Upstream::Tcp(server.http()))?;
                    Some(Links { clients, store, bus })
                }
                None => None,
            };
            nodes.push(Node { server, links });
        }
        Ok(Self { nodes, nats, _database: database, postgres, host_key })
    }

    /// Logs this many people in, as soon as it serves.
    pub async fn log_in(&self, count: usize) -> Result<Vec<Login>, Error> {
        let start = Instant::now();
        // Access nodes are at the end; whoever can log people in there has everything.
        let last = self.nodes.last().ok_or("there are no nodes")?;
        loop {
            let address = last.server.address(true)?;
            match people::log_in(&address, &self.options(), &self.host_key, 0..count).await {
                Err(_) if start.elapsed() < START_MAX => tokio::time::sleep(START_STEP).await,
                other => return other,
            }
        }
    }

    /// All nodes, beginning with that of this client.
    pub fn addresses(&self, client: usize) -> Result<Addresses, Error> {
        let count = self.nodes.len();
        let address = |number: usize| self.nodes[(client + number) % count].address();
        let others = (1..count).map(address).collect::<Result<Vec<_>, _>>()?;
        Ok(Addresses::new(address(0)?, others))
    }

    /// The node of this client alone, over TCP or WebSocket, past all proxies.
    pub fn address(&self, client: usize, over_tcp: bool) -> Result<Address, Error> {
        self.nodes[client % self.nodes.len()].server.address(over_tcp)
    }

    /// How clients connect.
    pub fn options(&self) -> ConnectOptions {
        ConnectOptions { timeout: CONNECT_MAX, ..ConnectOptions::default() }
    }

    /// The nodes.
    pub fn servers(&self) -> impl Iterator<Item = &Server> {
        self.nodes.iter().map(|node| &node.server)
    }

    /// Process ids of PostgreSQL.
    pub fn postgres_pids(&self) -> Vec<u32> {
        self.postgres.pids()
    }

    /// Process id of NATS.
    pub fn nats_pid(&self) -> Option<u32> {
        self.nats.pid()
    }
}

impl Node {
    /// Where clients connect.
    fn address(&self) -> Result<Address, Error> {
        match &self.links {
            None => self.server.address(false),
            Some(links) => address_of(links.clients.address()),
        }
    }
}

fn address_of(socket: SocketAddr) -> Result<Address, Error> {
    Ok(format!("http://{socket}").parse()?)
}
