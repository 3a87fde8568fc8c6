//! Programs that tests start: looked for, and installed from Debian when they are missing.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::command;

/// Installs packages without starting what is in them, and without touching what runs already: `policy-rc.d` is how an administrator forbids the start,
/// so one that is there stays as it is.
const INSTALL: &str = r#"set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
apt-get update -q
apt-get install -q -y --no-install-recommends "$@"
"#;

/// Makes sure that the servers are there. Tests start private ones; those of the system are never used.
pub fn servers(root: &Path) -> bool {
    let missing = missing();
    if missing.is_empty() {
        return true;
    }
    let names = missing.join(" and ");
    println!("no {names} here: installing Debian's, for tests that start their own");
    install(root, &missing);
    let there = self::missing().is_empty();
    if !there {
        eprintln!("The tests need {names}: install it; it need not run.");
    }
    there
}

/// Packages of servers that tests start for themselves and that are not there.
fn missing() -> Vec<&'static str> {
    let servers = [("nats-server", has_nats()), ("postgresql", has_postgres())];
    servers.into_iter().filter(|(_, is_there)| !is_there).map(|(package, _)| package).collect()
}

/// Installs packages of Debian, as root or through sudo.
pub fn install(root: &Path, packages: &[&str]) -> bool {
    let script: Vec<&str> = ["sh", "-c", INSTALL, "sh"].into_iter().chain(packages.iter().copied()).collect();
    match command::output("id", &["-u"]).as_deref() {
        Some("0") => command::run(root, script[0], &script[1..]),
        _ => command::run(root, "sudo", &script),
    }
}

fn has_nats() -> bool {
    find("nats-server").is_some() || ["/usr/sbin/nats-server", "/usr/bin/nats-server"].iter().any(|path| is_file(path))
}

fn has_postgres() -> bool {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    find("initdb").is_some() || versions.into_iter().any(|version| version.path().join("bin/initdb").is_file())
}

fn is_file(path: &str) -> bool {
    Path::new(path).is_file()
}

/// Where in the path a program is.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}
