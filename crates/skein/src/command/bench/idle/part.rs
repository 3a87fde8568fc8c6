//! One process of idle connections: a process may open only so many files. It is told on its standard input what to do, and says there when it has:
//! tokens and keys are in no argument that others could read.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::IpAddr,
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use skein_client::{Address, ConnectOptions, account::Login};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::command::{
    Error, Outcome,
    bench::{
        peer::{Heard, Peer},
        people,
    },
};

/// Pairs that connect at the same time.
const CONCURRENCY: usize = 32;
/// How long connecting may take.
const CONNECT_MAX: Duration = Duration::from_secs(60);
/// What a part says when its people are logged in, and when they are connected; what it is told to go on.
const LOGGED_IN: &str = "logged in";
const CONNECT: &str = "connect";
const CONNECTED: &str = "connected";

/// Takes no options: it reads what it has to do.
#[derive(clap::Args)]
pub struct Args {}

/// What a part has to do.
#[derive(Serialize, Deserialize)]
pub struct Plan {
    /// Where the connections go.
    pub address: String,
    /// Where people log in.
    pub log_in_address: String,
    pub trusted_certificates: Option<PathBuf>,
    /// Key for minting tokens.
    pub host_key: String,
    /// The address they come from.
    pub source: IpAddr,
    /// The number of the first of its people.
    pub first: usize,
    /// How many; even.
    pub count: usize,
    pub heartbeat_ms: u64,
}

impl Plan {
    pub fn address(&self) -> Result<Address, Error> {
        Ok(self.address.parse()?)
    }

    fn options(&self) -> ConnectOptions {
        ConnectOptions {
            trusted_certificates: self.trusted_certificates.clone(),
            local_address: Some(self.source),
            timeout: CONNECT_MAX,
            ..ConnectOptions::default()
        }
    }
}

/// A part as the process that started it sees it. Dropping it ends it.
pub struct Part {
    pub plan: Plan,
    child: Child,
    /// Until it is to end.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Part {
    pub fn start(plan: Plan) -> Result<Self, Error> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["bench", "idle-part"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().ok_or("no output")?);
        Ok(Self { plan, child, input, output })
    }

    /// Logs its people in.
    pub fn log_in(&mut self) -> Outcome {
        let plan = serde_json::to_string(&self.plan)?;
        self.ask(&plan, LOGGED_IN)
    }

    /// Connects them.
    pub fn connect(&mut self) -> Outcome {
        self.ask(CONNECT, CONNECTED)
    }

    /// Ends it. An error when a connection was lost meanwhile.
    pub fn finish(&mut self) -> Outcome {
        drop(self.input.take());
        let ended = tokio::task::block_in_place(|| self.child.wait())?;
        if ended.success() { Ok(()) } else { Err("connections were lost while they idled".into()) }
    }

    /// Says a line, and waits for this answer.
    fn ask(&mut self, line: &str, answer: &str) -> Outcome {
        let mut said = String::new();
        tokio::task::block_in_place(|| {
            writeln!(self.input.as_mut().ok_or("it has ended")?, "{line}")?;
            self.output.read_line(&mut said)?;
            Ok::<_, Error>(())
        })?;
        if said.trim_end() == answer {
            return Ok(());
        }
        Err(format!("a process with connections said {said:?} instead of {answer:?}").into())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The next line of what it is told; `None` at the end.
async fn told() -> Result<Option<String>, Error> {
    let line = tokio::task::spawn_blocking(|| std::io::stdin().lines().next().transpose()).await??;
    Ok(line)
}

/// `skein bench idle-part`.
pub async fn run(_: Args) -> Outcome {
    let plan: Plan = serde_json::from_str(&told().await?.ok_or("nothing to do")?)?;
    let (address, options) = (plan.address()?, plan.options());
    let numbers = plan.first..plan.first + plan.count;
    let people = people::log_in(&plan.log_in_address.parse()?, &options, &plan.host_key, numbers).await?;
    println!("{LOGGED_IN}");
    if told().await?.as_deref() != Some(CONNECT) {
        return Ok(());
    }
    let mut idling = JoinSet::new();
    connect_all(&people, &address, &options, Duration::from_millis(plan.heartbeat_ms), &mut idling).await?;
    println!("{CONNECTED}");
    tokio::select! {
        // Nothing more is said: the end of the input is the end.
        line = told() => line.map(drop),
        lost = idling.join_next() => lost.transpose()?.unwrap_or(Ok(())),
    }
}

/// Connects everybody; what idles afterwards is in `idling`.
async fn connect_all(
    people: &[Login],
    address: &Address,
    options: &ConnectOptions,
    heartbeat: Duration,
    idling: &mut JoinSet<Outcome>,
) -> Outcome {
    let permits = Arc::new(Semaphore::new(CONCURRENCY));
    let mut connecting = JoinSet::new();
    for pair in people.chunks_exact(2) {
        let permit = permits.clone().acquire_owned().await?;
        let (address, options, pair) = (address.clone(), options.clone(), pair.to_vec());
        connecting.spawn(async move {
            let _permit = permit;
            let mut one = Peer::connect(&address, &options, &pair[0]).await?;
            let mut other = Peer::connect(&address, &options, &pair[1]).await?;
            greet(&mut one, &mut other, pair[1].user.user_id).await?;
            greet(&mut other, &mut one, pair[0].user.user_id).await?;
            Ok::<_, Error>([one, other])
        });
        while let Some(done) = connecting.try_join_next() {
            idle_on(done??, heartbeat, idling);
        }
    }
    while let Some(done) = connecting.join_next().await {
        idle_on(done??, heartbeat, idling);
    }
    Ok(())
}

/// Both do nothing but ping. They began at different times, so their pings do not come together.
fn idle_on(pair: [Peer; 2], heartbeat: Duration, idling: &mut JoinSet<Outcome>) {
    for mut peer in pair {
        idling.spawn(async move {
            let mut heard = Vec::new();
            let mut beats = tokio::time::interval_at(tokio::time::Instant::now() + heartbeat, heartbeat);
            loop {
                tokio::select! {
                    outcome = peer.hear(&mut heard) => outcome?,
                    _ = beats.tick() => peer.ping().await?,
                }
                heard.clear();
            }
        });
    }
}

/// One message from one to the other, acked by both sides.
async fn greet(from: &mut Peer, to: &mut Peer, to_id: u64) -> Outcome {
    from.send(to_id, "hello".to_owned())?;
    from.flush().await?;
    let mut heard = Vec::new();
    while !heard.iter().any(|heard| matches!(heard, Heard::Answer(_, Ok(_)))) {
        from.hear(&mut heard).await?;
        if let Some(Heard::Answer(_, Err(error))) = heard.last() {
            return Err(error.clone().into());
        }
    }
    heard.clear();
    while !heard.iter().any(|heard| matches!(heard, Heard::Message(_))) {
        to.hear(&mut heard).await?;
    }
    to.acknowledge()?;
    to.flush().await
}
