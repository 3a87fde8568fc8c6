//! What there is to sync: everybody writes to the next people in a circle.

use std::collections::HashSet;

use skein_client::account::Login;
use tokio::task::JoinSet;

use crate::command::{
    Outcome,
    bench::{
        peer::{Heard, Peer},
        report::progress,
        server::Server,
    },
};

/// Requests that one of them keeps open.
const WINDOW: usize = 32;

/// Everybody writes so many messages to each of the `each` who come next.
pub async fn fill(server: &Server, people: &[Login], each: usize, messages: u64) -> Outcome {
    let mut writers = JoinSet::new();
    for (at, login) in people.iter().enumerate() {
        let next = (1..=each).map(|step| people[(at + step) % people.len()].user.user_id).collect::<Vec<_>>();
        let peer = Peer::connect(&server.address(false)?, &server.options(), login).await?;
        let all = (0..messages).flat_map(|number| next.iter().map(move |to| (number, *to))).collect();
        writers.spawn(write(peer, all));
    }
    let mut done = 0;
    while let Some(written) = writers.join_next().await {
        written??;
        done += 1;
        progress("people who have written", done, people.len());
    }
    Ok(())
}

/// Writes these messages, by number and receiver.
async fn write(mut peer: Peer, messages: Vec<(u64, u64)>) -> Outcome {
    let mut left = messages.into_iter();
    let (mut open, mut heard) = (HashSet::new(), Vec::new());
    loop {
        while open.len() < WINDOW
            && let Some((number, to)) = left.next()
        {
            open.insert(peer.send(to, format!("message {number}, of the usual length of a line of chat"))?);
        }
        if open.is_empty() {
            return Ok(());
        }
        peer.acknowledge()?;
        peer.flush().await?;
        peer.hear(&mut heard).await?;
        for heard in heard.drain(..) {
            if let Heard::Answer(id, result) = heard {
                result?;
                open.remove(&id);
            }
        }
    }
}
