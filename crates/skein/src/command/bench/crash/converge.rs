//! Waits until every device of the crash test shows, by itself, what the server has.

use std::time::{Duration, Instant};

use skein_client::Client;
use skein_proto::v1;

use super::{sender::answered, world::World};
use crate::command::Error;

/// How long it may take at all.
const CONVERGE_MAX: Duration = Duration::from_secs(90);
/// Between two looks.
const STEP: Duration = Duration::from_millis(50);
/// Entries of one look; nobody here has more conversations.
const ENTRIES_MAX: u32 = 1_000;

/// How long after this moment everybody saw everything. Nobody is told to pull: pushes and hints have to do it.
///
/// # Errors
/// When a device never comes to it.
pub async fn wait(world: &World, since: Instant) -> Result<Duration, Error> {
    for client in &world.clients {
        while let Some(missing) = missing(client).await? {
            if since.elapsed() > CONVERGE_MAX {
                return Err(format!("user {} never saw what the server has: {missing}", client.user_id()).into());
            }
            tokio::time::sleep(STEP).await;
        }
    }
    Ok(since.elapsed())
}

/// The first conversation of the user that the device does not know up to the server's version.
async fn missing(client: &Client) -> Result<Option<String>, Error> {
    let request = v1::PullUserRequest { since_version: 0, limit: ENTRIES_MAX, ..Default::default() };
    let page: v1::PullUserResponse = answered(client, "SyncService/PullUser", &request).await?;
    Ok(client.with_timeline(|timeline| {
        page.entries.iter().filter(|entry| entry.member).find_map(|entry| {
            let known = timeline.conversations.get(&entry.conversation_id);
            let (version, seq) =
                known.map_or((0, 0), |known| (known.version, known.entry.as_ref().map_or(0, |shown| shown.last_seq)));
            let (conversation, server_version, last_seq) =
                (&entry.conversation_id, entry.conversation_version, entry.last_seq);
            (version < server_version || seq < last_seq).then(|| {
                format!("conversation {conversation}, version {version} of {server_version}, seq {seq} of {last_seq}")
            })
        })
    }))
}
