//! Texts on their way: sent one after the other in the order typed, so that the screen goes on while there is no connection.

use std::collections::VecDeque;

use skein_client::{Client, ClientError};
use tokio::sync::mpsc;

/// Texts that may wait to be sent.
const TEXTS_MAX: usize = 100;

/// One text for one conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Id of the conversation.
    pub conversation: String,
    /// What to say there.
    pub text: String,
}

type Sent = Result<(), ClientError>;

/// The texts of one screen that are not acked.
pub struct Outbox {
    texts: mpsc::Sender<Text>,
    results: mpsc::Receiver<Sent>,
    waiting: VecDeque<Text>,
}

impl Outbox {
    /// Starts sending.
    pub fn start(client: Client) -> Self {
        let (texts, mut queued) = mpsc::channel::<Text>(TEXTS_MAX);
        let (done, results) = mpsc::channel(TEXTS_MAX);
        tokio::spawn(async move {
            while let Some(text) = queued.recv().await {
                let sent = client.send_text(&text.conversation, &text.text).await.map(drop);
                if done.send(sent).await.is_err() {
                    return;
                }
            }
        });
        Self { texts, results, waiting: VecDeque::new() }
    }

    /// Queues a text; gives it back when too many wait.
    pub fn push(&mut self, text: Text) -> Result<(), Text> {
        if self.waiting.len() >= TEXTS_MAX || self.texts.try_send(text.clone()).is_err() {
            return Err(text);
        }
        self.waiting.push_back(text);
        Ok(())
    }

    /// Waits until the oldest text has its answer; gives a refused text back. Cancelling it loses nothing.
    pub async fn sent(&mut self) -> Result<(), (Text, ClientError)> {
        let Some(sent) = self.results.recv().await else { return std::future::pending().await };
        match (self.waiting.pop_front(), sent) {
            (Some(text), Err(error)) => Err((text, error)),
            _ => Ok(()),
        }
    }

    /// The texts without an answer, oldest first.
    pub fn waiting(&self) -> impl Iterator<Item = &Text> {
        self.waiting.iter()
    }
}
