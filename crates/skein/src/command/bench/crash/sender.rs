//! One user of the crash test: one operation after the other, each repeated until it is answered.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use skein_client::{Client, ClientError};
use skein_proto::{
    codec::Body,
    id::{ConversationId, UserId},
    v1::{self, ErrorCode, send_message_request::To},
};
use skein_testkit::{
    history::{Acked, Attempt, Send},
    workload::{Operation, Workload},
};

use super::view::fingerprint;

/// How long an answer is asked for.
const PATIENCE: Duration = Duration::from_secs(50);
/// Between two attempts, each of which the SDK has repeated already.
const STEP: Duration = Duration::from_millis(100);

/// One user at work.
pub struct Sender {
    client: Client,
    places: Vec<String>,
    workload: Workload,
    done: Sends,
}

/// What one user sent, in order.
#[derive(Default)]
pub struct Sends {
    pub sends: Vec<Send>,
    /// Sends that were refused, because the user was not a member then.
    pub refused: usize,
}

impl Sender {
    /// Writes to these conversations.
    pub fn new(client: Client, places: Vec<String>, workload: Workload) -> Self {
        Self { client, places, workload, done: Sends::default() }
    }

    /// One operation after the other; each is repeated until it is answered. The last one, after the faults, is a send.
    pub async fn run(mut self, stop: Arc<AtomicBool>) -> Sends {
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
        self.send(0).await;
        self.done
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
        let answer = self.ask(&send).await;
        let refused = answer.as_ref().is_err_and(|error| error.code() == Some(ErrorCode::NotAMember));
        self.done.refused += usize::from(refused);
        send.answers.extend(answer);
        self.done.sends.push(send);
    }

    /// The text is the client id, so that a repeated request is the same to the bit.
    async fn ask(&self, send: &Send) -> Result<Acked, ClientError> {
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
        let sent = until_answered(|| self.client.send_request(&request)).await?;
        Ok(Acked { message_id: sent.message_id, seq: sent.seq })
    }

    /// The index of an answered send, and its answer.
    fn earlier(&self, ago: usize) -> Option<(usize, Acked)> {
        let index = self.done.sends.len().checked_sub(ago + 1)?;
        Some((index, self.done.sends[index].acked()?))
    }

    async fn repeat(&mut self, ago: usize) {
        let Some((index, _)) = self.earlier(ago) else { return };
        let answer = self.ask(&self.done.sends[index]).await;
        self.done.sends[index].answers.extend(answer);
    }

    async fn recall(&mut self, ago: usize) {
        let Some((index, acked)) = self.earlier(ago) else { return };
        let send = &mut self.done.sends[index];
        let (client, place) = (&self.client, send.conversation.clone());
        let answer = until_answered(|| client.recall(&place, acked.message_id)).await;
        send.recall = attempted(send.recall, answer.is_ok());
    }

    async fn delete(&mut self, ago: usize) {
        let Some((index, acked)) = self.earlier(ago) else { return };
        let send = &mut self.done.sends[index];
        let request = v1::DeleteMessagesRequest {
            conversation_id: send.conversation.clone(),
            message_ids: vec![acked.message_id],
            ..Default::default()
        };
        // Past the SDK, which would pull: that devices find out by themselves is what is tested.
        let answer: Result<v1::DeleteMessagesResponse, _> =
            answered(&self.client, "MessageService/DeleteMessages", &request).await;
        send.deletion = attempted(send.deletion, answer.is_ok());
    }
}

/// Asks until there is an answer: somebody who gave a message up and wrote the next one would see them in the wrong order, once the first one, late,
/// is stored after all.
///
/// # Errors
/// What is refused for good, or for longer than any fault may last.
pub async fn until_answered<T, F>(mut ask: impl FnMut() -> F) -> Result<T, ClientError>
where
    F: Future<Output = Result<T, ClientError>>,
{
    let start = Instant::now();
    loop {
        match ask().await {
            Err(ClientError::Refused(error)) if error.retryable && start.elapsed() < PATIENCE => {
                tokio::time::sleep(STEP).await;
            }
            other => return other,
        }
    }
}

/// The same for any operation.
///
/// # Errors
/// As [`until_answered`].
pub async fn answered<Q: Body, A: Body>(client: &Client, method: &str, request: &Q) -> Result<A, ClientError> {
    until_answered(|| client.call(method, request)).await
}

/// What was done once stays done.
fn attempted(before: Attempt, ok: bool) -> Attempt {
    if ok || before == Attempt::Done { Attempt::Done } else { Attempt::Unclear }
}
