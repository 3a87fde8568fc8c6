//! The full-screen client: keys in, a view out.

use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers},
};
use skein_client::Update;
use tokio::sync::{broadcast, mpsc};

use super::{
    super::Outcome,
    command::{Command, HELP, parse},
    screen::{self, ListedConversation, ShownMessage, View},
    talk::{Talk, clock, words},
};

/// Keys that may wait.
const KEYS_MAX: usize = 64;
/// Lines of one page of scrolling.
const SCROLL_LINES: usize = 10;
/// Messages loaded when the top is reached.
const OLDER_COUNT: u32 = 50;

struct Tui {
    talk: Talk,
    view: View,
}

pub async fn run(talk: Talk, updates: broadcast::Receiver<Update>) -> Outcome {
    let view = View { online: true, me: talk.me.display_name.clone(), ..View::default() };
    let mut terminal = ratatui::init();
    let outcome = Tui { talk, view }.run(&mut terminal, updates).await;
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
        talk.learn_names(&messages).await;
        self.view.messages = messages
            .iter()
            .map(|message| ShownMessage {
                sender: if message.sender_id == 0 { String::new() } else { talk.name(message.sender_id) },
                own: message.sender_id == talk.me.user_id,
                time: clock(message.server_time_ms),
                text: words(message, talk),
            })
            .collect();
    }

    /// What is on the screen has been read.
    async fn read_open(&mut self) {
        let Some(id) = self.talk.open.clone().filter(|_| self.view.online && self.view.scroll == 0) else { return };
        let unread = self.talk.client.with_timeline(|timeline| {
            timeline.conversations.get(&id).and_then(|known| known.entry.as_ref()).is_some_and(|entry| entry.unread > 0)
        });
        if unread && let Err(error) = self.talk.client.mark_read(&id).await {
            self.view.notice = error.to_string();
        }
    }

    /// False when the person leaves.
    async fn press(&mut self, key: KeyEvent) -> bool {
        match key.code {
            KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => return false,
            KeyCode::Char(character) => self.view.input.push(character),
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
            Ok(Command::Help) => {
                self.view.notice =
                    HELP.lines().map(|line| line.split("  ").next().unwrap_or_default()).collect::<Vec<_>>().join("  ")
            }
            // The screen shows both already.
            Ok(Command::List | Command::History(_)) => self.scroll_up().await,
            Ok(command) => match self.talk.execute(command).await {
                Ok(lines) => self.view.notice = lines.join("  "),
                Err(error) => {
                    self.view.notice = error.to_string();
                    // What was typed is not lost.
                    self.view.input = line;
                }
            },
            Err(reason) => self.view.notice = reason,
        }
        self.read_open().await;
        true
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
            match self.talk.client.load_older(&id, OLDER_COUNT).await {
                Ok(true) => {}
                Ok(false) => self.view.scroll = self.view.scroll.min(self.talk.messages(&id).len()),
                Err(error) => self.view.notice = error.to_string(),
            }
        }
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
