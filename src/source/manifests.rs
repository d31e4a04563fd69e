//! A folder of Kubernetes YAML as a source: no cluster is needed.
//!
//! Explicit Pods, EndpointSlices and addresses are used as they are; what a cluster's controllers would add
//! to them is simulated, so that the manifests of an application are enough. Edits are followed. An object whose new
//! version is invalid keeps its last valid version, and so do objects of a document, a file or a folder that cannot be
//! read.
//!
//! From the disk to the batch, in reading order:
//! * `folder`: which files there are and what they hold, polled by content;
//! * `settling`: when a change is no longer half done;
//! * `yaml`, `items` and `kinds`: a file's text -> documents -> objects, of which kind each is meant to be;
//! * `layout`: which files are of a kustomization or a Helm chart, and so no manifests;
//! * `collection`: all files together -> what is new, and the report;
//! * `edit`: what somebody would like to apply, for [`plan`](crate::plan);
//! * `controllers`: what a cluster would add, from `workloads`, `nodes`, `outside` and `services`, at
//!   `addresses` of `families`.
//!
//! Only `folder`, `standard_input`, `edit` and this file do IO.

use std::{
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use tokio::{sync::mpsc::Sender, task::spawn_blocking, time::Instant};

pub use self::edit::{BadEdit, BadRemoval, Edit, EditFile, Foreseen, Removal};
pub use self::standard_input::is_standard_input;
use self::{
    collection::{Change, Collection, Gone},
    folder::{Folder, Scan, Trouble},
    settling::{Settled, Settling},
};
use super::{Batch, Finding, Location, loss::EMPTY_AFTER};
use crate::model::Reason;

mod addresses;
mod collection;
#[cfg(test)]
mod complete;
mod controllers;
mod edit;
mod families;
mod folder;
mod hash;
mod items;
mod kinds;
mod layout;
mod nodes;
mod outside;
mod schema;
mod services;
mod settling;
mod standard_input;
mod unsimulated;
mod without_pods;
mod workloads;
mod yaml;

/// How long after one look at the folder comes the next. Two of them see an edit and see it at rest.
const INTERVAL: Duration = Duration::from_millis(100);

/// Looking may take one part in so many of the time, about 5 % of a core.
const SHARE: u32 = 20;

/// However slow the disk, a look comes at least so often.
const LONGEST_INTERVAL: Duration = Duration::from_secs(10);

/// A folder of manifests, or a single file, that has been read once.
#[derive(Debug)]
pub struct Manifests {
    path: PathBuf,
    /// The path is a folder, in which files are named from it on; a single file is named by the path.
    is_folder: bool,
    /// `None` for standard input, which cannot be read again.
    folder: Option<Folder>,
    settling: Settling,
    collection: Collection,
}

/// Why manifests could not be read at all.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.describe())]
pub struct OpenError {
    /// What was to be read.
    pub path: PathBuf,
    /// Why it could not be.
    pub message: String,
}

impl Manifests {
    /// Reads the folder once, or standard input if the path is `-`. The batch has all objects of every kind.
    ///
    /// # Errors
    /// [`OpenError`] if the path does not exist or is not readable. Anything wrong inside of the folder is a
    /// finding in the batch's report instead.
    pub fn open(path: impl Into<PathBuf>) -> Result<(Self, Batch), OpenError> {
        let path = path.into();
        if is_standard_input(&path) {
            let (collection, batch) = read_standard_input()?;
            let path = PathBuf::from(standard_input::NAME);
            let settling = Settling::default();
            return Ok((Self { path, is_folder: false, folder: None, settling, collection }, batch));
        }
        let mut folder = Folder::new(path.clone());
        let scan = folder.scan();
        if let Some(trouble) = scan.failure() {
            return Err(OpenError { path, message: trouble.message.clone() });
        }
        let (settling, settled) = Settling::begin(scan);
        let is_folder = path.is_dir();
        let mut collection = Collection::new(path.clone(), folder_of(&path, is_folder).to_owned());
        collection.empty_after = EMPTY_AFTER;
        let mut manifests = Self { path, is_folder, folder: Some(folder), settling, collection };
        let batch = manifests.take(settled);
        Ok((manifests, batch))
    }

    /// Doubts a large loss for another time than [`EMPTY_AFTER`]; 0 for not at all.
    #[must_use]
    pub fn empty_after(mut self, time: Duration) -> Self {
        self.collection.empty_after = time;
        self
    }

    /// Follows edits until the receiver is gone, and sends one batch for all that came to rest together. A
    /// slow receiver holds this back, and then gets only what differs from what it has.
    pub async fn follow(self, batches: Sender<Batch>) {
        let mut manifests = self;
        if manifests.folder.is_none() {
            return batches.closed().await;
        }
        let mut pause = INTERVAL;
        loop {
            tokio::select! {
                () = batches.closed() => return,
                () = tokio::time::sleep(pause) => {}
            }
            let poll = spawn_blocking(move || {
                let start = Instant::now();
                let folder = manifests.folder.as_mut().expect("it is no standard input");
                let scan = folder.scan();
                let now = Instant::now();
                let batch = manifests.observe(scan, now);
                let pause = manifests.pause(now.duration_since(start), now);
                (manifests, batch, pause)
            });
            let batch;
            (manifests, batch, pause) = match poll.await {
                Ok(polled) => polled,
                Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
                // The runtime is shutting down.
                Err(_) => return,
            };
            if let Some(batch) = batch
                && batches.send(batch).await.is_err()
            {
                return;
            }
        }
    }

    /// How long to wait after a look that took so long. While a change is on its way the next look is not put
    /// off: that is soon over.
    fn pause(&self, cost: Duration, now: Instant) -> Duration {
        let share = if self.settling.is_waiting(now) { 1 } else { SHARE - 1 };
        (cost * share).clamp(INTERVAL, LONGEST_INTERVAL)
    }

    /// What is new after another look at the folder, if anything is.
    fn observe(&mut self, scan: Scan, now: Instant) -> Option<Batch> {
        let batch = match self.settling.observe(scan, now) {
            Some(settled) => self.take(settled),
            None => self.collection.believe_loss(Some(Timestamp::now()))?,
        };
        self.log_gone();
        (!batch.events.is_empty() || batch.report.is_some()).then_some(batch)
    }

    fn take(&mut self, Settled { changes, troubles }: Settled) -> Batch {
        let troubles = troubles.into_iter().map(|trouble| {
            let is_held = self.collection.holds(&trouble.folder);
            let mut finding = finding(trouble, &self.path);
            if is_held {
                finding.message.push_str(STILL_SERVED);
            }
            finding
        });
        let troubles = troubles.collect();
        self.collection.take(changes, troubles, Some(Timestamp::now()))
    }

    /// Nothing else tells a file that was emptied by accident from one that was meant to go.
    fn log_gone(&mut self) {
        let gone = self.collection.take_gone();
        let counted = |objects| format!("{objects} object{}", if objects == 1 { "" } else { "s" });
        for Gone { file, objects, is_there } in gone.iter().take(GONE_LOGGED) {
            let file = if self.is_folder { self.path.join(file) } else { self.path.clone() };
            let state = if *is_there { "has no object any more" } else { "is gone" };
            let objects = counted(*objects);
            tracing::warn!(
                "{} {state}: the {objects} in it went with it, and clients are told so",
                file.display()
            );
        }
        let rest = gone.get(GONE_LOGGED..).unwrap_or_default();
        if !rest.is_empty() {
            let objects = counted(rest.iter().map(|gone| gone.objects).sum());
            tracing::warn!("so did {objects} in {} more files", rest.len());
        }
    }
}

/// How many files whose objects went are logged by name at once: a folder that is emptied takes thousands with it.
const GONE_LOGGED: usize = 20;

/// What a message about a folder ends with if something was read there before.
const STILL_SERVED: &str = "; what was read there last is still served";

/// The finding about a folder that cannot be looked into; the root is called as it was given.
fn finding(Trouble { folder, message }: Trouble, root: &Path) -> Finding {
    let file = if folder.as_os_str().is_empty() { root.into() } else { folder };
    Finding { reason: Reason::UnreadableFile, object: None, location: Location { file, line: 0 }, message }
}

/// The folder from which files are named: what was given, or where the single file is.
fn folder_of(path: &Path, is_folder: bool) -> &Path {
    if is_folder { path } else { path.parent().unwrap_or(Path::new("")) }
}

/// Reads standard input as a single file.
fn read_standard_input() -> Result<(Collection, Batch), OpenError> {
    let path = PathBuf::from(standard_input::NAME);
    let content = standard_input::read()
        .map_err(|error| OpenError { path: path.clone(), message: error.to_string() })?;
    let mut collection = Collection::new(path.clone(), PathBuf::new());
    let batch = collection.take(vec![(path.into(), Change::Content(content))], Vec::new(), None);
    Ok((collection, batch))
}

impl OpenError {
    fn describe(&self) -> String {
        let Self { path, message } = self;
        if *path == Path::new(standard_input::NAME) {
            return format!("{} {message}", path.display());
        }
        format!(
            "manifests at {} {message}; expected a folder of YAML files, or one such file",
            path.display()
        )
    }
}

/// Manifests that were read once, for an edit to be planned over them. Places in them are named as the user would
/// open them, which is how those of the edit are named too.
#[derive(Debug)]
pub struct Snapshot(Collection);

impl Snapshot {
    /// Reads the folder, or the single file. The batch has all objects of every kind.
    ///
    /// # Errors
    /// [`OpenError`] as for [`Manifests::open`].
    pub fn open(path: &Path) -> Result<(Self, Batch), OpenError> {
        if is_standard_input(path) {
            return read_standard_input().map(|(collection, batch)| (Self(collection), batch));
        }
        let scan = Folder::new(path.to_owned()).scan();
        if let Some(trouble) = scan.failure() {
            return Err(OpenError { path: path.to_owned(), message: trouble.message.clone() });
        }
        let folder = folder_of(path, path.is_dir());
        let named = |inside: Arc<Path>| -> Arc<Path> {
            if inside.as_os_str().is_empty() { path.into() } else { folder.join(inside).into() }
        };
        let (_, Settled { changes, troubles }) = Settling::begin(scan);
        let changes = changes.into_iter().map(|(inside, change)| (named(inside), change)).collect();
        let named = |trouble: Trouble| Trouble { folder: named(trouble.folder), ..trouble };
        let mut collection = Collection::new(path.to_owned(), PathBuf::new());
        let troubles = troubles.into_iter().map(|trouble| finding(named(trouble), path)).collect();
        let batch = collection.take(changes, troubles, None);
        Ok((Self(collection), batch))
    }

    /// What would be another after an edit: the batch that follows the first one. Nothing is written.
    ///
    /// # Errors
    /// [`BadEdit`] if something is to be removed that is not there.
    pub fn edited(mut self, edit: Edit) -> Result<Batch, BadEdit> {
        self.0.edit(edit)
    }
}

#[cfg(test)]
mod tests;
