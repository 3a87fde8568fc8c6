//! Calls: asking a service node, and being one that is asked.

use std::{sync::Arc, time::Duration};

use async_nats::{Message, Subject};
use bytes::{BufMut as _, Bytes, BytesMut};
use futures::{
    StreamExt as _,
    future::{BoxFuture, join_all},
    stream::{self, FuturesUnordered},
};
use metrics::counter;
use tokio::sync::oneshot;

use super::Node;
use crate::{CALL_MAX, CALLS_MAX, Call, CallError, Place, packet::NodeId};

/// How long all nodes together may take.
const ALL_MAX: Duration = Duration::from_secs(2);
/// The first byte of an answer: there is one.
const ANSWERED: u8 = 0;
/// The first byte of an answer: too much to do.
const OVERLOADED: u8 = 1;
/// The queue group of service nodes.
const GROUP: &str = "service";

type Answered = (Subject, Result<Bytes, oneshot::error::RecvError>);

/// See [`crate::Bus::call_within`].
pub(super) async fn call(
    node: &Node,
    key: Option<u64>,
    request: Bytes,
    patience: Duration,
) -> Result<Bytes, CallError> {
    let answer = match key {
        Some(key) => call_keyed(node, key, request, patience).await,
        None => node.request(group_subject(node), request, patience).await,
    };
    unwrapped(answer)
}

/// See [`crate::Bus::call_node`].
pub(super) async fn call_node(node: &Node, number: u64, request: Bytes) -> Result<Bytes, CallError> {
    unwrapped(node.request(node.subject_of_calls(NodeId(number)), request, CALL_MAX).await)
}

/// See [`crate::Bus::call_all`].
pub(super) async fn call_all(node: &Node, request: Bytes) -> Vec<Bytes> {
    let servers = node.directory.read().servers();
    let asked = servers.into_iter().map(|server| node.request(node.subject_of_calls(server), request.clone(), ALL_MAX));
    join_all(asked).await.into_iter().filter_map(|answer| unwrapped(answer).ok()).collect()
}

fn unwrapped(answer: Result<Bytes, CallError>) -> Result<Bytes, CallError> {
    match answer {
        Ok(mut answer) if answer.first() == Some(&ANSWERED) => Ok(answer.split_off(1)),
        Ok(answer) if answer.first() == Some(&OVERLOADED) => Err(CallError::Overloaded),
        Ok(_) => Err(CallError::Unanswered),
        Err(error) => Err(error),
    }
}

/// Asks the node of this key. When it is gone and nobody took the call, that of the key without it: all who notice come to the same one.
async fn call_keyed(node: &Node, key: u64, request: Bytes, patience: Duration) -> Result<Bytes, CallError> {
    loop {
        let server = match node.place(key) {
            Place::There(server) => NodeId(server),
            Place::Here => return Err(CallError::Nobody),
            Place::Nowhere => return node.request(group_subject(node), request, patience).await,
        };
        match node.request(node.subject_of_calls(server), request.clone(), patience).await {
            Err(CallError::Nobody) if node.link.is_connected() => node.directory.write().stops_serving(server),
            answer => return answer,
        }
    }
}

fn group_subject(node: &Node) -> String {
    format!("{}.call", node.prefix)
}

/// Hands calls to the service layer and its answers back. Runs until it is dropped.
pub(super) async fn run(node: Arc<Node>) {
    let own = node.client.subscribe(node.subject_of_calls(node.id)).await;
    let group = node.client.queue_subscribe(group_subject(&node), GROUP.to_owned()).await;
    let (Ok(own), Ok(group)) = (own, group) else {
        tracing::error!("cannot subscribe: this node answers no calls");
        return;
    };
    let mut calls = stream::select(own, group);
    let mut waiting: FuturesUnordered<BoxFuture<'static, Answered>> = FuturesUnordered::new();
    let (mut draining, mut ended) = (false, false);
    while !(ended && waiting.is_empty()) {
        tokio::select! {
            message = calls.next(), if !ended => match message {
                Some(message) => node.take_call(message, &mut waiting).await,
                None => ended = true,
            },
            () = node.drain.cancelled(), if !draining => {
                draining = true;
                let (own, group) = calls.get_mut();
                // What is on its way from NATS is taken yet: nobody would answer it, and its callers would wait for as long as they can.
                let _ = own.drain().await;
                let _ = group.drain().await;
            }
            Some((reply, answer)) = waiting.next(), if !waiting.is_empty() => {
                // Without an answer the service layer is stopping; the caller's deadline tells it.
                if let Ok(answer) = answer {
                    node.reply(reply, ANSWERED, &answer).await;
                }
            }
        }
    }
}

impl Node {
    fn subject_of_calls(&self, node: NodeId) -> String {
        format!("{}.call.{:016x}", self.prefix, node.0)
    }

    async fn take_call(&self, message: Message, waiting: &mut FuturesUnordered<BoxFuture<'static, Answered>>) {
        let Some(reply) = message.reply else { return };
        let (answer, answered) = oneshot::channel();
        let call = Call { request: message.payload, reply: answer };
        if waiting.len() >= CALLS_MAX || self.calls.try_send(call).is_err() {
            counter!("skein_bus_refused_calls_total").increment(1);
            self.reply(reply, OVERLOADED, &[]).await;
            return;
        }
        waiting.push(Box::pin(async move { (reply, answered.await) }));
    }

    async fn reply(&self, subject: Subject, kind: u8, body: &[u8]) {
        let mut payload = BytesMut::with_capacity(1 + body.len());
        payload.put_u8(kind);
        payload.put_slice(body);
        self.send(subject.to_string(), payload.freeze()).await;
    }
}
