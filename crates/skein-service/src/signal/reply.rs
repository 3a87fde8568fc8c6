//! Answers a signal.

use skein_proto::{codec::Codec, v1};

use super::{send::check_payload, waiting::SignalId};
use crate::{Asking, Caller, Effect, Result, Service, remote};

impl Service {
    /// The first reply of those who were asked counts; it goes to the node that waits, wherever it comes in. A later one, or one to a signal that nobody waits
    /// for, is not taken.
    ///
    /// Errors: `INVALID_ARGUMENT`, `TOO_LARGE`.
    pub(crate) async fn reply_signal(
        &self,
        caller: &Caller,
        asking: Asking,
        request: v1::ReplySignalRequest,
    ) -> Result<(v1::ReplySignalResponse, Effect)> {
        check_payload(&request.text, &request.data)?;
        let id: SignalId = request.signal_id.parse()?;
        let taken = if id.node == self.bus.number() {
            let reply = v1::SignalReply {
                user_id: caller.user.0,
                device_id: caller.device_id.to_string(),
                text: request.text,
                data: request.data,
                ..Default::default()
            };
            self.signals.waiting.answer(caller, id, reply)
        } else if asking.relayed {
            false
        } else {
            self.reply_elsewhere(caller, id.node, &request).await
        };
        Ok((v1::ReplySignalResponse { taken, ..Default::default() }, Effect::None))
    }

    async fn reply_elsewhere(&self, caller: &Caller, node: u64, request: &v1::ReplySignalRequest) -> bool {
        let body = Codec::Binary.encode(request);
        let done = remote::pass_to_node(&self.bus, node, caller, "SignalService/ReplySignal", &body).await;
        let answer = done.and_then(|done| Codec::Binary.decode::<v1::ReplySignalResponse>(&done.body).ok());
        answer.is_some_and(|answer| answer.taken)
    }
}
