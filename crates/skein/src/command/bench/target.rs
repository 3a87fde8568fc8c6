//! What the crash test breaks: one server, or a cluster.

use std::{collections::VecDeque, time::Instant};

use fastrand::Rng;
use skein_client::{Addresses, ConnectOptions, account::Login};

use super::{
    cluster::{
        Cluster, Plan,
        fault::{Counts, Fault, draw},
    },
    server::Server,
};
use crate::command::Error;

/// Heartbeat of clients of a cluster: a node that hangs is noticed after two of them.
const HEARTBEAT_MS: u32 = 1_000;

/// A target with what is still to be done to it.
pub struct Target {
    what: What,
    faults: VecDeque<Fault>,
    counts: Counts,
    healed: Instant,
}

enum What {
    One(Box<Server>),
    Cluster(Box<Cluster>),
}

impl Target {
    /// A single server, to be killed so often.
    pub fn one(kills: usize) -> Result<Self, Error> {
        let what = What::One(Box::new(Server::start(false)?));
        let faults = std::iter::repeat_n(Fault::NodeKill(0), kills).collect();
        Ok(Self { what, faults, counts: Counts::new(), healed: Instant::now() })
    }

    /// A cluster, to be broken so often.
    pub fn cluster(
        nodes: usize,
        access_nodes: usize,
        kills: usize,
        partitions: usize,
        random: &mut Rng,
    ) -> Result<Self, Error> {
        let plan = Plan { nodes, access_nodes, proxies: partitions > 0, heartbeat_ms: HEARTBEAT_MS };
        let cluster = tokio::task::block_in_place(|| Cluster::start(plan, &[]))?;
        let faults = draw(kills, partitions, cluster.size(), random).into();
        Ok(Self { what: What::Cluster(Box::new(cluster)), faults, counts: Counts::new(), healed: Instant::now() })
    }

    /// Logs this many people in, as soon as it serves.
    pub async fn log_in(&self, count: usize) -> Result<Vec<Login>, Error> {
        match &self.what {
            What::One(server) => server.log_in(count).await,
            What::Cluster(cluster) => cluster.log_in(count).await,
        }
    }

    /// Where the client of this number connects.
    pub fn addresses(&self, client: usize) -> Result<Addresses, Error> {
        match &self.what {
            What::One(server) => Ok(server.address(false)?.into()),
            What::Cluster(cluster) => cluster.addresses(client),
        }
    }

    /// How clients connect.
    pub fn options(&self) -> ConnectOptions {
        match &self.what {
            What::One(server) => server.options(),
            What::Cluster(cluster) => cluster.options(),
        }
    }

    /// The next fault, or the next two at once; returns when everything runs again. How many there were.
    pub async fn suffer(&mut self, random: &mut Rng) -> Result<usize, Error> {
        let made = match &mut self.what {
            What::One(server) => {
                server.kill()?;
                tokio::task::block_in_place(|| server.restart())?;
                *self.counts.entry(Fault::NodeKill(0).name()).or_default() += 1;
                1
            }
            What::Cluster(cluster) => cluster.suffer(self.faults.make_contiguous(), random, &mut self.counts).await?,
        };
        self.faults.drain(..made.min(self.faults.len()));
        self.healed = Instant::now();
        Ok(made)
    }

    /// Faults that are still to come.
    pub fn faults_left(&self) -> usize {
        self.faults.len()
    }

    /// Faults made, by kind.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Since the last fault was over.
    pub fn healed(&self) -> Instant {
        self.healed
    }
}
