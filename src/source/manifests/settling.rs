//! When a change on disk is taken for what the user wants.
//!
//! Editors truncate and write, or write beside and rename; `git checkout` touches many files one by one; a
//! copy over the network arrives in pieces. None of the states in between may ever be served. So a change
//! counts only when two looks in a row saw the same, and all changes that are under way at one time are taken
//! together once they all have come to rest. What looks like a loss (a file that is gone, or empty) has to
//! last longer, because that is what most ways of writing a file look like for a moment.
//!
//! So does the beginning of what a file was, which is what a slow copy looks like. A writer that pauses for longer
//! than that, at a place where what is there so far is valid, cannot be told from one that is done.
//!
//! Pure: it is told what was seen and when.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    path::Path,
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::{
    collection::Change,
    folder::{Scan, Seen, Sight, Trouble},
};

/// How long a file must be gone.
const LOSS_LASTS: Duration = Duration::from_millis(200);

/// How long it must be empty: whoever means that deletes it, and a writer that was interrupted comes back.
const BLANK_LASTS: Duration = Duration::from_secs(2);

/// How long a file must be a cut version of what it was, with nothing but its end missing: that is what a slow
/// copy looks like for as long as it lasts.
const CUT_LASTS: Duration = Duration::from_millis(300);

/// Files larger than this, in bytes, are not kept to be compared so.
const KEPT_BYTES: usize = 256 << 10;

/// How long a file that never comes to rest may hold back others that have.
const PATIENCE: Duration = Duration::from_millis(300);

/// For how long what is on its way is expected to come to rest any moment.
const SOON: Duration = Duration::from_secs(1);

/// What was taken so far, and what is on its way.
#[derive(Debug, Default)]
pub(super) struct Settling {
    taken: HashMap<Arc<Path>, Taken>,
    pending: BTreeMap<Arc<Path>, Pending>,
    troubles: Vec<Trouble>,
    /// What the last look saw of those.
    troubles_seen: Vec<Trouble>,
    /// Since when something at rest waits for something that is not.
    held_since: Option<Instant>,
    /// Since when anything is on its way.
    waiting_since: Option<Instant>,
}

/// A file as it was taken.
#[derive(Debug)]
struct Taken {
    sight: Sight,
    /// Its content, if it is not too large.
    content: Option<Box<[u8]>>,
}

impl Taken {
    fn new(sight: Sight, content: Option<&[u8]>) -> Self {
        Self { sight, content: content.filter(|content| content.len() <= KEPT_BYTES).map(Box::from) }
    }

    /// Whether only the end of it is missing in a content.
    fn is_cut(&self, content: &[u8]) -> bool {
        let whole = self.content.as_deref().unwrap_or_default();
        content.len() < whole.len() && whole.starts_with(content)
    }
}

/// A file that differs from what was taken of it.
#[derive(Debug)]
struct Pending {
    /// What it is now; `None` if it is gone.
    sight: Option<Sight>,
    content: Option<Vec<u8>>,
    /// It is what was taken with its end missing.
    is_cut: bool,
    /// When this was seen first.
    since: Instant,
    /// It was seen again since.
    again: bool,
}

/// What has come to rest.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// Changes that belong together.
    pub(super) changes: Vec<(Arc<Path>, Change)>,
    /// All that is wrong with the folder now.
    pub(super) troubles: Vec<Trouble>,
}

impl Settling {
    /// Takes the first look as it is.
    pub(super) fn begin(scan: Scan) -> (Self, Settled) {
        let mut begun =
            Self { troubles: scan.troubles.clone(), troubles_seen: scan.troubles, ..Self::default() };
        let mut settled = Settled { changes: Vec::new(), troubles: begun.troubles.clone() };
        for Seen { path, sight, content } in scan.files {
            begun.taken.insert(path.clone(), Taken::new(sight.clone(), content.as_deref()));
            settled.changes.push((path, change(Some(&sight), content)));
        }
        (begun, settled)
    }

    /// Compares another look with what was taken, and says what has come to rest, if anything has.
    pub(super) fn observe(&mut self, scan: Scan, now: Instant) -> Option<Settled> {
        let mut still_there = 0;
        let mut present = HashSet::with_capacity(scan.files.len());
        for Seen { path, sight, content } in scan.files {
            still_there += usize::from(self.taken.contains_key(&path));
            present.insert(path.clone());
            self.see(path, Some(sight), content, now);
        }
        if still_there < self.taken.len() || !self.pending.is_empty() {
            self.see_what_is_gone(&present, &scan.troubles, now);
        }
        let changes = self.take_settled(now);
        self.waiting_since = if self.pending.is_empty() { None } else { self.waiting_since.or(Some(now)) };
        let troubles_changed = scan.troubles == self.troubles_seen && scan.troubles != self.troubles;
        self.troubles_seen = scan.troubles;
        if troubles_changed {
            self.troubles.clone_from(&self.troubles_seen);
        }
        if changes.is_empty() && !troubles_changed {
            return None;
        }
        Some(Settled { changes, troubles: self.troubles.clone() })
    }

    /// Whether something is on its way and likely to come to rest soon, so that the next look should not be
    /// late.
    pub(super) fn is_waiting(&self, now: Instant) -> bool {
        self.waiting_since.is_some_and(|since| now.duration_since(since) < SOON)
    }

    /// Every file that was known and is not there now.
    fn see_what_is_gone(&mut self, present: &HashSet<Arc<Path>>, troubles: &[Trouble], now: Instant) {
        let known = self.taken.keys().chain(self.pending.keys());
        let gone: BTreeSet<_> = known.filter(|path| !present.contains(*path)).cloned().collect();
        for path in gone {
            if is_hidden(&path, troubles) {
                self.pending.remove(&path);
            } else {
                self.see(path, None, None, now);
            }
        }
    }

    /// One file in one look.
    fn see(&mut self, path: Arc<Path>, sight: Option<Sight>, content: Option<Vec<u8>>, now: Instant) {
        let taken = self.taken.get(&path);
        if taken.map(|taken| &taken.sight) == sight.as_ref() {
            self.pending.remove(&path);
            return;
        }
        match self.pending.get_mut(&path) {
            Some(pending) if pending.sight == sight => {
                pending.again = true;
                // The bytes may have been read only now, of a file that could not be read in between.
                pending.content = pending.content.take().or(content);
            }
            _ => {
                let is_cut =
                    taken.zip(content.as_deref()).is_some_and(|(taken, content)| taken.is_cut(content));
                self.pending.insert(path, Pending { sight, content, is_cut, since: now, again: false });
            }
        }
    }

    fn take_settled(&mut self, now: Instant) -> Vec<(Arc<Path>, Change)> {
        let settled: BTreeSet<_> =
            self.pending.iter().filter(|(_, p)| p.is_settled(now)).map(|(path, _)| path.clone()).collect();
        if settled.is_empty() {
            self.held_since = None;
            return Vec::new();
        }
        if settled.len() < self.pending.len() {
            let held_since = *self.held_since.get_or_insert(now);
            if now.duration_since(held_since) < PATIENCE {
                return Vec::new();
            }
        }
        self.held_since = None;
        let take = |path: Arc<Path>| {
            let pending = self.pending.remove(&path).expect("it was found in there");
            match pending.sight.clone() {
                Some(sight) => self.taken.insert(path.clone(), Taken::new(sight, pending.content.as_deref())),
                None => self.taken.remove(&path),
            };
            (path, change(pending.sight.as_ref(), pending.content))
        };
        settled.into_iter().map(take).collect()
    }
}

impl Pending {
    fn is_settled(&self, now: Instant) -> bool {
        let lasts = match &self.sight {
            None => LOSS_LASTS,
            Some(Sight::Content(digest)) if digest.blank => BLANK_LASTS,
            Some(_) if self.is_cut => CUT_LASTS,
            Some(_) => Duration::ZERO,
        };
        self.again && now.duration_since(self.since) >= lasts
    }
}

/// What a sight means for the collection.
fn change(sight: Option<&Sight>, content: Option<Vec<u8>>) -> Change {
    match sight {
        None => Change::Gone,
        Some(Sight::Content(_)) => {
            Change::Content(content.expect("content that is new was read when it was seen"))
        }
        Some(Sight::Unreadable(message)) => Change::Unreadable(message.to_string()),
    }
}

/// Whether a file may still be there, in a folder that could not be looked into.
fn is_hidden(path: &Path, troubles: &[Trouble]) -> bool {
    troubles.iter().any(|trouble| path.starts_with(&trouble.folder))
}

#[cfg(test)]
mod tests;
