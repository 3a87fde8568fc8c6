//! `skein admin drain` and `skein admin nodes`: looking at the nodes of a running deployment, and having one give its links to the others.

use std::time::Duration;

use skein_client::{Address, ClientError, ConnectOptions, http};
use skein_proto::v1::{self, NodePhase};

use super::super::Outcome;

/// Between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(500);

/// Which deployment, and as whom.
#[derive(clap::Args)]
struct Place {
    /// Any node of the deployment that takes clients: http://host:port
    #[arg(long)]
    url: Address,
    /// One of admin.keys
    #[arg(long, env = "SKEIN_ADMIN_KEY", hide_env_values = true)]
    key: String,
    /// A PEM file of certificates to trust besides the usual authorities
    #[arg(long)]
    trust: Option<std::path::PathBuf>,
}

/// The clients of the node go to the others, then it ends.
#[derive(clap::Args)]
pub(super) struct Drain {
    #[command(flatten)]
    place: Place,
    /// The node's name, as `skein admin nodes` shows it [default: the one that is asked]
    #[arg(long, default_value_t)]
    node: String,
    /// Clients leave at random moments within this time, in milliseconds [default: as configured]
    #[arg(long, default_value_t)]
    spread_ms: u32,
    /// The process goes on without links
    #[arg(long)]
    stay: bool,
    /// Call it off: the node serves again; who has been told to leave still leaves
    #[arg(long, conflicts_with_all = ["stay", "spread_ms"])]
    cancel: bool,
    /// Return at once instead of showing how far it is
    #[arg(long)]
    no_wait: bool,
}

/// One line per node.
#[derive(clap::Args)]
pub(super) struct Nodes {
    #[command(flatten)]
    place: Place,
}

impl Place {
    async fn call<Q, A>(&self, method: &str, request: &Q) -> Result<A, ClientError>
    where
        Q: skein_proto::codec::Body,
        A: skein_proto::codec::Body,
    {
        let options = ConnectOptions { trusted_certificates: self.trust.clone(), ..ConnectOptions::default() };
        http::call(&self.url, &options, Some(&self.key), method, request).await
    }

    async fn nodes(&self) -> Result<Vec<v1::Node>, ClientError> {
        let answer: v1::ListNodesResponse =
            self.call("AdminService/ListNodes", &v1::ListNodesRequest::default()).await?;
        Ok(answer.nodes)
    }
}

impl Nodes {
    pub(super) async fn run(self) -> Outcome {
        for node in self.place.nodes().await? {
            println!("{}", line(&node));
        }
        Ok(())
    }
}

impl Drain {
    pub(super) async fn run(self) -> Outcome {
        let request = v1::DrainNodeRequest {
            node: self.node.clone(),
            spread_ms: self.spread_ms,
            cancel: self.cancel,
            stay: self.stay,
            ..Default::default()
        };
        let answer: v1::DrainNodeResponse = self.place.call("AdminService/DrainNode", &request).await?;
        println!("{}", line(&answer.node));
        if self.cancel || self.no_wait {
            return Ok(());
        }
        let mut shown = line(&answer.node);
        loop {
            tokio::time::sleep(LOOK).await;
            let Some(node) = self.look(&answer.node.name).await? else {
                println!("{} has ended", answer.node.name);
                return Ok(());
            };
            if line(&node) != shown {
                shown = line(&node);
                println!("{shown}");
            }
            match phase(&node) {
                NodePhase::Drained if self.stay => return Ok(()),
                NodePhase::Serving => return Err("the drain was called off".into()),
                _ => {}
            }
        }
    }

    /// How far the node is; `None` when it is gone.
    async fn look(&self, name: &str) -> Result<Option<v1::Node>, ClientError> {
        match self.place.nodes().await {
            Ok(nodes) => Ok(nodes.into_iter().find(|node| node.name == name)),
            // It was the one that is asked.
            Err(ClientError::Connection(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn phase(node: &v1::Node) -> NodePhase {
    node.phase.as_known().unwrap_or_default()
}

fn line(node: &v1::Node) -> String {
    let phase = format!("{:?}", phase(node)).to_lowercase();
    let mut line = format!("{}  {phase}  {} links", node.name, node.links);
    if node.links_at_start > 0 {
        line += &format!(" of {}", node.links_at_start);
    }
    if !node.region.is_empty() {
        line += &format!("  {}", node.region);
    }
    if !node.addresses.is_empty() {
        line += &format!("  {}", node.addresses.join(" "));
    }
    line
}
