//! What goes wrong in a cluster on purpose: processes die, hang or are restarted, links are cut or stall.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use fastrand::Rng;
use skein_testkit::{postgres::Stop, proxy::Flow};

use super::Cluster;
use crate::command::Error;

/// How long what was killed may take to start again, while other things are down as well.
const RESTART_MAX: Duration = Duration::from_secs(60);
/// Between two attempts.
const RESTART_STEP: Duration = Duration::from_millis(200);
/// One of so many faults begins while the one before it is not over.
const OVERLAP_ONE_IN: usize = 4;

/// One thing that goes wrong for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL for the node of this number.
    NodeKill(usize),
    /// SIGSTOP, later SIGCONT.
    NodeStop(usize),
    /// SIGKILL for NATS.
    NatsKill,
    /// A clean restart of NATS.
    NatsRestart,
    /// SIGKILL for all of PostgreSQL.
    PostgresKill,
    /// A fast shutdown of PostgreSQL.
    PostgresRestart,
    /// A link of this node becomes like this.
    Link(usize, Side, Flow),
}

/// Which links of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// To its clients.
    Clients,
    /// To PostgreSQL.
    Store,
    /// To NATS.
    Bus,
    /// All three: the node is alone.
    All,
}

impl Fault {
    /// As a figure of the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::NodeKill(_) => "node_kills",
            Self::NodeStop(_) => "node_stops",
            Self::NatsKill => "nats_kills",
            Self::NatsRestart => "nats_restarts",
            Self::PostgresKill => "postgres_kills",
            Self::PostgresRestart => "postgres_restarts",
            Self::Link(_, _, Flow::Cut) => "links_cut",
            Self::Link(_, _, Flow::StalledUp | Flow::StalledDown) => "links_stalled_one_way",
            Self::Link(..) => "links_stalled",
        }
    }

    /// How long it lasts: often short, sometimes longer than it takes to be given up (5 s of silence between nodes).
    fn length(self, random: &mut Rng) -> Duration {
        Duration::from_millis(match self {
            Self::NodeStop(_) | Self::Link(..) if random.u8(0..3) == 0 => random.u64(5_500..8_000),
            Self::NodeStop(_) | Self::Link(..) => random.u64(200..3_000),
            _ => random.u64(0..1_500),
        })
    }

    /// What is down first comes back first: nodes need it to start.
    fn end_rank(self) -> u8 {
        match self {
            Self::PostgresKill | Self::PostgresRestart => 0,
            Self::NatsKill | Self::NatsRestart | Self::Link(..) => 1,
            Self::NodeKill(_) | Self::NodeStop(_) => 2,
        }
    }

    fn hits_same(self, other: Self) -> bool {
        match (self, other) {
            (
                Self::NodeKill(one) | Self::NodeStop(one) | Self::Link(one, ..),
                Self::NodeKill(other) | Self::NodeStop(other) | Self::Link(other, ..),
            ) => one == other,
            (one, other) => one.end_rank() == other.end_rank(),
        }
    }
}

/// What goes wrong, in which order: every kind comes up before one comes again.
pub fn draw(kills: usize, partitions: usize, nodes: usize, random: &mut Rng) -> Vec<Fault> {
    type Kind = fn(usize) -> Fault;
    const KILLS: [Kind; 10] = [
        Fault::NodeKill,
        Fault::NodeStop,
        |_| Fault::PostgresKill,
        |_| Fault::NatsKill,
        |_| Fault::PostgresRestart,
        Fault::NodeStop,
        Fault::NodeKill,
        |_| Fault::NatsRestart,
        Fault::NodeStop,
        Fault::NodeKill,
    ];
    const PARTITIONS: [(Side, Flow); 10] = [
        (Side::Store, Flow::StalledDown),
        (Side::All, Flow::Stalled),
        (Side::Bus, Flow::StalledUp),
        (Side::Clients, Flow::Stalled),
        (Side::Store, Flow::Cut),
        (Side::Bus, Flow::Cut),
        (Side::Store, Flow::StalledUp),
        (Side::Clients, Flow::StalledDown),
        (Side::Bus, Flow::StalledDown),
        (Side::Store, Flow::Stalled),
    ];
    let mut faults: Vec<Fault> = KILLS.iter().cycle().take(kills).map(|kind| kind(random.usize(0..nodes))).collect();
    let partitions = PARTITIONS.iter().cycle().take(partitions);
    faults.extend(partitions.map(|(side, flow)| Fault::Link(random.usize(0..nodes), *side, *flow)));
    random.shuffle(&mut faults);
    faults
}

/// How many faults of each kind were made.
pub type Counts = BTreeMap<&'static str, usize>;

impl Cluster {
    /// Number of nodes.
    pub fn size(&self) -> usize {
        self.nodes.len()
    }

    /// Makes the fault, and perhaps the next one meanwhile; returns when everything runs again. How many of the faults were made.
    pub async fn suffer(&mut self, faults: &[Fault], random: &mut Rng, counts: &mut Counts) -> Result<usize, Error> {
        let Some((first, rest)) = faults.split_first() else { return Ok(0) };
        let mut current = vec![*first];
        let second = rest.first().filter(|second| !first.hits_same(**second) && random.usize(0..OVERLAP_ONE_IN) == 0);
        current.extend(second);
        for fault in &current {
            self.begin(*fault)?;
            *counts.entry(fault.name()).or_default() += 1;
            tokio::time::sleep(fault.length(random)).await;
        }
        current.sort_by_key(|fault| fault.end_rank());
        for fault in &current {
            self.end(*fault).await?;
        }
        Ok(current.len())
    }

    fn begin(&mut self, fault: Fault) -> Result<(), Error> {
        match fault {
            Fault::NodeKill(node) => self.nodes[node].server.kill()?,
            Fault::NodeStop(node) => self.nodes[node].server.pause(true)?,
            Fault::NatsKill => self.nats.kill(),
            Fault::NatsRestart => self.nats.stop(),
            Fault::PostgresKill => tokio::task::block_in_place(|| self.postgres.stop(Stop::Kill)),
            Fault::PostgresRestart => tokio::task::block_in_place(|| self.postgres.stop(Stop::Fast)),
            Fault::Link(node, side, flow) => self.set(node, side, flow),
        }
        Ok(())
    }

    async fn end(&mut self, fault: Fault) -> Result<(), Error> {
        match fault {
            Fault::NodeKill(node) => self.restart_node(node).await?,
            Fault::NodeStop(node) => self.nodes[node].server.pause(false)?,
            Fault::NatsKill | Fault::NatsRestart => tokio::task::block_in_place(|| self.nats.restart()),
            Fault::PostgresKill | Fault::PostgresRestart => {
                tokio::task::block_in_place(|| self.postgres.start_again());
            }
            Fault::Link(node, side, _) => self.set(node, side, Flow::Open),
        }
        Ok(())
    }

    /// A node that finds no database ends at once; whoever watches over it starts it again.
    async fn restart_node(&mut self, node: usize) -> Result<(), Error> {
        let start = Instant::now();
        loop {
            match tokio::task::block_in_place(|| self.nodes[node].server.restart()) {
                Err(_) if start.elapsed() < RESTART_MAX => tokio::time::sleep(RESTART_STEP).await,
                other => return other,
            }
        }
    }

    fn set(&self, node: usize, side: Side, flow: Flow) {
        let Some(links) = &self.nodes[node].links else { return };
        let chosen = match side {
            Side::Clients => vec![&links.clients],
            Side::Store => vec![&links.store],
            Side::Bus => vec![&links.bus],
            Side::All => vec![&links.clients, &links.store, &links.bus],
        };
        chosen.into_iter().for_each(|proxy| proxy.set(flow));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_comes_up() {
        let mut random = Rng::with_seed(7);
        let faults = draw(10, 10, 3, &mut random);
        for name in [
            "node_kills",
            "node_stops",
            "nats_kills",
            "nats_restarts",
            "postgres_kills",
            "postgres_restarts",
            "links_cut",
            "links_stalled_one_way",
            "links_stalled",
        ] {
            assert!(faults.iter().any(|fault| fault.name() == name), "{name}");
        }
    }

    #[test]
    fn what_comes_at_once_hits_different_things() {
        assert!(Fault::NodeKill(1).hits_same(Fault::NodeStop(1)));
        assert!(Fault::Link(1, Side::Store, Flow::Cut).hits_same(Fault::NodeKill(1)));
        assert!(!Fault::NodeKill(1).hits_same(Fault::NodeStop(2)));
        assert!(Fault::PostgresKill.hits_same(Fault::PostgresRestart));
        assert!(!Fault::PostgresKill.hits_same(Fault::NatsKill));
    }
}
