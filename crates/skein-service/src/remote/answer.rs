//! A service node answers the calls of access nodes.

use std::{future::poll_fn, sync::Arc, task::Poll, time::Duration};

use bytes::Bytes;
use skein_bus::{CALL_BYTES_MAX, Call};
use skein_proto::{codec::Codec, id::UserId, v1, v1::ErrorCode};
use tokio::{sync::mpsc, task::unconstrained};
use tokio_util::task::TaskTracker;

use super::wire::{self, Question};
use crate::{Failure, Service, presence, room::report};

/// How long a call for events waits until there are some: well below the deadline of a call, and below what a stopping node waits for calls.
const EVENTS_WAIT: Duration = Duration::from_secs(2);
/// Payload of the events in one answer, but for the last one: it may take as much again.
const EVENTS_BYTES_MAX: usize = CALL_BYTES_MAX / 4;

/// Answers until there are no more calls. The bus bounds how many are under way.
pub async fn answer_calls(service: Arc<Service>, mut calls: mpsc::Receiver<Call>) {
    let under_way = TaskTracker::new();
    while let Some(call) = calls.recv().await {
        let service = service.clone();
        let mut answering = Box::pin(async move {
            let Call { request, reply } = call;
            let answer = answer(&service, request).await;
            let mut bytes = wire::encode_answer(&answer);
            if bytes.len() > CALL_BYTES_MAX {
                bytes = wire::encode_answer(&Err(too_large()));
            }
            // The caller may be gone.
            let _ = reply.send(bytes);
        });
        // Each is polled once before the next is taken, so that they reach the store in the order they came. Unconstrained, because a task
        // that has used up its turn would find every queue closed to it.
        let first = unconstrained(poll_fn(|context| Poll::Ready(answering.as_mut().poll(context).is_ready()))).await;
        if !first {
            under_way.spawn(answering);
        }
    }
    under_way.close();
    under_way.wait().await;
}

async fn answer(service: &Service, request: Bytes) -> Result<Bytes, v1::Error> {
    let malformed = || v1::Error::from(Failure::new(ErrorCode::Malformed, "a call that cannot be read"));
    match Question::decode(&request).map_err(|_| malformed())? {
        Question::OpenLink { access_token } => {
            let (caller, version) = service.open_link(access_token).await?;
            Ok(wire::encode_opened(&caller, version))
        }
        Question::Dispatch { caller, asking, method, codec, body } => {
            let done = service.dispatch_for(caller.as_ref(), asking, method, codec, body).await?;
            Ok(wire::encode_done(&done))
        }
        Question::ReportRooms { node, reports } => {
            Ok(report::encode_standings(&service.report_rooms_here(node, &reports)))
        }
        Question::Look { looks } => Ok(presence::wire::encode_looked(service.look(looks).await?)),
        Question::ReportOnline { report } => Ok(Bytes::from(vec![u8::from(service.report_online(report).await?)])),
        Question::AuthenticateServer { key } => {
            service.authenticate_server(key.as_deref()).map(|key| wire::encode_key(&key))
        }
        Question::DispatchServer { key, relayed, method, codec, body } => {
            service.dispatch_server_for(&key, relayed, method, codec, body).await
        }
        Question::ListRooms => Ok(report::encode_rooms(&service.rooms.list())),
        Question::OpenEvents { after, kinds } => {
            let (after, kinds) = service.open_events(after, &kinds).await?;
            Ok(wire::encode_begin(after, kinds))
        }
        Question::NextEvents { after, kinds } => {
            let lines = service.next_events_within(after, kinds, EVENTS_WAIT, EVENTS_BYTES_MAX).await?;
            Ok(wire::encode_lines(&lines))
        }
        Question::Limits => Ok(Codec::Binary.encode(&service.limits())),
        Question::Ready => service.user_version(UserId(0)).await.map(|_| Bytes::new()),
    }
}

/// Pages are cut to fit and single things are bounded, so this is a mistake of ours; without an answer the caller would wait for nothing.
fn too_large() -> v1::Error {
    Failure::internal("an answer that no call can carry").into()
}
