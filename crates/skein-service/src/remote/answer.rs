//! A service node answers the calls of access nodes.

use std::{future::poll_fn, sync::Arc, task::Poll};

use bytes::Bytes;
use skein_bus::Call;
use skein_proto::{codec::Codec, id::UserId, v1, v1::ErrorCode};
use tokio::{sync::mpsc, task::unconstrained};
use tokio_util::task::TaskTracker;

use super::wire::{self, Question};
use crate::{Failure, Service};

/// Answers until there are no more calls. The bus bounds how many are under way.
pub async fn answer_calls(service: Arc<Service>, mut calls: mpsc::Receiver<Call>) {
    let under_way = TaskTracker::new();
    while let Some(call) = calls.recv().await {
        let service = service.clone();
        let mut answering = Box::pin(async move {
            let Call { request, reply } = call;
            let answer = answer(&service, request).await;
            // The caller may be gone.
            let _ = reply.send(wire::encode_answer(&answer));
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
        Question::Dispatch { caller, method, codec, body } => {
            service.dispatch(caller.as_ref(), method, codec, body).await
        }
        Question::Limits => Ok(Codec::Binary.encode(&service.limits())),
        Question::Ready => service.user_version(UserId(0)).await.map(|_| Bytes::new()),
    }
}
