//! Acks that a sender waits for: they move the delivered cursor of the receiver, as if its client had asked for it.

use std::{collections::BTreeMap, sync::Arc};

use skein_proto::{codec::Codec, v1};

use crate::{hello::Shared, registry::LiveSession};

/// Tells the service what the acks of a session have confirmed since the last call. Never fails the link: a receipt that is lost comes with the next one.
pub(crate) fn confirm(shared: &Arc<Shared>, session: &LiveSession) {
    let confirmed = session.lock().session.take_confirmed();
    if confirmed.is_empty() {
        return;
    }
    let mut newest: BTreeMap<String, u64> = BTreeMap::new();
    for one in confirmed.into_iter().filter(|one| one.sender_id != session.caller.user.0) {
        let seq = newest.entry(one.conversation_id).or_default();
        *seq = one.seq.max(*seq);
    }
    let (gate, caller) = (shared.gate.clone(), session.caller.clone());
    tokio::spawn(async move {
        for (conversation_id, seq) in newest {
            let request = v1::MarkDeliveredRequest { conversation_id, seq, ..Default::default() };
            let body = Codec::Binary.encode(&request);
            let marked = gate.dispatch(Some(&caller), None, "ReceiptService/MarkDelivered", Codec::Binary, &body).await;
            if let Err(error) = marked {
                tracing::debug!(code = ?error.code, "a delivery was not confirmed");
            }
        }
    });
}
