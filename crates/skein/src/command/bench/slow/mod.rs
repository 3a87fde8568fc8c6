//! `skein bench slow`: whether those who stop reading are felt by those who read.

mod member;

use std::{
    collections::HashSet,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use skein_client::account::Login;
use skein_proto::v1::{self, send_message_request::To};
use tokio::{sync::watch, task::JoinSet};

use self::member::{Group, Member, Phase, World};
use super::{
    peer::{Heard, Peer},
    report::{Report, progress, say},
    server::{Server, cpu_of},
};
use crate::command::{Error, Outcome};

/// Members of a group; more than the store writes a row each for.
const GROUP_SIZE: usize = 400;
/// Everything has been used once before memory is read.
const WARM_UP: Duration = Duration::from_secs(5);
/// Between two readings of memory.
const LOOK: Duration = Duration::from_millis(250);
/// How long the answers to the last messages may take.
const ANSWERS_MAX: Duration = Duration::from_secs(20);

/// Options of `skein bench slow`.
#[derive(clap::Args)]
pub struct Args {
    /// Members of the groups, all connected
    #[arg(long, default_value_t = 800)]
    connections: usize,
    /// How many of them stop reading, in percent
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u8).range(1..=99))]
    stalled: u8,
    /// Messages per second to each group
    #[arg(long, default_value_t = 5.0)]
    rate: f64,
    /// Bytes of text of each message: what the system keeps for a connection has to be full before the server feels anything
    #[arg(long, default_value_t = 4_000)]
    bytes: usize,
    /// Length of each stage, in seconds
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// Everybody, and who talks.
struct Cast {
    members: JoinSet<Result<u64, Error>>,
    talkers: Vec<(Peer, Arc<Group>)>,
    stalled: usize,
}

pub async fn run(args: Args) -> Outcome {
    if args.rate <= 0.0 {
        return Err("--rate must be above 0".into());
    }
    let server = Server::start(false)?;
    let groups = args.connections.max(2).div_ceil(GROUP_SIZE);
    let people = server.log_in(args.connections.max(2) + groups).await?;
    let world = Arc::new(World::new(server.address(false)?, server.options())?);
    let (phase, phases) = watch::channel(Phase::WarmUp);
    let Cast { mut members, mut talkers, stalled } = gather(&args, &world, &people, groups, &phases).await?;
    let length = Duration::from_secs(args.seconds.max(1));
    talk(&args, &world, &mut talkers, WARM_UP, None).await?;
    say("everybody reads");
    phase.send_replace(Phase::Calm);
    let calm_growth = talk(&args, &world, &mut talkers, length, Some(&server)).await?;
    say(&format!("{stalled} of {} stop reading", args.connections));
    phase.send_replace(Phase::Stalled);
    let (server_cpu, generator_cpu) = (server.cpu()?, cpu_of("self")?);
    let growth = talk(&args, &world, &mut talkers, length, Some(&server)).await?;
    let server_cpu = server.cpu()?.saturating_sub(server_cpu).as_secs_f64();
    let generator_cpu = cpu_of("self")?.saturating_sub(generator_cpu).as_secs_f64();
    say("everybody reads again");
    phase.send_replace(Phase::Return);
    let mut lost = 0;
    while let Some(done) = members.join_next().await {
        lost += done??;
    }
    let ms = |histogram: &std::sync::Mutex<hdrhistogram::Histogram<u64>>, quantile| {
        let histogram = histogram.lock().unwrap_or_else(PoisonError::into_inner);
        histogram.value_at_quantile(quantile) as f64 / 1_000.0
    };
    let mut report = Report::default();
    report.add("connections", args.connections);
    report.add("stalled_connections", stalled);
    report.add("bytes_per_stalled_connection", growth / stalled.max(1) as u64);
    report.add("server_growth_bytes", growth);
    report.add("server_growth_before_bytes", calm_growth);
    report.add_rounded("healthy_p50_before_ms", ms(&world.calm, 0.5));
    report.add_rounded("healthy_p99_before_ms", ms(&world.calm, 0.99));
    report.add_rounded("healthy_p50_ms", ms(&world.stalled, 0.5));
    report.add_rounded("healthy_p99_ms", ms(&world.stalled, 0.99));
    report.add_rounded("healthy_p99_ratio", ms(&world.stalled, 0.99) / ms(&world.calm, 0.99).max(0.001));
    report.add("closed_by_server", world.closed.load(Ordering::Relaxed));
    report.add("told_to_pull", world.told.load(Ordering::Relaxed));
    report.add("lost", lost);
    report.add("messages_per_member", talkers.iter().map(|(_, group)| group.sent.load(Ordering::Relaxed)).max());
    report.add("message_bytes", args.bytes);
    report.add_rounded("generator_cpu_share", generator_cpu / (generator_cpu + server_cpu).max(1e-9));
    report.print(args.json);
    if lost > 0 { Err(format!("{lost} messages were lost").into()) } else { Ok(()) }
}

/// Makes the groups, and connects everybody.
async fn gather(
    args: &Args,
    world: &Arc<World>,
    people: &[Login],
    groups: usize,
    phases: &watch::Receiver<Phase>,
) -> Result<Cast, Error> {
    let (owners, rest) = people.split_at(groups);
    let mut cast = Cast { members: JoinSet::new(), talkers: Vec::new(), stalled: 0 };
    let mut connected = 0;
    for (owner, members) in owners.iter().zip(rest.chunks(rest.len().div_ceil(groups))) {
        let mut talker = Peer::connect(&world.address, &world.options, owner).await?;
        let request = v1::CreateGroupRequest {
            name: "slow".to_owned(),
            user_ids: members.iter().map(|login| login.user.user_id).collect(),
            ..Default::default()
        };
        let answer: v1::CreateGroupResponse = talker.call("GroupService/CreateGroup", &request).await?;
        let conversation = answer.group.into_option().unwrap_or_default().conversation_id;
        let group = Arc::new(Group { conversation, sent: AtomicU64::new(0) });
        let stalled = members.len() * usize::from(args.stalled) / 100;
        cast.stalled += stalled;
        for (index, login) in members.iter().enumerate() {
            let peer = Peer::connect(&world.address, &world.options, login).await?;
            let member = Member {
                world: world.clone(),
                group: group.clone(),
                login: login.clone(),
                peer,
                stalls: index < stalled,
                seen: HashSet::new(),
                told: false,
            };
            cast.members.spawn(member.run(phases.clone()));
            connected += 1;
            progress("connecting", connected, rest.len());
        }
        cast.talkers.push((talker, group));
    }
    Ok(cast)
}

/// Everybody who talks does so for a while, on an open-loop schedule, and waits for the answers. By how much the memory of the server grew at most.
async fn talk(
    args: &Args,
    world: &Arc<World>,
    talkers: &mut [(Peer, Arc<Group>)],
    length: Duration,
    server: Option<&Server>,
) -> Result<u64, Error> {
    let before = server.map(Server::resident_bytes).transpose()?.unwrap_or_default();
    let talking = talkers.iter_mut().map(|(peer, group)| say_all(args, world, peer, group, length));
    let talking = futures::future::try_join_all(talking);
    let mut most = before;
    let mut looks = tokio::time::interval(LOOK);
    tokio::pin!(talking);
    loop {
        tokio::select! {
            done = &mut talking => {
                done?;
                return Ok(most.saturating_sub(before));
            }
            _ = looks.tick() => if let Some(server) = server {
                most = most.max(server.resident_bytes()?);
            }
        }
    }
}

async fn say_all(args: &Args, world: &World, peer: &mut Peer, group: &Group, length: Duration) -> Result<(), Error> {
    let interval = Duration::from_secs_f64(1.0 / args.rate);
    let (begin, mut open, mut heard) = (Instant::now(), HashSet::new(), Vec::new());
    let (mut next, mut number) = (begin, group.sent.load(Ordering::Acquire));
    let padding = "x".repeat(args.bytes);
    while next < begin + length || !open.is_empty() {
        if next <= Instant::now() && next < begin + length {
            let due = next.saturating_duration_since(world.start).as_micros();
            let text = format!("{number} {due} {padding}");
            open.insert(peer.send_to(To::ConversationId(group.conversation.clone()), text)?);
            peer.flush().await?;
            (next, number) = (next + interval, number + 1);
            continue;
        }
        let wait = if next < begin + length { next } else { begin + length + ANSWERS_MAX };
        tokio::select! {
            outcome = peer.hear(&mut heard) => outcome?,
            () = tokio::time::sleep_until(wait.into()) => if next >= begin + length {
                return Err("a message was not answered".into());
            },
        }
        for heard in heard.drain(..) {
            if let Heard::Answer(id, result) = heard {
                result?;
                open.remove(&id);
                group.sent.fetch_add(1, Ordering::Release);
            }
        }
    }
    Ok(())
}
