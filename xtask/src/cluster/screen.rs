//! What a running cluster shows: one line for scripts, a table, and what to try.

use std::{fmt::Write as _, io::Write as _, path::Path};

use super::node::Node;

/// What is shown.
pub struct Shown<'a> {
    pub nodes: &'a [Node],
    pub nats: String,
    pub database: String,
    pub directory: &'a Path,
    /// Whether the directory outlives the cluster.
    pub is_kept: bool,
}

/// One line, or more. Nobody has to read it: a closed terminal must not keep us from ending things.
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Where everything is.
pub fn announce(shown: &Shown<'_>) {
    say(&format!("{}\n{}{}", line(shown), table(shown), advice(shown)));
}

/// For scripts: that everything serves, and where, in `name=value` without spaces.
fn line(shown: &Shown<'_>) -> String {
    let nodes = shown.nodes.iter().map(|node| format!("{}={}", node.role, node.address));
    let nodes: Vec<String> = nodes.collect();
    format!("SKEIN CLUSTER READY {} nats={} directory={}", nodes.join(" "), shown.nats, shown.directory.display())
}

fn table(shown: &Shown<'_>) -> String {
    let mut text =
        format!("\n  {:<8} {:<9} {:<24} {:<32} {:<9} {}\n", "node", "role", "web app", "metrics", "process", "log");
    for node in shown.nodes {
        let address = format!("http://{}", node.address);
        let app = if node.role == "service" { "none: no clients" } else { &address };
        let (metrics, pid) = (format!("{address}/metrics"), node.program.pid());
        let (name, role, log) = (node.name(), node.role, node.program.log.display());
        let _ = writeln!(text, "  {name:<8} {role:<9} {app:<24} {metrics:<32} {pid:<9} {log}");
    }
    let _ = writeln!(text, "\n  PostgreSQL   psql '{}'", shown.database);
    let _ = writeln!(text, "  NATS         {}", shown.nats);
    text
}

fn advice(shown: &Shown<'_>) -> String {
    let mut entrances = shown.nodes.iter().filter(|node| node.role != "service");
    let (Some(first), Some(last)) = (entrances.next(), entrances.next_back()) else { return String::new() };
    let end = if shown.is_kept {
        format!("stops everything; the data stays in {}", shown.directory.display())
    } else {
        "stops everything and removes its data".to_owned()
    };
    format!(
        "
  Try
    Open http://{a} and http://{b}, register somebody on each, and talk.
    skein chat --server http://{b} --register --user cid
    kill -9 {pid}    {name}: it is started again after three seconds, and nothing is lost
    curl -s http://{b}/metrics | grep skein_bus

  Ctrl-C {end}.
",
        a = first.address,
        b = last.address,
        pid = first.program.pid(),
        name = first.name(),
    )
}
