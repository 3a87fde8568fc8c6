//! `skein chat`: the terminal client, full-screen for people and line by line for scripts.

mod command;
mod line;
mod outbox;
mod password;
mod screen;
mod talk;
mod tui;

use std::io::IsTerminal as _;

use skein_client::{Address, Client, ConnectOptions, MemoryCache, account};

use super::Outcome;
use talk::Talk;

/// Name of the device in the list that a user sees.
const DEVICE: &str = "terminal";

/// The password is asked for, or taken from SKEIN_PASSWORD; it is never an argument, because others can see those.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  skein chat --register --user ann             make an account and chat
  skein chat --user ann --to bob               log in and open the conversation with bob
  printf '/to bob\\nhello\\n' | SKEIN_PASSWORD=... skein chat --line --user ann
  In the client, /help lists the commands.")]
pub struct Args {
    /// Address of the server
    #[arg(long, env = "SKEIN_SERVER", default_value = "http://127.0.0.1:7700")]
    server: Address,
    /// User name; asked for if absent
    #[arg(long, env = "SKEIN_USER")]
    user: Option<String>,
    /// Make the account first
    #[arg(long)]
    register: bool,
    /// Open the conversation with this person, or this group (g12)
    #[arg(long)]
    to: Option<String>,
    /// Read commands and text from standard input and print what arrives, for scripts; the default when input is no terminal
    #[arg(long)]
    line: bool,
    /// Print messages as JSON, one per line, and everything else on standard error; implies --line
    #[arg(long)]
    json: bool,
    /// PEM file of a certificate to trust, for a server with a self-signed one
    #[arg(long)]
    trust: Option<std::path::PathBuf>,
}

/// Runs until the input ends or the person leaves.
pub async fn run(args: Args) -> Outcome {
    let user = match args.user {
        Some(user) => user,
        None if std::io::stdin().is_terminal() => password::ask_name()?,
        None => return Err("name the user with --user: there is no terminal to ask for it".into()),
    };
    let password = match std::env::var("SKEIN_PASSWORD") {
        Ok(password) => password,
        Err(_) if std::io::stdin().is_terminal() => password::ask(&user)?,
        Err(_) => return Err("set SKEIN_PASSWORD: there is no terminal to ask for the password".into()),
    };
    let options = ConnectOptions { trusted_certificates: args.trust, ..ConnectOptions::default() };
    let login = if args.register {
        account::register(&args.server, &options, &user, &password, DEVICE).await?
    } else {
        account::log_in(&args.server, &options, &user, &password, DEVICE).await?
    };
    let client = Client::start(args.server, options, login.clone(), MemoryCache::default());
    let updates = client.updates();
    client.pull().await?;
    let mut talk = Talk::new(client, login.user);
    if let Some(to) = &args.to {
        talk.open(to).await?;
    }
    if args.line || args.json || !std::io::stdin().is_terminal() {
        line::run(talk, updates, args.json).await
    } else {
        tui::run(talk, updates).await
    }
}
