//! Figures as a table for people, or as one JSON object for programs.

use std::io::{IsTerminal as _, Write as _};

use serde_json::{Map, Value};
use skein_client::{Address, address::Transport};

/// Named figures, in order.
#[derive(Default)]
pub struct Report(Vec<(&'static str, Value)>);

impl Report {
    pub fn add(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.push((name, value.into()));
    }

    /// A figure with three decimals at most.
    pub fn add_rounded(&mut self, name: &'static str, value: f64) {
        self.add(name, (value * 1_000.0).round() / 1_000.0);
    }

    /// Prints it, with the machine.
    pub fn print(mut self, json: bool) {
        self.add("machine", machine());
        let mut out = std::io::stdout().lock();
        if json {
            let object: Map<String, Value> = self.0.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            let _ = writeln!(out, "{}", Value::Object(object));
            return;
        }
        let width = self.0.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in self.0 {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let _ = writeln!(out, "{name:<width$}  {value}");
        }
    }
}

/// What this ran on: figures of different machines do not compare.
fn machine() -> String {
    let read = |path, key: &str| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(key));
        line.and_then(|line| line.split_once(':')).map_or_else(String::new, |(_, value)| value.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let memory = read("/proc/meminfo", "MemTotal");
    let kib = memory.split(' ').next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0);
    format!("{cores} x {}, {} GiB", read("/proc/cpuinfo", "model name"), kib.div_ceil(1_024 * 1_024))
}

/// Says on the terminal how far a long work is.
pub fn progress(what: &str, done: usize, total: usize) {
    let mut out = std::io::stderr().lock();
    if out.is_terminal() {
        let filled = (done * 30).checked_div(total).unwrap_or(30);
        let end = if done >= total { "\n" } else { "" };
        let _ = write!(out, "\r{what:<28} [{:<30}] {done}/{total}{end}", "#".repeat(filled));
    }
}

/// One line about what comes next.
pub fn say(what: &str) {
    eprintln!("{what}");
}

/// What carries frames to this address.
pub fn transport(address: &Address) -> &'static str {
    match address.transport {
        Transport::WebSocket => "websocket",
        Transport::Tcp => "tcp",
        Transport::Quic => "quic",
    }
}
