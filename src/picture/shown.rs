//! How one picture reaches many pages: as an answer reaches many streams in [`topic`](crate::topic).
//!
//! [`Shown`] is a version of the picture with the bytes of the step from the one before; a [`Watcher`] holds the picture
//! that its page has. Which bytes lead from there to the newest is decided when it asks.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock, Weak},
};

use bytes::Bytes;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

use super::{Card, Sighting, Warnings, step, streams::Streams, timeline::Timeline};
use crate::{model::NsName, resolve::standing::Stand};

/// What was seen of a service, and how its endpoints stand.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) sighting: Sighting,
    /// By address.
    pub(super) stands: Arc<[Stand]>,
    /// Another number whenever `stands` is another list.
    pub(super) revision: u64,
}

/// A service in the picture.
#[derive(Debug)]
pub struct ServicePicture {
    pub(super) seen: Arc<Seen>,
    /// It in short.
    pub card: Card,
}

impl ServicePicture {
    /// All its endpoints, by address.
    #[must_use]
    pub fn stands(&self) -> &[Stand] {
        &self.seen.stands
    }
}

/// All that there is to see, at one moment. Cloning it clones pointers.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    /// Larger than that of every picture before.
    pub version: u64,
    /// Whether everything was read once, so that what is not here does not exist.
    pub synced: bool,
    /// All services.
    pub services: BTreeMap<NsName, Arc<ServicePicture>>,
    /// All warnings.
    pub warnings: Arc<Warnings>,
    /// What streams have and lack.
    pub streams: Arc<Streams>,
    pub(super) timeline: Timeline,
}

/// A picture as it was shown.
#[derive(Debug)]
pub(super) struct Shown {
    picture: Arc<Picture>,
    /// The version before, and what leads from there to here.
    step: Option<(u64, Bytes)>,
    /// What is sent to those who have nothing yet; made when the first of them asks.
    whole: OnceLock<Bytes>,
}

impl Shown {
    pub(super) fn version(&self) -> u64 {
        self.picture.version
    }

    pub(super) fn new(picture: Picture, before: Option<&Self>) -> Self {
        let step = before.map(|before| (before.picture.version, step::between(&before.picture, &picture)));
        Self { picture: Arc::new(picture), step, whole: OnceLock::new() }
    }

    fn bytes_after(&self, had: Option<&Picture>) -> Bytes {
        match (had, &self.step) {
            (None, _) => self.whole.get_or_init(|| step::whole(&self.picture)).clone(),
            (Some(had), Some((from, bytes))) if had.version == *from => bytes.clone(),
            (Some(had), _) => step::between(had, &self.picture),
        }
    }
}

/// What is shown; `None` while nobody watches, so that nothing old is kept alive.
pub(super) type Showing = watch::Sender<Option<Arc<Shown>>>;

/// How many may watch: more than there are people who look at one server, and a bound on what they hold.
pub const WATCHERS: usize = 128;

/// Where watchers come from. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Pictures {
    /// Gone with the keeper.
    showing: Weak<Showing>,
    /// Tells the keeper that somebody came.
    came: Arc<Notify>,
    places: Arc<Semaphore>,
}

impl Default for Pictures {
    /// Where nothing is kept: nobody can watch.
    fn default() -> Self {
        Self::new(Weak::new(), Arc::default())
    }
}

impl Pictures {
    pub(super) fn new(showing: Weak<Showing>, came: Arc<Notify>) -> Self {
        Self { showing, came, places: Arc::new(Semaphore::new(WATCHERS)) }
    }

    /// A watcher that has seen nothing yet.
    ///
    /// # Errors
    /// [`NoPlace`] says why there is none.
    pub fn watch(&self) -> Result<Watcher, NoPlace> {
        let showing = self.showing.upgrade().ok_or(NoPlace::NoPicture)?;
        let place = self.places.clone().try_acquire_owned().map_err(|_| NoPlace::TooMany)?;
        let watcher = Watcher { shown: showing.subscribe(), had: None, _place: place };
        self.came.notify_one();
        Ok(watcher)
    }
}

/// Why nobody more can watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPlace {
    /// It would be one too many.
    #[error("{WATCHERS} pages are open on this server, which is its limit; close one, or ask another server")]
    TooMany,
    /// The server is about to stop, or keeps none.
    #[error("this server keeps no picture; ask another one")]
    NoPicture,
    /// The first sync takes long.
    #[error("this server has not read its cluster or folder yet; ask again later, or another one")]
    NotSynced,
}

/// A page's place: what it was last shown.
#[derive(Debug)]
pub struct Watcher {
    shown: watch::Receiver<Option<Arc<Shown>>>,
    had: Option<Arc<Picture>>,
    _place: OwnedSemaphorePermit,
}

impl Watcher {
    /// What the page has to be sent next, as server-sent events: first everything, then differences. Waits while it has
    /// what is true; `None` if no picture is kept any more. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Bytes> {
        let shown = self.newer().await?;
        let bytes = shown.bytes_after(self.had.as_deref());
        self.had = Some(shown.picture.clone());
        Some(bytes)
    }

    /// The newest picture, of which [`next`](Self::next) shows the page nothing. Waits for the first sync: a Service that
    /// was not read yet is not a Service that does not exist.
    pub async fn look(&mut self) -> Option<Arc<Picture>> {
        let is_synced = |shown: &Arc<Shown>| shown.picture.synced;
        let shown = self.shown.wait_for(|shown| shown.as_ref().is_some_and(is_synced)).await.ok()?;
        Some(shown.as_ref()?.picture.clone())
    }

    async fn newer(&mut self) -> Option<Arc<Shown>> {
        let had = self.had.as_ref().map(|had| had.version);
        let is_new = |shown: &Arc<Shown>| Some(shown.picture.version) != had;
        let shown = self.shown.wait_for(|shown| shown.as_ref().is_some_and(is_new)).await.ok()?;
        shown.clone()
    }
}
