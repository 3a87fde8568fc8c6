//! `skein bench crash`: SIGKILL under load, restart, and in the end every promise is checked.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use skein_client::{Client, MemoryCache, account::Login};
use skein_proto::{
    id::{ConversationId, UserId},
    v1::{self, MessageState, send_message_request::To},
};
use skein_testkit::{
    history::{Acked, Fault, History, Seen, Send, View, check},
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
/// Findings that are printed.
const SHOWN_MAX: usize = 20;

/// Senders write to one another and to groups, take messages back, and read, while the server is killed. Whatever was acked must be there,
/// once, in order, for everybody; whatever was taken back must stay away; unread must equal a recount. Exits with 1 otherwise.
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
    let places = conversations(&clients, &people).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for (index, client) in clients.iter().enumerate() {
        let workload = Workload::new(seed.wrapping_add(index as u64), places[index].len());
        let sender = Sender { client: client.clone(), places: places[index].clone(), workload, sends: Vec::new() };
        tasks.spawn(sender.run(stop.clone()));
    }
    let mut random = fastrand::Rng::with_seed(seed);
    for kill in 0..args.kills {
        tokio::time::sleep(Duration::from_millis(random.u64(UPTIME_MIN_MS..UPTIME_MAX_MS))).await;
        server.kill()?;
        server.restart()?;
        progress("killing the server", kill + 1, args.kills);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    stop.store(true, Ordering::Relaxed);
    say("waiting for the last answers, then checking");
    let mut history = History::default();
    let drain = tokio::time::timeout(DRAIN, async {
        while let Some(done) = tasks.join_next().await {
            history.sends.extend(done?);
        }
        Ok::<_, tokio::task::JoinError>(())
    });
    drain.await.map_err(|_| "some senders were never answered")??;
    for (client, places) in clients.iter().zip(&places) {
        collect(client, places, &mut history).await.map_err(|error| error.to_string())?;
    }
    judge(&args, seed, senders, &history)
}

/// The conversations of each sender: two people, and two groups that overlap.
async fn conversations(clients: &[Client], people: &[Login]) -> Result<Vec<Vec<String>>, crate::command::Error> {
    let id = |index: usize| people[index % people.len()].user.user_id;
    let mut places: Vec<Vec<String>> = (0..people.len())
        .map(|index| {
            [index + 1, index + people.len() - 1]
                .map(|other| ConversationId::direct(UserId(id(index)), UserId(id(other))).to_string())
                .to_vec()
        })
        .collect();
    for start in (0..people.len()).step_by(GROUP_SIZE / 2) {
        let members: Vec<usize> = (start..start + GROUP_SIZE).map(|index| index % people.len()).collect();
        let ids: Vec<u64> = members[1..].iter().map(|index| id(*index)).collect();
        let group = clients[start].create_group(&format!("group {start}"), &ids).await?;
        for index in members {
            places[index].push(group.conversation_id.clone());
        }
    }
    for own in &mut places {
        own.sort();
        own.dedup();
    }
    Ok(places)
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
                Operation::Read(place) => {
                    // A read that fails moves nothing.
                    let _ = self.client.mark_read(&self.places[place]).await;
                }
            }
        }
        self.sends
    }

    async fn send(&mut self, place: usize) {
        let conversation = self.places[place].clone();
        let client_id = skein_client::client::new_client_id();
        let request = v1::SendMessageRequest {
            to: Some(To::ConversationId(conversation.clone())),
            client_message_id: client_id.clone(),
            content: skein_client::client::text_content(&client_id).into(),
            ..Default::default()
        };
        // Direct conversations come into being with their first message.
        let request = match conversation
            .parse::<ConversationId>()
            .ok()
            .and_then(|id| id.peer_of(UserId(self.client.user_id())))
        {
            Some(peer) => v1::SendMessageRequest { to: Some(To::UserId(peer.0)), ..request },
            None => request,
        };
        let answer: Result<v1::SendMessageResponse, _> = self.client.call("MessageService/SendMessage", &request).await;
        let acked = answer.ok().map(|sent| Acked { message_id: sent.message_id, seq: sent.seq });
        self.sends.push(Send { sender: self.client.user_id(), conversation, client_id, acked, recalled: false });
    }

    async fn recall(&mut self, ago: usize) {
        let user = self.sends.len().checked_sub(ago + 1);
        let Some(send) = user.and_then(|index| self.sends.get_mut(index)) else { return };
        let Some(acked) = send.acked.filter(|_| !send.recalled) else { return };
        let request = v1::RecallMessageRequest {
            conversation_id: send.conversation.clone(),
            message_id: acked.message_id,
            ..Default::default()
        };
        let answer: Result<v1::RecallMessageResponse, _> =
            self.client.call("MessageService/RecallMessage", &request).await;
        send.recalled = answer.is_ok();
    }
}

/// What one user sees in the end: asked from the server, and on the device that lived through everything.
async fn collect(client: &Client, places: &[String], history: &mut History) -> Result<(), Error> {
    client.pull().await?;
    for place in places {
        let request = v1::GetConversationRequest { conversation_id: place.clone(), ..Default::default() };
        let answer: Result<v1::GetConversationResponse, _> =
            client.call("ConversationService/GetConversation", &request).await;
        // Nobody has written there.
        let Ok(answer) = answer else { continue };
        let entry = answer.entry.into_option().ok_or("no entry")?;
        let messages = pull_all(client, place).await?;
        history.views.push(View {
            user: client.user_id(),
            conversation: place.clone(),
            first_seq: entry.first_seq,
            read_seq: entry.read_seq,
            unread: entry.unread,
            messages,
        });
        history.views.extend(device_view(client, place));
    }
    Ok(())
}

/// Every message that the user may see, by seq.
async fn pull_all(client: &Client, place: &str) -> Result<Vec<Seen>, Error> {
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
            first_seq: known.loaded_from,
            // Above the oldest message held, what counts as unread cannot be recounted on the device alone.
            read_seq: entry.read_seq,
            unread: entry.unread,
            messages: known.messages.values().map(seen).collect(),
        })
        .filter(|view| view.first_seq <= view.read_seq + 1)
    })
}

fn seen(message: &v1::Message) -> Seen {
    Seen {
        seq: message.seq,
        message_id: message.message_id,
        sender: message.sender_id,
        client_id: message.client_message_id.clone(),
        has_content: message.content.body.is_some() && message.state.as_known() == Some(MessageState::Sent),
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
    report.add("recalled", history.sends.iter().filter(|send| send.recalled).count());
    report.add("views_checked", history.views.len());
    report.add("seed", seed);
    report.print(args.json);
    for finding in verdict.findings.iter().take(SHOWN_MAX) {
        eprintln!("{finding}");
    }
    if verdict.findings.is_empty() {
        Ok(())
    } else {
        Err(format!("{} promises were broken; repeat with --seed {seed}", verdict.findings.len()).into())
    }
}
