//! How many hellos are judged at once: when everybody comes back together, they wait in a line with an end, and who finds it full comes again later.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

/// The door.
pub(crate) struct Admission {
    places: Semaphore,
    waiting: AtomicUsize,
    waiting_max: usize,
}

/// One in the line; leaves it also when it gives up.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Admission {
    /// So many at once, and so many in the line; 0 at once: no bound.
    pub(crate) fn new(at_once: usize, waiting_max: usize) -> Self {
        let at_once = if at_once == 0 { Semaphore::MAX_PERMITS } else { at_once.min(Semaphore::MAX_PERMITS) };
        Self { places: Semaphore::new(at_once), waiting: AtomicUsize::new(0), waiting_max }
    }

    /// A place, perhaps after waiting; `None` when the line is full.
    pub(crate) async fn enter(&self) -> Option<SemaphorePermit<'_>> {
        if let Ok(place) = self.places.try_acquire() {
            return Some(place);
        }
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.waiting_max {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let _waiting = Waiting(&self.waiting);
        self.places.acquire().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn the_line_has_an_end_and_moves() {
        let admission = Admission::new(1, 1);
        let inside = admission.enter().await.unwrap();
        let mut second = Box::pin(admission.enter());
        assert!(second.as_mut().now_or_never().is_none(), "waits");
        assert!(admission.enter().await.is_none(), "the line is full");
        drop(inside);
        let inside = second.await.unwrap();
        let mut given_up = Box::pin(admission.enter());
        assert!(given_up.as_mut().now_or_never().is_none());
        drop(given_up);
        assert_eq!(admission.waiting.load(Ordering::Relaxed), 0);
        drop(inside);
        assert!(admission.enter().await.is_some());
    }

    #[tokio::test]
    async fn no_bound_is_no_bound() {
        let admission = Admission::new(0, 0);
        let places = futures::future::join_all((0..1_000).map(|_| admission.enter())).await;
        assert!(places.iter().all(Option::is_some));
    }
}
