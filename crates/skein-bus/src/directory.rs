//! Which node holds which user: a replica of what each node says about itself. No clock and no network: times are given, questions come out.

use std::collections::HashMap;

use skein_proto::id::UserId;

use crate::packet::{Beat, Duties, NodeId, Snapshot};

/// A node that said nothing for this long is gone, in milliseconds.
pub(crate) const SILENCE_MAX_MS: u64 = 5_000;
/// A question is not asked again before this, in milliseconds.
const ASK_AGAIN_MS: u64 = 1_000;
/// What is published before a user is found here may miss them for this long even when all is well, in milliseconds.
pub(crate) const BLIND_MS: u64 = 3_000;
/// Nodes that are gone and may come back; what concerned their users meanwhile is told to them then.
const GONE_MAX: usize = 1_024;
/// Nodes of one cluster.
pub(crate) const NODES_MAX: usize = 1_024;
/// Nodes of a user that are kept beside the user itself; further ones go elsewhere.
const NEAR: usize = 4;
/// No node.
const NONE: u16 = u16::MAX;

/// One node, as far as it is known.
#[derive(Debug)]
struct Node {
    id: NodeId,
    boot: u64,
    duties: Duties,
    /// The last beat whose changes are in the replica.
    sequence: u64,
    /// The last beat that was heard of.
    newest: u64,
    heard_ms: u64,
    /// When its users were last asked for.
    asked_ms: Option<u64>,
    /// Since when the replica of its users is not whole.
    blind_since_ms: Option<u64>,
    /// The parts of a snapshot that have come.
    parts: Option<(u64, u64, Vec<UserId>)>,
}

/// The replica.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    /// By slot; a free slot may be taken by another node.
    nodes: Vec<Option<Node>>,
    slots: HashMap<NodeId, u16>,
    users: HashMap<UserId, [u16; NEAR]>,
    /// Users with more nodes than fit beside them.
    further: HashMap<UserId, Vec<u16>>,
    /// When nodes that are gone were last heard.
    gone: HashMap<NodeId, u64>,
    /// Whether users are kept at all; a node that does not publish needs to know the nodes only.
    keeps_users: bool,
}

/// What follows from something that was heard.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Ask this node for all its users.
    pub(crate) ask: bool,
    /// Users who were not known to be there; what was published for them since `since_ms` may have missed them.
    pub(crate) appeared: Vec<UserId>,
    pub(crate) since_ms: u64,
    /// The replica of this node's users became whole: closes since `since_ms` are to be repeated to it.
    pub(crate) whole: bool,
}

impl Directory {
    pub(crate) fn new(keeps_users: bool) -> Self {
        Self { keeps_users, ..Self::default() }
    }

    /// A node said something about itself. `blind_since_ms`: since when we may have missed what others said.
    pub(crate) fn hear(&mut self, beat: &Beat, now_ms: u64, blind_since_ms: u64) -> Heard {
        if beat.leaving {
            self.forget(beat.node);
            self.gone.remove(&beat.node);
            return Heard::default();
        }
        let Some(slot) = self.slot_for(beat, now_ms, blind_since_ms) else { return Heard::default() };
        let keeps = self.keeps_users && beat.duties.delivers;
        let Some(node) = &mut self.nodes[slot as usize] else { return Heard::default() };
        // A node that hung may have taken users before it did, and says so only now.
        let unheard_ms = node.heard_ms.min(now_ms);
        node.heard_ms = now_ms;
        node.duties = beat.duties;
        if !keeps {
            return Heard::default();
        }
        let changes = !(beat.online.is_empty() && beat.offline.is_empty());
        let repeated = beat.sequence < node.sequence || (changes && beat.sequence == node.sequence);
        if repeated && node.blind_since_ms.is_none() {
            return Heard::default();
        }
        node.newest = node.newest.max(beat.sequence);
        if node.blind_since_ms.is_none() && beat.sequence > node.sequence + u64::from(changes) {
            node.blind_since_ms = Some(now_ms.saturating_sub(BLIND_MS).min(blind_since_ms));
        }
        if node.blind_since_ms.is_none() {
            node.sequence = beat.sequence;
        }
        let blind = node.blind_since_ms.is_some();
        let ask = blind && node.asked_ms.is_none_or(|asked| asked + ASK_AGAIN_MS <= now_ms);
        if ask {
            node.asked_ms = Some(now_ms);
        }
        let since_ms = node.blind_since_ms.unwrap_or(unheard_ms.saturating_sub(BLIND_MS));
        // Even of a replica that is not whole, this much is known.
        let appeared = beat.online.iter().copied().filter(|user| self.add(*user, slot)).collect();
        beat.offline.iter().for_each(|user| self.remove(*user, slot));
        Heard { ask, appeared, since_ms, whole: false }
    }

    /// A part of the answer to a question.
    pub(crate) fn learn(&mut self, snapshot: Snapshot, now_ms: u64) -> Heard {
        let Some(slot) = self.slots.get(&snapshot.node).copied() else { return Heard::default() };
        let Some(node) = &mut self.nodes[slot as usize] else { return Heard::default() };
        if node.boot != snapshot.boot || node.blind_since_ms.is_none() {
            return Heard::default();
        }
        let (sequence, next, mut users) = match node.parts.take() {
            Some(parts) if snapshot.part > 0 => parts,
            _ => (snapshot.sequence, 0, Vec::new()),
        };
        if (sequence, next) != (snapshot.sequence, snapshot.part) {
            return Heard::default();
        }
        users.extend(snapshot.users);
        if !snapshot.is_last {
            node.parts = Some((sequence, next + 1, users));
            return Heard::default();
        }
        node.sequence = sequence;
        let since_ms = node.blind_since_ms.unwrap_or(now_ms);
        // Changes that overtook the answer may be missing in it: then it is asked again.
        let whole = node.newest <= sequence;
        if whole {
            (node.blind_since_ms, node.asked_ms) = (None, None);
        }
        users.sort_unstable();
        let before: Vec<UserId> = self.users_of(slot).collect();
        for user in before {
            if users.binary_search(&user).is_err() {
                self.remove(user, slot);
            }
        }
        let appeared = users.into_iter().filter(|user| self.add(*user, slot)).collect();
        Heard { ask: false, appeared, since_ms, whole }
    }

    /// The slot of the node that beats; a new one for a new node or a new start of a known one. `None` for a beat of an earlier start.
    fn slot_for(&mut self, beat: &Beat, now_ms: u64, blind_since_ms: u64) -> Option<u16> {
        let mut since_ms = now_ms.saturating_sub(BLIND_MS).min(blind_since_ms);
        if let Some(slot) = self.slots.get(&beat.node).copied() {
            let known = self.nodes[slot as usize].as_ref()?;
            if known.boot == beat.boot {
                return Some(slot);
            }
            if known.boot > beat.boot {
                return None;
            }
            self.forget(beat.node);
        }
        if let Some(heard_ms) = self.gone.remove(&beat.node) {
            since_ms = since_ms.min(heard_ms.saturating_sub(BLIND_MS));
        }
        let free = self.nodes.iter().position(Option::is_none);
        let slot = free.unwrap_or(self.nodes.len());
        if slot >= NODES_MAX {
            return None;
        }
        // A node that has changed nothing holds nobody.
        let blind_since_ms = (self.keeps_users && beat.duties.delivers && beat.sequence > 0).then_some(since_ms);
        let node = Node {
            id: beat.node,
            boot: beat.boot,
            duties: beat.duties,
            sequence: 0,
            newest: beat.sequence,
            heard_ms: now_ms,
            asked_ms: None,
            blind_since_ms,
            parts: None,
        };
        if slot == self.nodes.len() {
            self.nodes.push(Some(node))
        } else {
            self.nodes[slot] = Some(node)
        }
        self.slots.insert(beat.node, slot as u16);
        Some(slot as u16)
    }

    /// Forgets nodes that are silent; which, and what each was there for.
    pub(crate) fn sweep(&mut self, now_ms: u64) -> Vec<(NodeId, Duties)> {
        let silent = |node: &&Node| node.heard_ms + SILENCE_MAX_MS < now_ms;
        let silent: Vec<_> = self.nodes.iter().flatten().filter(silent).map(|node| (node.id, node.duties)).collect();
        silent.iter().for_each(|(node, _)| self.forget(*node));
        silent
    }

    fn forget(&mut self, id: NodeId) {
        let Some(slot) = self.slots.remove(&id) else { return };
        let users: Vec<UserId> = self.users_of(slot).collect();
        users.into_iter().for_each(|user| self.remove(user, slot));
        if let Some(node) = self.nodes[slot as usize].take() {
            if self.gone.len() >= GONE_MAX {
                self.gone.clear();
            }
            self.gone.insert(id, node.heard_ms);
        }
    }

    fn add(&mut self, user: UserId, slot: u16) -> bool {
        let near = self.users.entry(user).or_insert([NONE; NEAR]);
        if near.contains(&slot) {
            return false;
        }
        if let Some(free) = near.iter_mut().find(|near| **near == NONE) {
            *free = slot;
            return true;
        }
        let further = self.further.entry(user).or_default();
        let new = !further.contains(&slot);
        if new {
            further.push(slot);
        }
        new
    }

    fn remove(&mut self, user: UserId, slot: u16) {
        let Some(near) = self.users.get_mut(&user) else { return };
        if let Some(place) = near.iter_mut().find(|near| **near == slot) {
            // One from further away moves up.
            *place = self.further.get_mut(&user).and_then(Vec::pop).unwrap_or(NONE);
        } else if let Some(further) = self.further.get_mut(&user) {
            further.retain(|other| *other != slot);
        }
        if self.further.get(&user).is_some_and(Vec::is_empty) {
            self.further.remove(&user);
        }
        if *near == [NONE; NEAR] {
            self.users.remove(&user);
        }
    }

    fn slots_of(&self, user: UserId) -> impl Iterator<Item = u16> + '_ {
        let near = self.users.get(&user).copied().unwrap_or([NONE; NEAR]);
        let further = if near[NEAR - 1] == NONE { None } else { self.further.get(&user) };
        near.into_iter().filter(|slot| *slot != NONE).chain(further.into_iter().flatten().copied())
    }

    fn users_of(&self, slot: u16) -> impl Iterator<Item = UserId> + '_ {
        let near = self.users.iter().filter(move |(_, near)| near.contains(&slot)).map(|(user, _)| *user);
        let further = self.further.iter().filter(move |(_, further)| further.contains(&slot)).map(|(user, _)| *user);
        near.chain(further)
    }

    /// The nodes that hold any of these users, each with those it holds.
    pub(crate) fn route(&self, users: &[UserId]) -> Vec<(NodeId, Vec<UserId>)> {
        let mut by_slot: Vec<(u16, Vec<UserId>)> = Vec::new();
        for user in users {
            for slot in self.slots_of(*user) {
                match by_slot.iter_mut().find(|(other, _)| *other == slot) {
                    Some((_, users)) => users.push(*user),
                    None => by_slot.push((slot, vec![*user])),
                }
            }
        }
        by_slot.into_iter().filter_map(|(slot, users)| Some((self.nodes[slot as usize].as_ref()?.id, users))).collect()
    }

    /// The nodes that hold this user.
    pub(crate) fn nodes_of(&self, user: UserId) -> Vec<NodeId> {
        self.slots_of(user).filter_map(|slot| Some(self.nodes[slot as usize].as_ref()?.id)).collect()
    }

    /// The users of each node that `concerned` picks.
    pub(crate) fn pick(&self, concerned: impl Fn(UserId) -> bool) -> Vec<(NodeId, Vec<UserId>)> {
        let users: Vec<UserId> = self.users.keys().copied().filter(|user| concerned(*user)).collect();
        self.route(&users)
    }

    /// The node that answers calls with this key: always the same one while no such node comes or goes.
    pub(crate) fn server_for(&self, key: u64) -> Option<NodeId> {
        let serving = self.nodes.iter().flatten().filter(|node| node.duties.serves).map(|node| node.id);
        serving.max_by_key(|node| node.weight(key))
    }

    /// All nodes that answer calls.
    pub(crate) fn servers(&self) -> Vec<NodeId> {
        self.nodes.iter().flatten().filter(|node| node.duties.serves).map(|node| node.id).collect()
    }

    /// Nobody there takes calls: until the node says again that it does, others are asked.
    pub(crate) fn stops_serving(&mut self, id: NodeId) {
        if let Some(slot) = self.slots.get(&id)
            && let Some(node) = &mut self.nodes[*slot as usize]
        {
            node.duties.serves = false;
        }
    }

    /// Whether this start of this node is known.
    pub(crate) fn knows(&self, node: NodeId) -> bool {
        self.slots.contains_key(&node)
    }

    /// The node whose id begins with these bytes.
    pub(crate) fn node_by_tag(&self, tag: [u8; 4]) -> Option<NodeId> {
        self.slots.keys().copied().find(|node| node.tag() == tag)
    }

    /// How many nodes and users are known.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.slots.len(), self.users.len())
    }
}

impl NodeId {
    /// What sessions made there begin with.
    pub(crate) fn tag(self) -> [u8; 4] {
        (self.0 as u32).to_le_bytes()
    }

    /// Of all nodes that serve, the one with the highest weight for a key answers.
    pub(crate) fn weight(self, key: u64) -> u64 {
        mix(self.0 ^ mix(key))
    }
}

/// Spreads a number over all bits.
fn mix(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests;
