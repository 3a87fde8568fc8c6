//! Signals that a reply is waited for. The id of a signal names the node that waits, and cannot be guessed.

use std::{collections::HashMap, fmt, str::FromStr, sync::Arc};

use parking_lot::Mutex;
use skein_proto::{id::UserId, v1, v1::ErrorCode};
use tokio::sync::oneshot;

use crate::{Caller, Failure, Result};

/// Signals of one node that wait for their replies at once.
const WAITING_MAX: usize = 1_024;

/// A signal. Text form: the node and the secret in hexadecimal, `0011223344556677-…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SignalId {
    /// [`skein_bus::Bus::number`] of the node that sent it.
    pub(super) node: u64,
    secret: u128,
}

impl SignalId {
    pub(super) fn new(node: u64) -> Result<Self> {
        let mut secret = [0; 16];
        getrandom::fill(&mut secret).map_err(Failure::internal)?;
        Ok(Self { node, secret: u128::from_le_bytes(secret) })
    }
}

impl fmt::Display for SignalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:032x}", self.node, self.secret)
    }
}

impl FromStr for SignalId {
    type Err = Failure;
    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Failure::invalid("signal_id is not one of a signal");
        let (node, secret) = text.split_once('-').filter(|_| text.len() == 49 && text.is_ascii()).ok_or_else(wrong)?;
        let node = u64::from_str_radix(node, 16).map_err(|_| wrong())?;
        Ok(Self { node, secret: u128::from_str_radix(secret, 16).map_err(|_| wrong())? })
    }
}

/// Who is asked, and where the answer goes.
struct Asked {
    users: Arc<[UserId]>,
    only_device: Option<Arc<str>>,
    reply: oneshot::Sender<v1::SignalReply>,
}

/// All of this node.
#[derive(Default)]
pub(crate) struct Waiting(Arc<Mutex<HashMap<SignalId, Asked>>>);

/// A reply that is waited for; dropping it ends that.
pub(super) struct Reply {
    id: SignalId,
    pub(super) told: oneshot::Receiver<v1::SignalReply>,
    waiting: Arc<Mutex<HashMap<SignalId, Asked>>>,
}

impl Waiting {
    /// Waits for a reply of one of these.
    ///
    /// # Errors
    /// `OVERLOADED`.
    pub(super) fn expect(&self, id: SignalId, users: Arc<[UserId]>, only_device: Option<Arc<str>>) -> Result<Reply> {
        let mut waiting = self.0.lock();
        if waiting.len() >= WAITING_MAX {
            let text = "too many signals wait for their replies; try again shortly";
            return Err(Failure { retry_after_ms: 500, ..Failure::new(ErrorCode::Overloaded, text) });
        }
        let (reply, told) = oneshot::channel();
        waiting.insert(id, Asked { users, only_device, reply });
        Ok(Reply { id, told, waiting: self.0.clone() })
    }

    /// Hands a reply to whoever waits for it; false when nobody does, or it is not asked of this caller.
    pub(super) fn answer(&self, caller: &Caller, id: SignalId, reply: v1::SignalReply) -> bool {
        let mut waiting = self.0.lock();
        let meant = waiting.get(&id).is_some_and(|asked| {
            asked.users.contains(&caller.user)
                && asked.only_device.as_ref().is_none_or(|device| *device == caller.device_id)
        });
        let asked = if meant { waiting.remove(&id) } else { None };
        asked.is_some_and(|asked| asked.reply.send(reply).is_ok())
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.waiting.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_and_others_are_refused() {
        let id = SignalId::new(0xabc).unwrap();
        assert_eq!(id.to_string().parse::<SignalId>().unwrap(), id);
        let text = id.to_string();
        for wrong in ["", "-", "1-2", &text[1..], &format!("{text}0"), &text.replace('-', "+"), &"é".repeat(24)] {
            assert!(wrong.parse::<SignalId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_waits_is_bounded_and_forgotten() {
        let waiting = Waiting::default();
        let mut held = Vec::new();
        for _ in 0..WAITING_MAX {
            held.push(waiting.expect(SignalId::new(1).unwrap(), Arc::new([]), None).unwrap());
        }
        let more = waiting.expect(SignalId::new(1).unwrap(), Arc::new([]), None).err().unwrap();
        assert_eq!(more.code, ErrorCode::Overloaded);
        drop(held);
        assert!(waiting.0.lock().is_empty());
    }
}
