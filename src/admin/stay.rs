//! For how long a connection may stay, and who has to go when there are too many.
//!
//! Everybody comes in as a guest: probes, scrapers, who is refused, who says nothing. Guests stay for a moment, and when
//! there are too many the one that has been there longest goes, so that nobody who comes ever waits for one that stays.
//! Whoever is shown the cluster may take long over it, and gets a place for that. Places are counted for themselves:
//! when all of them are taken, guests come and go as before.

use std::{
    collections::VecDeque,
    sync::{Arc, OnceLock},
};

use axum::{
    Extension,
    body::Body,
    http::{Request, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::AbortHandle,
    time::{Duration, sleep},
};

/// How many connections may be shown the cluster: all pages that may be open
/// ([`WATCHERS`](crate::picture::WATCHERS)), and some more for commands.
pub(super) const PLACES: usize = 150;
/// How many others may be open. A probe is answered at once, so it is never the one that has been there longest.
const GUESTS: usize = 50;
/// How long a guest may stay: a page of metrics takes less, over the slowest of networks.
const GUEST_TIME: Duration = Duration::from_secs(30);
/// How long a connection may stay that is shown the cluster. Who it comes from was proved when it was opened: a
/// certificate that has ended since, or is not trusted any more, counts for no longer than this. Whoever looks longer
/// comes again.
const PLACE_TIME: Duration = Duration::from_secs(15 * 60);

/// Whether a connection has a place.
#[derive(Debug)]
pub(super) struct Stay {
    places: Arc<Semaphore>,
    place: OnceLock<OwnedSemaphorePermit>,
}

impl Stay {
    /// A guest's, which may come to have one of these places.
    pub(super) fn new(places: Arc<Semaphore>) -> Self {
        Self { places, place: OnceLock::new() }
    }

    fn has_place(&self) -> bool {
        self.place.get().is_some()
    }

    /// Gives it a place, if it has none; whether it has one then.
    fn take_place(&self) -> bool {
        if !self.has_place()
            && let Ok(place) = self.places.clone().try_acquire_owned()
        {
            // If it has got another one meanwhile, this one is free again.
            _ = self.place.set(place);
        }
        self.has_place()
    }

    /// Serves a connection for as long as it may stay.
    pub(super) async fn bound(&self, connection: impl Future<Output = ()>) {
        let end = async {
            sleep(GUEST_TIME).await;
            if self.has_place() {
                sleep(PLACE_TIME.saturating_sub(GUEST_TIME)).await;
            }
        };
        tokio::select! {
            () = connection => {}
            () = end => {}
        }
    }
}

/// Gives the connection of a request that was let in a place, or says that there is none.
pub(super) async fn place(
    Extension(stay): Extension<Arc<Stay>>,
    request: Request<Body>,
    next: Next,
) -> Response {
    if stay.take_place() {
        return next.run(request).await;
    }
    let text = format!(
        "{PLACES} connections are shown the cluster by this server, which is its limit; close one, or ask another server\n"
    );
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

/// The guests, those first who came first.
#[derive(Debug, Default)]
pub(super) struct Guests {
    here: VecDeque<(Arc<Stay>, AbortHandle)>,
}

impl Guests {
    /// One more, whose connection is served by this task. Whoever has been here longest goes for it, if need be.
    pub(super) fn add(&mut self, stay: Arc<Stay>, task: AbortHandle) {
        self.here.retain(|(stay, task)| !stay.has_place() && !task.is_finished());
        if self.here.len() >= GUESTS
            && let Some((_, longest)) = self.here.pop_front()
        {
            longest.abort();
        }
        self.here.push_back((stay, task));
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::{
        task::JoinHandle,
        time::{Instant, timeout},
    };

    use super::*;

    fn places(count: usize) -> Arc<Semaphore> {
        Arc::new(Semaphore::new(count))
    }

    /// One that never ends by itself.
    fn come(guests: &mut Guests, stay: Stay) -> (Arc<Stay>, JoinHandle<()>) {
        let (stay, task) = (Arc::new(stay), tokio::spawn(pending()));
        guests.add(stay.clone(), task.abort_handle());
        (stay, task)
    }

    #[tokio::test(start_paused = true)]
    async fn the_guest_that_has_been_here_longest_goes_for_the_one_too_many() {
        let (mut guests, places) = (Guests::default(), places(1));
        let mut come = || come(&mut guests, Stay::new(places.clone()));
        let mut here: VecDeque<_> = (0..GUESTS).map(|_| come()).collect();
        // Who is shown the cluster is no guest any more.
        let (stay, placed) = here.pop_front().expect("there are some");
        assert!(stay.take_place());
        here.push_back(come());
        assert!(here.iter().all(|(_, task)| !task.is_finished()));

        for _ in 0..GUESTS {
            here.push_back(come());
            let (_, longest) = here.pop_front().expect("there are some");
            let end = timeout(GUEST_TIME, longest).await.expect("it has to go");
            assert!(end.expect_err("it is made to").is_cancelled());
        }

        assert!(here.iter().all(|(_, task)| !task.is_finished()) && !placed.is_finished());
        assert_eq!(here.len(), GUESTS);
    }

    #[tokio::test]
    async fn a_place_is_had_once_and_for_as_long_as_the_connection() {
        let places = places(1);
        let (one, two) = (Stay::new(places.clone()), Stay::new(places.clone()));
        assert!(one.take_place() && one.take_place() && !two.take_place());
        drop(one);
        assert!(two.take_place() && places.available_permits() == 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_guest_stays_for_a_moment_and_who_is_shown_the_cluster_for_minutes() {
        let places = places(1);
        for (has_place, expect) in [(false, GUEST_TIME), (true, PLACE_TIME)] {
            let (stay, start) = (Stay::new(places.clone()), Instant::now());
            let connection = async {
                assert!(!has_place || stay.take_place());
                pending::<()>().await;
            };
            stay.bound(connection).await;
            assert_eq!(start.elapsed(), expect);
        }
    }
}
