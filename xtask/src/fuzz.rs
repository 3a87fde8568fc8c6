//! Builds and runs the fuzz targets of `fuzz/`, and keeps the best of what they find. See docs/fuzzing.md.

mod keep;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::command;

/// CPU time for each target when none is named.
const SECONDS_DEFAULT: u64 = 60;
/// Longest time for one input, in seconds.
const INPUT_SECONDS_MAX: u32 = 10;
/// Memory of the whole process, in MiB; what a decoder may take is counted by the targets themselves.
const MEMORY_MIB_MAX: u32 = 1_024;

/// What makes the compiler count edges and show comparisons to libFuzzer. Stable compilers pass them through to LLVM.
const INSTRUMENTATION: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg=fuzzing",
];

const USAGE: &str = "usage: cargo xtask fuzz [target] [--seconds N] [--keep]

  target       one of those that it lists; all by default, one after the other
  --seconds N  CPU time for each target, 60 by default
  --keep       afterwards replaces the kept inputs in fuzz/corpus by the best of all that are known";

/// What is asked for.
#[derive(Debug, PartialEq)]
struct Options {
    target: Option<String>,
    seconds: u64,
    keep: bool,
}

/// Where things lie.
struct Places {
    root: PathBuf,
    binary: PathBuf,
}

impl Places {
    /// Inputs in the repository; a test replays them.
    fn kept(&self, target: &str) -> PathBuf {
        self.root.join("fuzz/corpus").join(target)
    }
    /// Everything of this kind that was found on this machine.
    fn found(&self, kind: &str, target: &str) -> PathBuf {
        self.root.join("target/fuzz").join(kind).join(target)
    }
    fn run(&self, target: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command.env("SKEIN_FUZZ_TARGET", target).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }
}

/// Runs what the arguments say; whether every promise held.
pub fn run(root: &Path, arguments: &[String]) -> bool {
    let Some(options) = parse(arguments) else {
        eprintln!("{USAGE}");
        return false;
    };
    let Some(places) = build(root) else { return false };
    let targets = targets(&places);
    let chosen: Vec<_> =
        targets.iter().filter(|(name, _)| options.target.as_ref().is_none_or(|asked| asked == name)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = targets.iter().map(|(name, _)| name.as_str()).collect();
        eprintln!("there is no such target; there are {}", names.join(", "));
        return false;
    }
    let mut passed = true;
    for (name, input_bytes_max) in chosen {
        passed &= fuzz(&places, name, input_bytes_max, options.seconds);
        if options.keep {
            passed &= keep::run(&places, name);
        }
    }
    passed
}

fn parse(arguments: &[String]) -> Option<Options> {
    let mut options = Options { target: None, seconds: SECONDS_DEFAULT, keep: false };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seconds" => options.seconds = arguments.next()?.parse().ok()?,
            "--keep" => options.keep = true,
            name if !name.starts_with('-') && options.target.is_none() => options.target = Some(name.to_owned()),
            _ => return None,
        }
    }
    Some(options)
}

/// The instrumented binary, in a folder that no other build uses.
fn build(root: &Path) -> Option<Places> {
    if ["c++", "g++", "clang++"].iter().all(|compiler| command::output(compiler, &["--version"]).is_none()) {
        eprintln!("libFuzzer is compiled from source, which needs a C++ compiler. Install one: apt-get install g++");
        return None;
    }
    let version = command::output("rustc", &["-vV"])?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "))?;
    let folder = root.join("target/fuzz");
    // With a target named, build scripts and macros stay without instrumentation, which they could not be linked with.
    let arguments = ["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target", host, "--target-dir"];
    let arguments: Vec<_> = arguments.into_iter().chain(folder.to_str()).collect();
    let flags = INSTRUMENTATION.join("\u{1f}");
    if !command::run_with(root, "cargo", &arguments, &[("CARGO_ENCODED_RUSTFLAGS", flags.as_ref())]) {
        return None;
    }
    Some(Places { root: root.to_owned(), binary: folder.join(host).join("release/skein-fuzz") })
}

/// Names, and the length of the longest input of each.
fn targets(places: &Places) -> Vec<(String, String)> {
    let listed = command::output(&places.binary.display().to_string(), &[]).unwrap_or_default();
    let pair = |line: &str| line.split_once(' ').map(|(name, bytes)| (name.to_owned(), bytes.to_owned()));
    listed.lines().filter_map(pair).collect()
}

/// Runs one target until it has had its time, or something is found.
fn fuzz(places: &Places, name: &str, input_bytes_max: &str, seconds: u64) -> bool {
    let (found, crashes, logs) =
        (places.found("corpus", name), places.found("crashes", name), places.found("logs", name));
    for folder in [&found, &crashes, &logs, &places.kept(name)] {
        if let Err(error) = fs::create_dir_all(folder) {
            eprintln!("cannot make {}: {error}", folder.display());
            return false;
        }
    }
    let start = cpu_seconds();
    let (mut used, mut executions, mut coverage) = (0, 0, String::new());
    // The fuzzer measures time by the clock; on a busy machine it takes several rounds.
    while used < seconds {
        let log = logs.join("last.log");
        let Ok(output) = fs::File::create(&log) else { return false };
        let status = places
            .run(name)
            .args([&found, &places.kept(name)])
            .arg(format!("-max_total_time={}", (seconds - used).max(5)))
            .arg(format!("-max_len={input_bytes_max}"))
            .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
            .arg(format!("-rss_limit_mb={MEMORY_MIB_MAX}"))
            .arg(format!("-artifact_prefix={}/", crashes.display()))
            .arg("-print_final_stats=1")
            .stderr(output)
            .status();
        let text = fs::read(&log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        if !status.is_ok_and(|status| status.success()) {
            report_finding(places, name, &text);
            return false;
        }
        executions += number_behind(&text, "stat::number_of_executed_units:").unwrap_or(0);
        coverage = covered(&text).unwrap_or(coverage);
        let Some(now) = cpu_seconds() else { break };
        used = now - start.unwrap_or(now);
    }
    println!("{name}: {used} s of CPU, {executions} executions, {coverage}, nothing found");
    true
}

/// Says what broke and how to see it again.
fn report_finding(places: &Places, name: &str, log: &str) {
    let told = |line: &&str| ["panicked at", "ERROR:", "Test unit written to"].iter().any(|word| line.contains(word));
    eprintln!("{name}: FAILED");
    let mut lines = log.lines();
    while let Some(line) = lines.find(|line| told(line)) {
        eprintln!("  {line}");
        // The message of a panic is on the line after it.
        if let Some(message) = lines.next().filter(|_| line.contains("panicked at")) {
            eprintln!("  {message}");
        }
    }
    eprintln!("  again: SKEIN_FUZZ_TARGET={name} {} <file>", places.binary.display());
    eprintln!("  smaller: the same with -minimize_crash=1 -max_total_time=60 before the file");
}

/// The number behind a label; of the last line that has it.
fn number_behind(text: &str, label: &str) -> Option<u64> {
    let line = text.lines().rev().find(|line| line.starts_with(label))?;
    line[label.len()..].trim().parse().ok()
}

/// `cov: 309 ft: 1596` of the last line that tells it: edges of the program, and features that also count how often.
fn covered(text: &str) -> Option<String> {
    let words: Vec<_> = text.lines().rev().find(|line| line.contains(" cov: "))?.split_whitespace().collect();
    let value = |label: &str| words.iter().position(|word| *word == label).and_then(|at| words.get(at + 1));
    Some(format!("cov {} ft {}", value("cov:")?, value("ft:")?))
}

/// CPU time of all children that have ended; `None` where the system does not tell (it is not Linux).
fn cpu_seconds() -> Option<u64> {
    const TICKS_PER_SECOND: u64 = 100;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program is in parentheses and may have spaces; user and system time of children are the 14th and 15th behind it.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(13);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_strictly() {
        let parsed = |line: &str| parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(parsed(""), Some(Options { target: None, seconds: SECONDS_DEFAULT, keep: false }));
        let options = Options { target: Some("record".to_owned()), seconds: 7, keep: true };
        assert_eq!(parsed("record --seconds 7 --keep"), Some(options));
        for wrong in ["--seconds", "--seconds x", "a b", "--other"] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_log_of_the_fuzzer_is_understood() {
        let log = "#2\tINITED cov: 3 ft: 4 corp: 1/1b\n#9\tDONE   cov: 309 ft: 1596 corp: 9/1Kb\nstat::number_of_executed_units: 77\n";
        assert_eq!(covered(log).unwrap(), "cov 309 ft 1596");
        assert_eq!(number_behind(log, "stat::number_of_executed_units:"), Some(77));
    }
}
