//! From the first signal to the end: a drain, and what cuts it short.

use std::time::Duration;

use skein_access::Access;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long open links get to take their last pushes at shutdown.
const SHUTDOWN_MAX: Duration = Duration::from_secs(5);
/// The same after a second signal.
const AT_ONCE: Duration = Duration::from_millis(100);

/// What asks the process to stop: SIGINT and SIGTERM.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Listens from now on; the process is not killed by them any more.
    ///
    /// # Errors
    /// The system refuses.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Waits until the node is to stop: it was drained after a signal or an order, or a second signal came meanwhile. How long its last links may take.
    pub async fn until_drained(&mut self, access: &Access) -> Duration {
        let mut signalled = false;
        loop {
            tokio::select! {
                () = self.next() => {}
                () = access.drained() => return SHUTDOWN_MAX,
            }
            // A drain that was called off in between begins anew.
            let began = access.drain();
            if signalled && !began {
                tracing::info!("a second signal: links are not waited for");
                return AT_ONCE;
            }
            signalled = true;
        }
    }

    /// Ends the access layer; a further signal cuts it short.
    pub async fn shut_down(&mut self, access: Access, patience: Duration) {
        tokio::select! {
            () = access.shutdown(patience) => {}
            () = self.next() => {}
        }
    }
}
