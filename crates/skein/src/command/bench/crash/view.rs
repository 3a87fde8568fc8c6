//! What a user sees in the end, as the checker wants it.

use std::hash::{DefaultHasher, Hasher as _};

use skein_client::{Client, ClientError};
use skein_proto::v1::{self, MessageState};
use skein_testkit::history::{Membership, Seen, View};

use crate::command::Error;

/// What the server shows to a user; nothing where it refuses, which the checker judges.
pub async fn of_server(client: &Client, member: &Membership) -> Result<Option<View>, Error> {
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
pub fn of_device(client: &Client, place: &str) -> Option<View> {
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

/// What a text says, in short.
pub fn fingerprint(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}
