//! `skein bench crash`: SIGKILL under load, restart, and in the end every promise is checked.

mod converge;
mod sender;
mod view;
mod world;

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use skein_client::{Client, MemoryCache};
use skein_testkit::{
    history::{Attempt, Fault, History, Send, check},
    workload::Workload,
};
use tokio::task::JoinSet;

use self::{
    sender::{Sender, Sends},
    world::World,
};
use super::{
    report::{Report, progress, say},
    target::Target,
};
use crate::command::{Error, Outcome};

/// Members of each group.
const GROUP_SIZE: usize = 8;
/// A fault comes within this after everything is up again, at a random moment.
const UPTIME_MAX_MS: u64 = 1_200;
/// The least time between two faults: clients get to reconnect, so that there is load.
const UPTIME_MIN_MS: u64 = 300;
/// How long everybody may take to be answered after the last restart.
const DRAIN: Duration = Duration::from_secs(60);
/// How long looking at everything may take in the end.
const COLLECT: Duration = Duration::from_secs(180);
/// A cluster has to be well again within this after the last fault, on a machine that is not overloaded.
const CONVERGE_MAX: Duration = Duration::from_secs(10);
/// Findings that are printed.
const SHOWN_MAX: usize = 20;

/// Options of `skein bench crash`.
#[derive(clap::Args)]
pub struct Args {
    /// How often a process is killed, stopped or restarted
    #[arg(long, default_value_t = 20)]
    kills: usize,
    /// Concurrent senders
    #[arg(long, default_value_t = 64)]
    senders: usize,
    /// Repeats the choices of a run; the moments of the machine are its own
    #[arg(long)]
    seed: Option<u64>,
    /// A cluster of so many nodes instead of a single server
    #[arg(long, value_name = "NODES")]
    cluster: Option<usize>,
    /// Nodes without a database, besides
    #[arg(long, value_name = "NODES", default_value_t = 0, requires = "cluster")]
    access_nodes: usize,
    /// How often a link is cut or stalls
    #[arg(long, default_value_t = 0, requires = "cluster")]
    partitions: usize,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args) -> Outcome {
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..));
    let mut random = fastrand::Rng::with_seed(seed);
    let senders = args.senders.max(GROUP_SIZE).next_multiple_of(GROUP_SIZE);
    let mut target = match args.cluster {
        None => Target::one(args.kills)?,
        Some(nodes) => Target::cluster(nodes, args.access_nodes, args.kills, args.partitions, &mut random)?,
    };
    let people = target.log_in(senders).await?;
    let mut clients = Vec::new();
    for (index, login) in people.iter().enumerate() {
        let cache = MemoryCache::default();
        clients.push(Client::start(target.addresses(index)?, target.options(), login.clone(), cache));
    }
    let world = World::build(clients, &people).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let mut senders = JoinSet::new();
    for (index, client) in world.clients.iter().enumerate() {
        let places = world.places[index].clone();
        let workload = Workload::new(seed.wrapping_add(index as u64), places.len());
        senders.spawn(Sender::new(client.clone(), places, workload).run(stop.clone()));
    }
    let rosters = suffer(&world, &mut target, &mut random).await?;
    stop.store(true, Ordering::Relaxed);
    say("waiting for the last answers, then checking");
    let done = tokio::time::timeout(DRAIN, last_answers(senders, rosters)).await;
    let Sends { sends, refused } = done.map_err(|_| "some senders were never answered")??;
    let converged = converge::wait(&world, target.healed()).await?;
    let mut history = History { sends, ..History::default() };
    let collected = tokio::time::timeout(COLLECT, world.collect(args.kills + args.partitions > 0, &mut history)).await;
    collected.map_err(|_| "looking at everything took too long")??;
    judge(Run { args: &args, seed, target: &target, converged, refused }, &history)
}

/// All the faults, and the roster changes meanwhile.
async fn suffer(
    world: &World,
    target: &mut Target,
    random: &mut fastrand::Rng,
) -> Result<JoinSet<Result<(), String>>, Error> {
    let (mut rosters, mut made, total) = (JoinSet::new(), 0, target.faults_left());
    while made < total {
        let before = made;
        tokio::time::sleep(Duration::from_millis(random.u64(UPTIME_MIN_MS..UPTIME_MAX_MS))).await;
        world.change_rosters(before, total, &mut rosters);
        made += target.suffer(random).await?;
        // Of two at once, the second one has its turn too.
        (before + 1..made).for_each(|turn| world.change_rosters(turn, total, &mut rosters));
        progress("breaking things", made, total);
    }
    Ok(rosters)
}

async fn last_answers(mut senders: JoinSet<Sends>, mut rosters: JoinSet<Result<(), String>>) -> Result<Sends, Error> {
    let mut all = Sends::default();
    while let Some(done) = senders.join_next().await {
        let done = done?;
        all.sends.extend(done.sends);
        all.refused += done.refused;
    }
    while let Some(done) = rosters.join_next().await {
        done??;
    }
    Ok(all)
}

/// What the verdict is about.
struct Run<'a> {
    args: &'a Args,
    seed: u64,
    target: &'a Target,
    /// From the last fault until everybody was served and saw everything.
    converged: Duration,
    refused: usize,
}

fn judge(run: Run<'_>, history: &History) -> Outcome {
    let Run { args, seed, target, converged, refused } = run;
    let verdict = check(history);
    let mut report = Report::default();
    report.add("acked", verdict.acked);
    for (name, fault) in [
        ("lost", Fault::Lost),
        ("duplicated", Fault::Duplicated),
        ("reordered", Fault::Reordered),
        ("gaps", Fault::Gap),
        ("unread_mismatches", Fault::UnreadMismatch),
        ("resurrected", Fault::Resurrected),
        ("fence_violations", Fault::FenceViolated),
        ("diverged", Fault::Diverged),
        ("invented", Fault::Invented),
    ] {
        report.add(name, verdict.count(&fault));
    }
    report.add_rounded("converged_after_last_fault_s", converged.as_secs_f64());
    for (name, count) in target.counts() {
        report.add(name, *count);
    }
    let senders: HashSet<u64> = history.memberships.iter().map(|member| member.user).collect();
    report.add("senders", senders.len());
    report.add("unanswered", history.sends.len() - verdict.acked - refused);
    report.add("refused_as_non_member", refused);
    let count = |what: fn(&Send) -> bool| history.sends.iter().filter(|send| what(send)).count();
    report.add("repeated", count(|send| send.answers.len() > 1));
    report.add("recalled", count(|send| send.recall == Attempt::Done));
    report.add("deleted", count(|send| send.deletion == Attempt::Done));
    report.add("views_checked", history.views.len());
    report.add("seed", seed);
    report.print(args.json);
    let late = args.cluster.is_some() && converged > CONVERGE_MAX;
    for finding in verdict.findings.iter().take(SHOWN_MAX) {
        eprintln!("{finding}");
    }
    if verdict.acked == 0 {
        Err("nothing was acked, so nothing was proved".into())
    } else if verdict.findings.is_empty() && late {
        Err(format!("it took {converged:?} after the last fault until everybody was served").into())
    } else if verdict.findings.is_empty() {
        Ok(())
    } else {
        Err(format!("{} promises were broken; repeat with --seed {seed}", verdict.findings.len()).into())
    }
}
