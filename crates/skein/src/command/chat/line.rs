//! Line mode: commands and text in, messages out, one per line. Ends with success when everything that was typed has been acked.

use std::{collections::HashMap, io::IsTerminal as _};

use skein_client::Update;
use skein_proto::{codec::Codec, v1};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    sync::broadcast,
};

use super::{
    super::Outcome,
    command::{Command, parse},
    talk::Talk,
};

/// What has been printed, by conversation: up to which seq.
type Printed = HashMap<String, u64>;

pub async fn run(mut talk: Talk, mut updates: broadcast::Receiver<Update>, json: bool) -> Outcome {
    say(json, &format!("logged in as {} (id {}); /help lists commands", talk.me.username, talk.me.user_id));
    let person = std::io::stdin().is_terminal();
    let mut printed = already_read(&talk);
    print_new(&mut talk, &mut printed, json).await;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => match line? {
                None => return Ok(()),
                Some(line) => match parse(&line) {
                    Ok(Command::Quit) => return Ok(()),
                    // Each line is acked before the next is read: the order is the order typed.
                    Ok(command) => run_command(&mut talk, command, person, json).await?,
                    Err(reason) if person => eprintln!("{reason}"),
                    Err(reason) => return Err(reason.into()),
                },
            },
            update = updates.recv() => match update {
                Ok(Update::Offline(reason)) => eprintln!("offline: {reason}"),
                Ok(Update::Closed(_, reason)) => return Err(reason.into()),
                Err(broadcast::error::RecvError::Closed) => return Ok(()),
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => print_new(&mut talk, &mut printed, json).await,
            },
        }
    }
}

/// A person is told what went wrong and goes on; a script stops there, because its next line may depend on this one.
async fn run_command(talk: &mut Talk, command: Command, person: bool, json: bool) -> Outcome {
    let moves = matches!(command, Command::To(_) | Command::Group(..));
    match talk.execute(command).await {
        Ok(answer) => answer.iter().for_each(|line| say(json, line)),
        Err(error) if person => {
            eprintln!("{error}");
            if moves {
                // What is typed next was not meant for whoever was open before.
                talk.open = None;
            }
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// With JSON lines, standard output is for messages alone.
fn say(json: bool, line: &str) {
    if json {
        eprintln!("{line}");
    } else {
        println!("{line}");
    }
}

/// Unread messages are new to whoever logs in.
fn already_read(talk: &Talk) -> Printed {
    talk.client.with_timeline(|timeline| {
        let entries = timeline.listed();
        entries
            .iter()
            .map(|entry| (entry.conversation_id.clone(), entry.last_seq.saturating_sub(entry.unread)))
            .collect()
    })
}

async fn print_new(talk: &mut Talk, printed: &mut Printed, json: bool) {
    let me = talk.me.user_id;
    let mut fresh: Vec<v1::Message> = talk.client.with_timeline(|timeline| {
        let mut fresh = Vec::new();
        for (id, conversation) in &timeline.conversations {
            let known = printed.entry(id.clone()).or_default();
            let new = conversation.messages.range(*known + 1..).map(|(_, message)| message);
            fresh.extend(new.filter(|message| message.sender_id != me).cloned());
            *known = conversation.messages.last_key_value().map_or(*known, |(seq, _)| (*known).max(*seq));
        }
        fresh
    });
    fresh.sort_by_key(|message| (message.server_time_ms, message.seq));
    if json {
        for message in &fresh {
            println!("{}", String::from_utf8_lossy(&Codec::Json.encode(message)));
        }
        return;
    }
    talk.learn_names(&fresh).await;
    for message in &fresh {
        println!("{}", talk.line(message));
    }
}
