//! Running other programs: each shows its command line and how long it took.

use std::{
    ffi::OsStr,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

/// Runs a program at the root of the repository; whether it succeeded.
pub fn run(root: &Path, program: &str, arguments: &[&str]) -> bool {
    run_with(root, program, arguments, &[])
}

/// The same with variables in its environment.
pub fn run_with(root: &Path, program: &str, arguments: &[&str], environment: &[(&str, &OsStr)]) -> bool {
    println!("$ {program} {}", arguments.join(" "));
    let start = Instant::now();
    let status = Command::new(program).args(arguments).envs(environment.iter().copied()).current_dir(root).status();
    if let Err(error) = &status {
        eprintln!("cannot run {program}: {error}");
    }
    let passed = status.is_ok_and(|status| status.success());
    println!("{} after {} s", if passed { "ok" } else { "FAILED" }, start.elapsed().as_secs());
    passed
}

/// What a program prints; `None` when it does not exist or fails.
pub fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
