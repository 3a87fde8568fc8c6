//! `skein bench crash`: SIGKILL under load, restart, and in the end every promise is checked.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hasher as _},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use skein_client::{Client, ClientError, MemoryCache, account::Login};
use skein_proto::{
    id::{ConversationId, UserId},
    v1::{self, MessageState, send_message_request::To},
};
use skein_testkit::{
    history::{Acked, Attempt, Fault, History, Membership, Seen, Send, View, check},
    workload::{Operation, Workload},
};
use tokio::task::JoinSet;

use super::{
    people,
    report::{Report, progress, say},
    server::Server,
};
use crate::command::Outcome;

use crate::command::Error;

/// Members of each group.
const GROUP_SIZE: usize = 8;
/// A kill comes within this after the server is up again, at a random moment.
const UPTIME_MAX_MS: u64 = 1_200;
/// The least time between two kills: clients get to reconnect, so that there is load.
const UPTIME_MIN_MS: u64 = 300;
/// How long everybody may take to be answered after the last restart.
const DRAIN: Duration = Duration::from_secs(60);
/// How long looking at everything may take in the end.
const COLLECT: Duration = Duration::from_secs(180);
/// Findings that are printed.
const SHOWN_MAX: usize = 20;

/// Senders write to one another and to groups, send again what was answered before, take messages back, delete, and read, while the server is killed;
/// halfway somebody joins each group, and later somebody is removed. Whatever was acked must be there, once, in order, for everybody who may read it;
/// whatever was taken back must stay away; unread must equal a recount. Exits with 1 otherwise.
#[derive(clap::Args)]
pub struct Args {
    /// How often the server is killed
    #[arg(long, default_value_t = 20)]
    kills: usize,
    /// Concurrent senders
    #[arg(long, default_value_t = 64)]
    senders: usize,
    /// Repeats the choices of a run; the moments of the machine are its own
    #[arg(long)]
    seed: Option<u64>,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args) -> Outcome {
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..));
    let senders = args.senders.max(GROUP_SIZE).next_multiple_of(GROUP_SIZE);
    let mut server = Server::start(false)?;
    let people = people::log_in(&server, senders).await?;
    let (address, options) = (server.address(false)?, server.options());
    let clients: Vec<Client> = people
        .iter()
        .map(|login| Client::start(address.clone(), options.clone(), login.clone(), MemoryCache::default()))
        .collect();
    let world = World::build(clients, &people).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let mut senders = JoinSet::new();
    for (index, client) in world.clients.iter().enumerate() {
        let places = world.places[index].clone();
        let workload = Workload::new(seed.wrapping_add(index as u64), places.len());
        senders.spawn(Sender { client: client.clone(), places, workload, sends: Vec::new() }.run(stop.clone()));
    }
    let mut rosters = JoinSet::new();
    let mut random = fastrand::Rng::with_seed(seed);
    for kill in 0..args.kills {
        world.change_rosters(kill, args.kills, &mut rosters);
        tokio::time::sleep(Duration::from_millis(random.u64(UPTIME_MIN_MS..UPTIME_MAX_MS))).await;
        server.kill()?;
        server.restart()?;
        progress("killing the server", kill + 1, args.kills);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    stop.store(true, Ordering::Relaxed);
    say("waiting for the last answers, then checking");
    let sends = tokio::time::timeout(DRAIN, last_answers(senders, rosters)).await;
    let mut history = History { sends: sends.map_err(|_| "some senders were never answered")??, ..History::default() };
    let collected = tokio::time::timeout(COLLECT, world.collect(args.kills > 0, &mut history)).await;
    collected.map_err(|_| "looking at everything took too long")??;
    judge(&args, seed, world.clients.len(), &history)
}

async fn last_answers(
    mut senders: JoinSet<Vec<Send>>,
    mut rosters: JoinSet<Result<(), String>>,
) -> Result<Vec<Send>, Error> {
    let mut sends = Vec::new();
    while let Some(done) = senders.join_next().await {
        sends.extend(done?);
    }
    while let Some(done) = rosters.join_next().await {
        done??;
    }
    Ok(sends)
}

/// Who is where.
struct World {
    clients: Vec<Client>,
    /// The conversations that each client writes to.
    places: Vec<Vec<String>>,
    groups: Vec<Group>,
}

/// A group whose roster changes meanwhile. The numbers are of clients.
struct Group {
    conversation: String,
    owner: usize,
    /// Added halfway; tries to write from the start.
    late: usize,
    /// Removed later; goes on trying to write.
    removed: usize,
}

impl World {
    /// Two one-to-one conversations each, and two groups that overlap.
    async fn build(clients: Vec<Client>, people: &[Login]) -> Result<Self, Error> {
        let count = clients.len();
        let id = |index: usize| people[index % count].user.user_id;
        let mut places: Vec<Vec<String>> = (0..count)
            .map(|index| {
                [index + 1, index + count - 1]
                    .map(|other| ConversationId::direct(UserId(id(index)), UserId(id(other))).to_string())
                    .to_vec()
            })
            .collect();
        let mut groups = Vec::new();
        for owner in (0..count).step_by(GROUP_SIZE / 2) {
            let members: Vec<usize> = (owner..owner + GROUP_SIZE).map(|index| index % count).collect();
            let (late, removed) = (members[GROUP_SIZE - 1], members[1]);
            let founders: Vec<u64> = members[1..GROUP_SIZE - 1].iter().map(|index| id(*index)).collect();
            let group = clients[owner].create_group(&format!("group {owner}"), &founders).await?;
            for index in members {
                places[index].push(group.conversation_id.clone());
            }
            groups.push(Group { conversation: group.conversation_id, owner, late, removed });
        }
        for own in &mut places {
            own.sort();
            own.dedup();
        }
        Ok(Self { clients, places, groups })
    }

    /// Starts the roster changes that are due before this kill.
    fn change_rosters(&self, kill: usize, kills: usize, tasks: &mut JoinSet<Result<(), String>>) {
        for group in &self.groups {
            let owner = self.clients[group.owner].clone();
            if kill == kills / 2 {
                let request = v1::AddMembersRequest {
                    conversation_id: group.conversation.clone(),
                    user_ids: vec![self.clients[group.late].user_id()],
                    ..Default::default()
                };
                let owner = owner.clone();
                tasks.spawn(async move {
                    let answer = owner.call::<_, v1::AddMembersResponse>("GroupService/AddMembers", &request).await;
                    answer.map(drop).map_err(|error| format!("adding a member: {error}"))
                });
            }
            if kill == kills * 3 / 4 {
                let request = v1::RemoveMembersRequest {
                    conversation_id: group.conversation.clone(),
                    user_ids: vec![self.clients[group.removed].user_id()],
                    ..Default::default()
                };
                tasks.spawn(async move {
                    let answer =
                        owner.call::<_, v1::RemoveMembersResponse>("GroupService/RemoveMembers", &request).await;
                    answer.map(drop).map_err(|error| format!("removing a member: {error}"))
                });
            }
        }
    }

    /// What everybody sees in the end.
    async fn collect(&self, changed: bool, history: &mut History) -> Result<(), Error> {
        let rosters = self.joined_seqs().await?;
        for (index, client) in self.clients.iter().enumerate() {
            client.pull().await?;
            for place in &self.places[index] {
                let group = self.groups.iter().find(|group| group.conversation == *place);
                // What the owner was told decides, not what the server says now.
                let former =
                    group.is_some_and(|group| if changed { group.removed == index } else { group.late == index });
                let joined = rosters.get(&(place.clone(), client.user_id())).copied();
                let member = Membership {
                    user: client.user_id(),
                    conversation: place.clone(),
                    first_seq: joined.unwrap_or(1),
                    former,
                };
                history.views.extend(view(client, &member).await?);
                if !former {
                    history.views.extend(device_view(client, place));
                }
                history.memberships.push(member);
            }
        }
        Ok(())
    }

    /// From which seq on each member of each group may read.
    async fn joined_seqs(&self) -> Result<HashMap<(String, u64), u64>, Error> {
        let mut joined = HashMap::new();
        for group in &self.groups {
            let request = v1::SyncMembersRequest { conversation_id: group.conversation.clone(), ..Default::default() };
            let owner = &self.clients[group.owner];
            let page: v1::SyncMembersResponse = owner.call("GroupService/SyncMembers", &request).await?;
            for member in page.members {
                joined.insert((group.conversation.clone(), member.user_id), member.joined_seq);
            }
        }
        Ok(joined)
    }
}

struct Sender {
    client: Client,
    places: Vec<String>,
    workload: Workload,
    sends: Vec<Send>,
}

impl Sender {
    /// One operation after the other; each is repeated by the SDK until it is answered.
    async fn run(mut self, stop: Arc<AtomicBool>) -> Vec<Send> {
        while !stop.load(Ordering::Relaxed) {
            match self.workload.next_operation() {
                Operation::Send(place) => self.send(place).await,
                Operation::Recall(ago) => self.recall(ago).await,
                Operation::Repeat(ago) => self.repeat(ago).await,
                Operation::Delete(ago) => self.delete(ago).await,
                Operation::Read(place) => {
                    // A read that fails moves nothing.
                    let _ = self.client.mark_read(&self.places[place]).await;
                }
            }
        }
        self.sends
    }

    async fn send(&mut self, place: usize) {
        let send = Send {
            sender: self.client.user_id(),
            conversation: self.places[place].clone(),
            client_id: skein_client::client::new_client_id(),
            content: 0,
            answers: Vec::new(),
            recall: Attempt::None,
            deletion: Attempt::None,
        };
        let mut send = Send { content: fingerprint(&send.client_id), ..send };
        send.answers.extend(self.ask(&send).await);
        self.sends.push(send);
    }

    /// The text is the client id, so that a repeated request is the same to the bit.
    async fn ask(&self, send: &Send) -> Option<Acked> {
        let conversation = send.conversation.parse::<ConversationId>().ok();
        // Direct conversations come into being with their first message.
        let to = match conversation.and_then(|id| id.peer_of(UserId(send.sender))) {
            Some(peer) => To::UserId(peer.0),
            None => To::ConversationId(send.conversation.clone()),
        };
        let request = v1::SendMessageRequest {
            to: Some(to),
            client_message_id: send.client_id.clone(),
            content: skein_client::client::text_content(&send.client_id).into(),
            ..Default::default()
        };
        let answer: Result<v1::SendMessageResponse, _> = self.client.call("MessageService/SendMessage", &request).await;
        answer.ok().map(|sent| Acked { message_id: sent.message_id, seq: sent.seq })
    }

    /// The index of an answered send, and its answer.
    fn answered(&self, ago: usize) -> Option<(usize, Acked)> {
        let index = self.sends.len().checked_sub(ago + 1)?;
        Some((index, self.sends[index].acked()?))
    }

    async fn repeat(&mut self, ago: usize) {
        let Some((index, _)) = self.answered(ago) else { return };
        let answer = self.ask(&self.sends[index]).await;
        self.sends[index].answers.extend(answer);
    }

    async fn recall(&mut self, ago: usize) {
        let Some((index, acked)) = self.answered(ago) else { return };
        let send = &mut self.sends[index];
        let request = v1::RecallMessageRequest {
            conversation_id: send.conversation.clone(),
            message_id: acked.message_id,
            ..Default::default()
        };
        let answer: Result<v1::RecallMessageResponse, _> =
            self.client.call("MessageService/RecallMessage", &request).await;
        send.recall = attempted(send.recall, answer.is_ok());
    }

    async fn delete(&mut self, ago: usize) {
        let Some((index, acked)) = self.answered(ago) else { return };
        let send = &mut self.sends[index];
        let request = v1::DeleteMessagesRequest {
            conversation_id: send.conversation.clone(),
            message_ids: vec![acked.message_id],
            ..Default::default()
        };
        let answer: Result<v1::DeleteMessagesResponse, _> =
            self.client.call("MessageService/DeleteMessages", &request).await;
        send.deletion = attempted(send.deletion, answer.is_ok());
    }
}

/// What was done once stays done.
fn attempted(before: Attempt, ok: bool) -> Attempt {
    if ok || before == Attempt::Done { Attempt::Done } else { Attempt::Unclear }
}

fn fingerprint(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}

/// What the server shows to a user; nothing where it refuses, which the checker judges.
async fn view(client: &Client, member: &Membership) -> Result<Option<View>, Error> {
    let conversation = member.conversation.clone();
    let request = v1::GetConversationRequest { conversation_id: conversation.clone(), ..Default::default() };
    let entry = client.call::<_, v1::GetConversationResponse>("ConversationService/GetConversation", &request).await;
    let entry = match entry {
        Ok(answer) => answer.entry.into_option().unwrap_or_default(),
        Err(ClientError::Refused(_)) => v1::ConversationEntry::default(),
        Err(error) => return Err(error.into()),
    };
    let messages = match pull_all(client, &member.conversation).await {
        Ok(messages) => messages,
        Err(ClientError::Refused(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    Ok(Some(View {
        user: member.user,
        conversation,
        from_seq: member.first_seq,
        read_seq: entry.read_seq,
        unread: entry.unread,
        messages,
    }))
}

/// Every message that the user may see, by seq.
async fn pull_all(client: &Client, place: &str) -> Result<Vec<Seen>, ClientError> {
    let (mut messages, mut since_version) = (Vec::new(), 0);
    loop {
        let request =
            v1::PullConversationRequest { conversation_id: place.to_owned(), since_version, ..Default::default() };
        let page: v1::PullConversationResponse = client.call("SyncService/PullConversation", &request).await?;
        messages.extend(page.messages.iter().map(seen));
        since_version = page.version;
        if !page.has_more {
            messages.sort_by_key(|message| message.seq);
            return Ok(messages);
        }
    }
}

/// The state that pushes, drops and pulls have left on the device.
fn device_view(client: &Client, place: &str) -> Option<View> {
    client.with_timeline(|timeline| {
        let known = timeline.conversations.get(place)?;
        let entry = known.entry.as_ref()?;
        Some(View {
            user: client.user_id(),
            conversation: place.to_owned(),
            from_seq: known.loaded_from,
            // Above the oldest message held, what counts as unread cannot be recounted on the device alone.
            read_seq: entry.read_seq,
            unread: entry.unread,
            messages: known.messages.values().map(seen).collect(),
        })
        .filter(|view| view.from_seq <= view.read_seq + 1)
    })
}

fn seen(message: &v1::Message) -> Seen {
    let shown = message.state.as_known() == Some(MessageState::Sent);
    let content = match &message.content.body {
        Some(v1::content::Body::Text(text)) if shown => Some(fingerprint(&text.text)),
        _ => None,
    };
    Seen {
        seq: message.seq,
        message_id: message.message_id,
        sender: message.sender_id,
        client_id: message.client_message_id.clone(),
        content,
        counts: message.sender_id != 0,
    }
}

fn judge(args: &Args, seed: u64, senders: usize, history: &History) -> Outcome {
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
    report.add("kills", args.kills);
    report.add("senders", senders);
    report.add("unanswered", history.sends.len() - verdict.acked);
    let count = |what: fn(&Send) -> bool| history.sends.iter().filter(|send| what(send)).count();
    report.add("repeated", count(|send| send.answers.len() > 1));
    report.add("recalled", count(|send| send.recall == Attempt::Done));
    report.add("deleted", count(|send| send.deletion == Attempt::Done));
    report.add("views_checked", history.views.len());
    report.add("seed", seed);
    report.print(args.json);
    for finding in verdict.findings.iter().take(SHOWN_MAX) {
        eprintln!("{finding}");
    }
    if verdict.acked == 0 {
        Err("nothing was acked, so nothing was proved".into())
    } else if verdict.findings.is_empty() {
        Ok(())
    } else {
        Err(format!("{} promises were broken; repeat with --seed {seed}", verdict.findings.len()).into())
    }
}
