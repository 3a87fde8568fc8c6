//! What both kinds of screen do with a client: open conversations, run commands, put messages into words.

use std::collections::HashMap;

use skein_client::{Client, ClientError, client::text_content};
use skein_proto::{
    id::{ConversationId, UserId},
    v1::{self, MessageState, content::Body},
};

use super::command::{Command, HELP};

/// A person at a terminal.
pub struct Talk {
    /// The connection.
    pub client: Client,
    /// Who this is.
    pub me: v1::User,
    /// Id of the open conversation.
    pub open: Option<String>,
    /// What to call people.
    names: HashMap<u64, String>,
}

impl Talk {
    pub fn new(client: Client, me: v1::User) -> Self {
        let names = HashMap::from([(me.user_id, me.display_name.clone())]);
        Self { client, me, open: None, names }
    }

    /// Opens the conversation with a person, by user name, or a group or conversation by id. Says what it is called.
    pub async fn open(&mut self, to: &str) -> Result<String, ClientError> {
        let id = if to.parse::<ConversationId>().is_ok() {
            to.to_owned()
        } else {
            let user = self.client.find_user(to).await?;
            self.names.insert(user.user_id, user.display_name);
            ConversationId::direct(UserId(self.me.user_id), UserId(user.user_id)).to_string()
        };
        self.open = Some(id.clone());
        Ok(self.title(&id))
    }

    /// What a conversation is called.
    pub fn title(&self, id: &str) -> String {
        let listed = self.client.with_timeline(|timeline| {
            let entry = timeline.conversations.get(id)?.entry.as_ref()?;
            Some(if entry.remark.is_empty() { entry.title.clone() } else { entry.remark.clone() })
        });
        listed.filter(|title| !title.is_empty()).unwrap_or_else(|| {
            let peer = id.parse::<ConversationId>().ok().and_then(|id| id.peer_of(UserId(self.me.user_id)));
            peer.and_then(|peer| self.names.get(&peer.0).cloned()).unwrap_or_else(|| id.to_owned())
        })
    }

    /// Learns the names of everybody in these messages.
    pub async fn learn_names(&mut self, messages: &[v1::Message]) {
        self.learn_names_of(messages.iter().map(|message| message.sender_id)).await;
    }

    /// Learns the names of these people.
    pub async fn learn_names_of(&mut self, users: impl IntoIterator<Item = u64>) {
        for id in users {
            if id == 0 || self.names.contains_key(&id) {
                continue;
            }
            let by = Some(v1::find_user_request::By::UserId(id));
            let request = v1::FindUserRequest { by, ..Default::default() };
            let found: Result<v1::FindUserResponse, _> = self.client.call("AccountService/FindUser", &request).await;
            let name = found.ok().map(|found| found.user.display_name.clone()).unwrap_or_else(|| format!("#{id}"));
            self.names.insert(id, name);
        }
    }

    /// What a person is called.
    pub fn name(&self, user_id: u64) -> String {
        self.names.get(&user_id).cloned().unwrap_or_else(|| format!("#{user_id}"))
    }

    /// Messages of a conversation as they are known, oldest first.
    pub fn messages(&self, id: &str) -> Vec<v1::Message> {
        self.client.with_timeline(|timeline| {
            timeline.conversations.get(id).map(|known| known.messages.values().cloned().collect()).unwrap_or_default()
        })
    }

    /// Runs a command; what it has to say, in lines. Quitting is for the caller.
    pub async fn execute(&mut self, command: Command) -> Result<Vec<String>, ClientError> {
        match command {
            Command::To(to) => Ok(vec![format!("talking to {}", self.open(&to).await?)]),
            Command::List => {
                // What this very client has just begun is on the list too.
                self.client.pull().await?;
                Ok(self.list())
            }
            Command::Group(name, people) => self.make_group(&name, &people).await,
            Command::Help => Ok(HELP.lines().map(str::to_owned).collect()),
            Command::Quit | Command::Nothing => Ok(Vec::new()),
            Command::History(_)
            | Command::Read
            | Command::Recall
            | Command::Edit(_)
            | Command::Add(_)
            | Command::Leave
            | Command::Say(_) => {
                let Some(id) = self.open.clone() else {
                    return Ok(vec!["to whom? write /to NAME first".to_owned()]);
                };
                self.execute_in(&id, command).await
            }
        }
    }

    async fn execute_in(&mut self, id: &str, command: Command) -> Result<Vec<String>, ClientError> {
        match command {
            Command::Say(text) => self.client.send_text(id, &text).await.map(|_| Vec::new()),
            Command::Read => self.client.mark_read(id).await.map(|()| vec!["read".to_owned()]),
            Command::Recall => self.recall_last(id).await,
            Command::Edit(text) => self.edit_last(id, &text).await,
            Command::Add(people) => self.add(id, &people).await,
            Command::Leave => {
                self.client.leave_group(id).await?;
                self.open = None;
                Ok(vec!["left".to_owned()])
            }
            Command::History(count) => {
                if self.messages(id).len() < count as usize {
                    self.client.load_older(id, count).await?;
                }
                let messages = self.messages(id);
                let last = messages[messages.len().saturating_sub(count as usize)..].to_vec();
                self.learn_names(&last).await;
                Ok(last.iter().map(|message| self.line(message)).collect())
            }
            _ => Ok(Vec::new()),
        }
    }

    /// The newest own message that is not taken back.
    fn last_own(&self, id: &str) -> Option<u64> {
        let mine = |message: &v1::Message| {
            message.sender_id == self.me.user_id && message.state.as_known() == Some(MessageState::Sent)
        };
        self.messages(id).into_iter().rev().find(mine).map(|message| message.message_id)
    }

    async fn recall_last(&self, id: &str) -> Result<Vec<String>, ClientError> {
        match self.last_own(id) {
            Some(message_id) => self.client.recall(id, message_id).await.map(|()| vec!["recalled".to_owned()]),
            None => Ok(vec!["there is no own message to take back".to_owned()]),
        }
    }

    async fn edit_last(&self, id: &str, text: &str) -> Result<Vec<String>, ClientError> {
        match self.last_own(id) {
            Some(message_id) => {
                self.client.edit(id, message_id, text_content(text)).await.map(|()| vec!["edited".to_owned()])
            }
            None => Ok(vec!["there is no own message to edit".to_owned()]),
        }
    }

    async fn find_all(&self, people: &[String]) -> Result<Vec<u64>, ClientError> {
        let mut ids = Vec::with_capacity(people.len());
        for person in people {
            ids.push(self.client.find_user(person).await?.user_id);
        }
        Ok(ids)
    }

    async fn add(&self, id: &str, people: &[String]) -> Result<Vec<String>, ClientError> {
        let added = self.client.add_members(id, &self.find_all(people).await?).await?;
        Ok(vec![format!("{} added", added.len())])
    }

    async fn make_group(&mut self, name: &str, people: &[String]) -> Result<Vec<String>, ClientError> {
        let group = self.client.create_group(name, &self.find_all(people).await?).await?;
        self.open = Some(group.conversation_id.clone());
        Ok(vec![format!("talking to {name} ({})", group.conversation_id)])
    }

    fn list(&self) -> Vec<String> {
        let entries: Vec<_> = self.client.with_timeline(|timeline| timeline.listed().into_iter().cloned().collect());
        if entries.is_empty() {
            return vec!["no conversations yet; write /to NAME".to_owned()];
        }
        entries
            .iter()
            .map(|entry: &v1::ConversationEntry| {
                let unread = if entry.unread > 0 { format!(" ({} unread)", entry.unread) } else { String::new() };
                let last = entry.last_message.as_option().map(|message| words(message, self)).unwrap_or_default();
                format!("{} [{}]{unread}: {last}", self.title(&entry.conversation_id), entry.conversation_id)
            })
            .collect()
    }

    /// One message on one line.
    pub fn line(&self, message: &v1::Message) -> String {
        let group = message.conversation_id.starts_with('g');
        let place = if group { format!("{} | ", self.title(&message.conversation_id)) } else { String::new() };
        let time = clock(message.server_time_ms);
        if message.sender_id == 0 {
            return format!("[{place}{time}] {}", words(message, self));
        }
        format!("[{place}{} {time}] {}", self.name(message.sender_id), words(message, self))
    }
}

/// Hours and minutes, UTC.
pub fn clock(time_ms: u64) -> String {
    let minutes = time_ms / 60_000;
    format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60)
}

/// A message in words.
pub fn words(message: &v1::Message, talk: &Talk) -> String {
    if message.state.as_known() == Some(MessageState::Recalled) {
        return format!("({} took a message back)", talk.name(message.recalled_by));
    }
    let edited = if message.edit_count > 0 { " (edited)" } else { "" };
    let text = match &message.content.body {
        Some(Body::Text(text)) => text.text.clone(),
        Some(Body::Markdown(text)) => text.text.clone(),
        Some(Body::System(line)) => return system_words(line, talk),
        Some(Body::Image(_)) => "(image)".to_owned(),
        Some(Body::Voice(_)) => "(voice message)".to_owned(),
        Some(Body::Video(_)) => "(video)".to_owned(),
        Some(Body::File(_)) => "(file)".to_owned(),
        Some(Body::Location(place)) => format!("(location {:.5}, {:.5})", place.latitude, place.longitude),
        Some(Body::Card(card)) => format!("(card: {})", card.title),
        Some(Body::Merged(merged)) => format!("({} forwarded messages)", merged.items.len()),
        Some(Body::Sticker(sticker)) => format!("(sticker {})", sticker.name),
        Some(Body::Link(link)) => link.url.clone(),
        Some(Body::Custom(custom)) => {
            if custom.summary.is_empty() {
                format!("({})", custom.r#type)
            } else {
                custom.summary.clone()
            }
        }
        None => String::new(),
    };
    // Nobody's text gets to move the cursor or change colours.
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("{text}{edited}")
}

fn system_words(line: &v1::System, talk: &Talk) -> String {
    let actor = talk.name(line.actor_id);
    let people = || line.user_ids.iter().map(|id| talk.name(*id)).collect::<Vec<_>>().join(", ");
    match line.kind.as_str() {
        "group_created" => format!("{actor} made the group {}", line.text),
        "members_added" => format!("{actor} added {}", people()),
        "members_removed" => format!("{actor} removed {}", people()),
        "member_left" => format!("{actor} left"),
        "renamed" => format!("{actor} called the group {}", line.text),
        "role_changed" => format!("{actor} made {} {}", people(), line.text),
        other => other.to_owned(),
    }
}
