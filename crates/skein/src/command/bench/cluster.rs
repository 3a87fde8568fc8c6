//! What the crash test kills: one server, or the parts of a cluster in turn.

use std::time::{Duration, Instant};

use skein_client::{Address, ConnectOptions, account::Login};
use skein_testkit::nats::NatsServer;

use super::server::{Server, new_host_key};
use crate::command::Error;

/// How long a fresh cluster may take until it serves.
const START_MAX: Duration = Duration::from_secs(30);
/// Between two attempts to be served by it.
const START_STEP: Duration = Duration::from_millis(200);

/// What is killed.
pub enum Target {
    /// A single server.
    One(Box<Server>),
    /// A cluster.
    Cluster(Box<Cluster>),
}

/// A service node, two access nodes, and NATS.
pub struct Cluster {
    access: [Server; 2],
    service: Server,
    nats: NatsServer,
    kills: usize,
}

impl Target {
    /// Starts it.
    pub fn start(cluster: bool) -> Result<Self, Error> {
        if !cluster {
            return Ok(Self::One(Box::new(Server::start(false)?)));
        }
        let nats = NatsServer::start();
        let key = new_host_key();
        let node = |role: &str| {
            let urls = format!("[\"{}\"]", nats.url());
            let environment = vec![
                ("SKEIN__BUS__ENGINE", "nats".to_owned()),
                ("SKEIN__BUS__NATS__URLS", urls),
                ("SKEIN__ROLE", role.to_owned()),
            ];
            Server::start_with(false, key.clone(), environment)
        };
        let (service, access) = (node("service")?, [node("access")?, node("access")?]);
        Ok(Self::Cluster(Box::new(Cluster { access, service, nats, kills: 0 })))
    }

    /// Logs this many people in, as soon as it serves.
    pub async fn log_in(&self, count: usize) -> Result<Vec<Login>, Error> {
        let start = Instant::now();
        loop {
            let outcome = match self {
                Self::One(server) => server.log_in(count).await,
                Self::Cluster(cluster) => cluster.access[0].log_in(count).await,
            };
            match outcome {
                Err(_) if start.elapsed() < START_MAX => tokio::time::sleep(START_STEP).await,
                other => return other,
            }
        }
    }

    /// Where the client of this number connects.
    pub fn address(&self, client: usize) -> Result<Address, Error> {
        match self {
            Self::One(server) => server.address(false),
            Self::Cluster(cluster) => cluster.access[client % 2].address(false),
        }
    }

    /// How clients connect.
    pub fn options(&self) -> ConnectOptions {
        match self {
            Self::One(server) => server.options(),
            Self::Cluster(cluster) => cluster.service.options(),
        }
    }

    /// SIGKILL for the server, or the next part of the cluster; then it is started again.
    pub async fn kill_and_restart(&mut self) -> Result<(), Error> {
        let cluster = match self {
            Self::One(server) => {
                server.kill()?;
                return server.restart();
            }
            Self::Cluster(cluster) => cluster,
        };
        let turn = cluster.kills % 4;
        cluster.kills += 1;
        let server = match turn {
            0 => {
                cluster.nats.kill();
                tokio::time::sleep(Duration::from_millis(fastrand::u64(0..1_500))).await;
                cluster.nats.restart();
                return Ok(());
            }
            1 => &mut cluster.access[0],
            2 => &mut cluster.service,
            _ => &mut cluster.access[1],
        };
        server.kill()?;
        server.restart()
    }
}
