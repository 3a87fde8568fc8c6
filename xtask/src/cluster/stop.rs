//! When a cluster has to stop: a signal, or the end of whoever started it.

use std::{
    io,
    os::unix::process::parent_id,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Whether somebody wants it to stop.
pub struct Stop {
    asked: Arc<AtomicBool>,
    parent: u32,
}

impl Stop {
    /// Takes the signals over from now on.
    pub fn listen() -> io::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, asked.clone())?;
        }
        Ok(Self { asked, parent: parent_id() })
    }

    /// Whether it is time.
    pub fn is_asked(&self) -> bool {
        // An orphan gets another parent.
        self.asked.load(Ordering::Relaxed) || parent_id() != self.parent
    }
}
