//! Who is where in the crash test, how that changes meanwhile, and what everybody sees in the end.

use std::collections::HashMap;

use skein_client::{Client, account::Login};
use skein_proto::{
    id::{ConversationId, UserId},
    v1,
};
use skein_testkit::history::{History, Membership};
use tokio::task::JoinSet;

use super::{GROUP_SIZE, sender::answered, view};
use crate::command::Error;

/// Who is where.
pub struct World {
    pub clients: Vec<Client>,
    /// The conversations that each client writes to.
    pub places: Vec<Vec<String>>,
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
    pub async fn build(clients: Vec<Client>, people: &[Login]) -> Result<Self, Error> {
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
    pub fn change_rosters(&self, kill: usize, kills: usize, tasks: &mut JoinSet<Result<(), String>>) {
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
                    let answer =
                        answered::<_, v1::AddMembersResponse>(&owner, "GroupService/AddMembers", &request).await;
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
                        answered::<_, v1::RemoveMembersResponse>(&owner, "GroupService/RemoveMembers", &request).await;
                    answer.map(drop).map_err(|error| format!("removing a member: {error}"))
                });
            }
        }
    }

    /// What everybody sees in the end.
    pub async fn collect(&self, changed: bool, history: &mut History) -> Result<(), Error> {
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
                history.views.extend(view::of_server(client, &member).await?);
                if !former {
                    history.views.extend(view::of_device(client, place));
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
