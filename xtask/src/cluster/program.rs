//! A program of the cluster: started so that it ends with us, looked after, and ended.

use std::{
    env, fs,
    fs::File,
    io,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{Failure, STEP, screen, stop::Stop};

/// How long a program may take to end after it was asked; a node takes at most about ten seconds.
const END_MAX: Duration = Duration::from_secs(20);
/// How long a program may take until it can be used.
const START_MAX: Duration = Duration::from_secs(60);
/// How much of a log is shown when a program does not start.
const TAIL_LINES: usize = 8;

/// One program, and how to start it again.
pub struct Program {
    pub name: String,
    pub file: PathBuf,
    pub arguments: Vec<String>,
    pub environment: Vec<(&'static str, String)>,
    pub log: PathBuf,
    /// Whether it can be used: asked after the start, again and again.
    pub is_up: fn(&Program) -> bool,
    child: Option<Child>,
    /// Length of the log when it was started last.
    log_start: usize,
    down_since: Option<Instant>,
}

impl Program {
    pub fn new(name: String, file: PathBuf, log: PathBuf, is_up: fn(&Program) -> bool) -> Self {
        let (arguments, environment) = (Vec::new(), Vec::new());
        Self { name, file, arguments, environment, log, is_up, child: None, log_start: 0, down_since: None }
    }

    /// Its process, 0 when there is none. Restarting changes it.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Starts it and waits until it is up.
    pub fn start(&mut self, stop: &Stop) -> Result<(), Failure> {
        self.child = Some(self.spawn().map_err(|error| format!("{}: {error}", self.file.display()))?);
        let start = Instant::now();
        while !(self.is_up)(self) {
            if stop.is_asked() {
                return Err("stopped".to_owned());
            }
            let ended = self.ended();
            if ended.is_some() || start.elapsed() > START_MAX {
                self.end();
                return Err(format!("{} does not start; {}", self.name, self.log_tail()));
            }
            thread::sleep(STEP);
        }
        Ok(())
    }

    /// The kernel ends it together with the thread that starts it, which is our only one; and Ctrl-C in the terminal is for us alone, so that things end in
    /// their order.
    fn spawn(&mut self) -> io::Result<Child> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        self.log_start = usize::try_from(log.metadata()?.len()).unwrap_or(usize::MAX);
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM"]).arg(&self.file).args(&self.arguments);
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SKEIN_")) {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0).spawn()
    }

    /// Starts it again some time after it has ended. One that does not start any more stays down.
    pub fn revive(&mut self, after: Duration, stop: &Stop) {
        if let Some(status) = self.ended() {
            self.child = None;
            self.down_since = Some(Instant::now());
            screen::say(&format!("{} ended ({status}); it is started again in {} s", self.name, after.as_secs()));
        }
        if self.down_since.is_none_or(|since| since.elapsed() < after) {
            return;
        }
        self.down_since = None;
        match self.start(stop) {
            Ok(()) => screen::say(&format!("{} is there again, process {}", self.name, self.pid())),
            Err(_) if stop.is_asked() => {}
            Err(failure) => screen::say(&failure),
        }
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.as_mut()?.try_wait().ok().flatten()
    }

    /// SIGTERM.
    pub fn ask_to_end(&self) {
        if let Some(child) = &self.child {
            let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
            // One that somebody had stopped takes no signal but this.
            let _ = Command::new("kill").args(["-CONT", &child.id().to_string()]).status();
        }
    }

    /// Has it end, if need be by SIGKILL.
    pub fn end(&mut self) {
        if self.ended().is_none() {
            self.ask_to_end();
        }
        let start = Instant::now();
        while self.child.is_some() && self.ended().is_none() && start.elapsed() < END_MAX {
            thread::sleep(STEP);
        }
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Everything that it has said since it was started last.
    pub fn said(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(log.get(self.log_start..).unwrap_or_default()).into_owned()
    }

    /// What it said last.
    pub fn log_tail(&self) -> String {
        let said = self.said();
        let lines: Vec<&str> = said.lines().collect();
        let tail = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n  ");
        format!("it said:\n  {tail}")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.end();
    }
}
