//! The full-screen client: keys in, a view out.

use std::time::Duration;

use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers},
};
use skein_client::{ClientError, Update};
use tokio::{
    sync::{broadcast, mpsc},
    time::{sleep, timeout},
};

use super::{
    super::Outcome,
    command::{Command, parse},
    outbox::{Outbox, Text},
    screen::{self, ListedConversation, ShownMessage, View},
    talk::{Talk, clock, words},
};

/// Keys that may wait.
const KEYS_MAX: usize = 64;
/// Lines of one page of scrolling.
const SCROLL_LINES: usize = 10;
/// Messages loaded when the top is reached.
const OLDER_COUNT: u32 = 50;
/// Shown instead of the time of a text that is not acked.
const WAITING: &str = " ... ";

/// Between two looks at who still writes, while somebody does.
const TYPING_LOOK: Duration = Duration::from_millis(500);

/// How long the screen may stand still for an answer. Texts do not wait here: they go through the outbox.
const PATIENCE: Duration = Duration::from_secs(3);

struct Tui {
    talk: Talk,
    view: View,
    outbox: Outbox,
}

pub async fn run(talk: Talk, updates: broadcast::Receiver<Update>) -> Outcome {
    let view = View { online: true, me: talk.me.display_name.clone(), ..View::default() };
    let mut terminal = ratatui::init();
    let outbox = Outbox::start(talk.client.clone());
    let outcome = Tui { talk, view, outbox }.run(&mut terminal, updates).await;
    ratatui::restore();
    outcome
}

impl Tui {
    async fn run(&mut self, terminal: &mut DefaultTerminal, mut updates: broadcast::Receiver<Update>) -> Outcome {
        let mut keys = read_keys();
        loop {
            self.refresh().await;
            terminal.draw(|frame| screen::draw(frame, &self.view))?;
            tokio::select! {
                key = keys.recv() => match key {
                    None => return Ok(()),
                    Some(Event::Key(key)) if key.kind != KeyEventKind::Release => {
                        if !self.press(key).await {
                            return Ok(());
                        }
                    }
                    Some(_) => {}
                },
                sent = self.outbox.sent() => if let Err((text, error)) = sent {
                    self.view.notice = format!("not sent: {error}");
                    // What was typed is not lost.
                    if self.view.input.is_empty() {
                        self.view.input = text.text;
                    }
                },
                // A sign of writing ends by itself.
                () = sleep(TYPING_LOOK), if !self.view.typing.is_empty() => {}
                update = updates.recv() => match update {
                    Ok(Update::Online { .. }) => self.view.online = true,
                    Ok(Update::Offline(_)) => self.view.online = false,
                    Ok(Update::Closed(_, reason)) => return Err(reason.into()),
                    Err(broadcast::error::RecvError::Closed) => return Ok(()),
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => self.read_open().await,
                },
            }
        }
    }

    /// Takes the state of the client over into the view.
    async fn refresh(&mut self) {
        let talk = &mut self.talk;
        let entries: Vec<_> = talk.client.with_timeline(|timeline| timeline.listed().into_iter().cloned().collect());
        self.view.conversations = entries
            .iter()
            .map(|entry: &skein_proto::v1::ConversationEntry| ListedConversation {
                id: entry.conversation_id.clone(),
                title: talk.title(&entry.conversation_id),
                unread: entry.unread,
                mentioned: entry.mentioned,
                pinned: entry.pinned,
            })
            .collect();
        self.view.open.clone_from(&talk.open);
        let Some(id) = talk.open.clone() else { return };
        self.view.title = talk.title(&id);
        let messages = talk.messages(&id);
        let typing = talk.client.typing_in(&id);
        if self.view.online {
            // A name that does not come is a number on the screen.
            let names = messages.iter().map(|message| message.sender_id).chain(typing.iter().copied());
            let _ = timeout(PATIENCE, talk.learn_names_of(names)).await;
        }
        self.view.typing = typing.into_iter().map(|user| talk.name(user)).collect();
        self.view.messages = messages
            .iter()
            .map(|message| ShownMessage {
                sender: if message.sender_id == 0 { String::new() } else { talk.name(message.sender_id) },
                own: message.sender_id == talk.me.user_id,
                time: clock(message.server_time_ms),
                text: words(message, talk),
            })
            .collect();
        let waiting = self.outbox.waiting().filter(|text| text.conversation == id);
        self.view.messages.extend(waiting.map(|text| ShownMessage {
            sender: talk.me.display_name.clone(),
            own: true,
            time: WAITING.to_owned(),
            text: text.text.clone(),
        }));
    }

    /// What is on the screen has been read.
    async fn read_open(&mut self) {
        let Some(id) = self.talk.open.clone().filter(|_| self.view.online && self.view.scroll == 0) else { return };
        let unread = self.talk.client.with_timeline(|timeline| {
            timeline.conversations.get(&id).and_then(|known| known.entry.as_ref()).is_some_and(|entry| entry.unread > 0)
        });
        if unread && let Err(reason) = soon(self.talk.client.mark_read(&id)).await {
            self.view.notice = reason;
        }
    }

    /// False when the person leaves.
    async fn press(&mut self, key: KeyEvent) -> bool {
        self.view.help = false;
        match key.code {
            KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => return false,
            KeyCode::Char(character) => {
                self.view.input.push(character);
                self.tell_typing();
            }
            KeyCode::Backspace => drop(self.view.input.pop()),
            KeyCode::Up => self.select(-1).await,
            KeyCode::Down => self.select(1).await,
            KeyCode::PageUp => self.scroll_up().await,
            KeyCode::PageDown => {
                self.view.scroll = self.view.scroll.saturating_sub(SCROLL_LINES);
                self.read_open().await;
            }
            KeyCode::Enter => return self.enter().await,
            _ => {}
        }
        true
    }

    async fn enter(&mut self) -> bool {
        let line = std::mem::take(&mut self.view.input);
        self.view.scroll = 0;
        match parse(&line) {
            Ok(Command::Quit) => return false,
            Ok(Command::Help) => self.view.help = true,
            // The screen shows both already.
            Ok(Command::List | Command::History(_)) => self.scroll_up().await,
            Ok(Command::Say(text)) if self.talk.open.is_some() => self.say(text),
            Ok(_) if !self.view.online => self.keep(line, "offline: only texts can be written now"),
            Ok(command) => match soon(self.talk.execute(command)).await {
                Ok(lines) => self.view.notice = lines.join("  "),
                Err(reason) => self.keep(line, &reason),
            },
            Err(reason) => self.keep(line, &reason),
        }
        self.read_open().await;
        true
    }

    /// Tells the others of the open conversation that a text is being written there; a command is none of their business.
    fn tell_typing(&self) {
        let Some(id) = self.talk.open.clone().filter(|_| self.view.online && is_text(&self.view.input)) else { return };
        let client = self.talk.client.clone();
        tokio::spawn(async move { client.typing(&id).await });
    }

    fn say(&mut self, text: String) {
        let conversation = self.talk.open.clone().unwrap_or_default();
        self.view.notice.clear();
        if let Err(text) = self.outbox.push(Text { conversation, text }) {
            self.keep(text.text, "too many texts are waiting to be sent");
        }
    }

    /// What was typed is not lost when it does not work.
    fn keep(&mut self, line: String, reason: &str) {
        self.view.notice = reason.to_owned();
        self.view.input = line;
    }

    async fn select(&mut self, step: isize) {
        let conversations = &self.view.conversations;
        let at = conversations.iter().position(|conversation| Some(&conversation.id) == self.talk.open.as_ref());
        let next = match at {
            None => 0,
            Some(at) => at.saturating_add_signed(step).min(conversations.len().saturating_sub(1)),
        };
        if let Some(conversation) = conversations.get(next) {
            self.talk.open = Some(conversation.id.clone());
            self.view.scroll = 0;
            self.view.notice.clear();
            self.read_open().await;
        }
    }

    async fn scroll_up(&mut self) {
        self.view.scroll += SCROLL_LINES;
        let Some(id) = self.talk.open.clone() else { return };
        if self.view.scroll >= self.view.messages.len().saturating_sub(SCROLL_LINES) {
            match soon(self.talk.client.load_older(&id, OLDER_COUNT)).await {
                Ok(true) => {}
                Ok(false) => self.view.scroll = self.view.scroll.min(self.talk.messages(&id).len()),
                Err(reason) => self.view.notice = reason,
            }
        }
    }
}

/// Whether this may become a text that is sent.
fn is_text(input: &str) -> bool {
    matches!(parse(input), Ok(Command::Say(_)))
}

/// An answer within the time a person waits for.
async fn soon<T>(asking: impl Future<Output = Result<T, ClientError>>) -> Result<T, String> {
    match timeout(PATIENCE, asking).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err("no answer yet; try again".to_owned()),
    }
}

/// Reads the terminal in a thread of its own: it cannot be waited for otherwise.
fn read_keys() -> mpsc::Receiver<Event> {
    let (sender, receiver) = mpsc::channel(KEYS_MAX);
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            if sender.blocking_send(event).is_err() {
                return;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_not_told_as_writing() {
        for (input, told) in [
            ("h", true),
            ("hello ", true),
            ("//etc", true),
            ("", false),
            ("  ", false),
            ("/to b", false),
            ("/x", false),
        ] {
            assert_eq!(is_text(input), told, "{input:?}");
        }
    }
}
