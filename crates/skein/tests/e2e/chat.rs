//! The terminal client in line mode, as a script would pipe it.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdout, Command, Stdio},
};

use crate::server::{SKEIN, Server};

struct Chat {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Chat {
    fn start(server: &Server, user: &str) -> Self {
        let mut child = Command::new(SKEIN)
            .args(["chat", "--line", "--register", "--user", user, "--server"])
            .arg(format!("http://{}", server.http))
            .env("SKEIN_PASSWORD", "a long password")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn say(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    fn until(&mut self, text: &str) -> String {
        let mut seen = String::new();
        for line in self.lines.by_ref() {
            let line = line.unwrap();
            if line.contains(text) {
                return line;
            }
            seen += &line;
            seen.push('\n');
        }
        panic!("{text:?} never came: {seen}");
    }
}

#[test]
fn two_terminals_talk() {
    let server = Server::start();
    let (mut ann, mut bob) = (Chat::start(&server, "ann"), Chat::start(&server, "bob"));
    bob.until("bob");
    ann.say("/to bob");
    ann.say("hello from a pipe");
    let line = bob.until("hello from a pipe");
    assert!(line.contains("ann"), "{line}");
    bob.say("/to ann");
    bob.say("and back");
    assert!(ann.until("and back").contains("bob"));
    drop(ann.child.stdin.take());
    assert!(ann.child.wait().unwrap().success());
    drop(bob.child.stdin.take());
    assert!(bob.child.wait().unwrap().success());
}
