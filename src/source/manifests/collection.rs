//! What the files say, taken together: from changed files to a [`Batch`].
//!
//! Pure: it is told the texts of files and never touches a disk. It always holds the last good version of
//! everything: of a file that stopped being readable, and of an object that stopped being usable, as long as
//! the file, or the object in a file, is still there. Whoever asks later is told what is wrong meanwhile.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    mem,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    controllers::{Controllers, Objects, Wanted},
    edit::{BadEdit, Edit},
    items::{self, Content, Item, Items, Key, Warning},
};
use crate::{
    model::{Kind, Object, Reason},
    source::{Batch, Event, Finding, Location, Origin, Report},
};

/// All files, and what was made of them.
#[derive(Debug, Default)]
pub(super) struct Collection {
    /// What messages call the folder as a whole.
    root: PathBuf,
    files: BTreeMap<Arc<Path>, File>,
    /// Files that are applied over those; only ever of an edit that is planned.
    edit: Vec<(Arc<Path>, File)>,
    /// What was last wrong with the folder.
    trouble: Vec<Finding>,
    /// The version of each object that is used.
    good: HashMap<Key, Content>,
    controllers: Controllers,
    /// What was sent of objects so far; `None` before the first batch.
    sent: Option<Objects>,
    report: Arc<Report>,
    /// What went with its file since that was last asked.
    gone: Vec<Gone>,
}

/// Objects that are in no file any more because theirs has none.
#[derive(Debug)]
pub(super) struct Gone {
    /// The file.
    pub(super) file: Arc<Path>,
    /// How many objects.
    pub(super) objects: usize,
    /// The file is there, with no object in it.
    pub(super) is_there: bool,
}

/// What is known of a file.
#[derive(Debug, Default)]
struct File {
    /// What its last good version says.
    items: Items,
    /// Why that is not its newest version.
    trouble: Option<String>,
}

/// What became of a file.
#[derive(Debug)]
pub(super) enum Change {
    /// It has this content.
    Content(Vec<u8>),
    /// It cannot be read, for this reason; what it said is still believed.
    Unreadable(String),
    /// It is no more.
    Gone,
}

impl Collection {
    /// Files of a folder, or a single one, that messages call so.
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, ..Self::default() }
    }

    /// Takes changes of files that belong together. `trouble` is what is wrong with the folder now.
    pub(super) fn take(&mut self, changes: Vec<(Arc<Path>, Change)>, trouble: Vec<Finding>) -> Batch {
        let mut emptied = Vec::new();
        for (path, change) in changes {
            let read = match change {
                Change::Content(bytes) => Ok(items::read(&bytes)),
                Change::Unreadable(message) => Err(message),
                Change::Gone => {
                    let file = self.files.remove(&path).unwrap_or_default();
                    emptied.push((path, file.items.items, false));
                    continue;
                }
            };
            let file = self.files.entry(path.clone()).or_default();
            match read {
                Ok(items) => {
                    let mut before = mem::replace(file, File { items, trouble: None });
                    file.keep_what_may_be_unreadable(&mut before);
                    if file.items.items.is_empty() {
                        emptied.push((path, before.items.items, true));
                    }
                }
                Err(trouble) => file.trouble = Some(trouble),
            }
        }
        self.note_gone(emptied);
        self.trouble = trouble;
        self.settle()
    }

    /// Notes what was in files that have no object any more, and is in no other file now.
    fn note_gone(&mut self, mut emptied: Vec<(Arc<Path>, Vec<Item>, bool)>) {
        emptied.retain(|(_, items, _)| !items.is_empty());
        if emptied.is_empty() {
            return;
        }
        let all = self.files.values().flat_map(|file| &file.items.items);
        let known: HashSet<&Key> = all.map(|item| &item.key).collect();
        for (file, items, is_there) in emptied {
            let gone: HashSet<_> =
                items.iter().map(|item| &item.key).filter(|key| !known.contains(key)).collect();
            if !gone.is_empty() {
                self.gone.push(Gone { file, objects: gone.len(), is_there });
            }
        }
    }

    /// What went with its file since the last call.
    pub(super) fn take_gone(&mut self) -> Vec<Gone> {
        mem::take(&mut self.gone)
    }

    /// Whether something that was read in a folder, given from the root, is still held.
    pub(super) fn holds(&self, folder: &Path) -> bool {
        self.files.keys().any(|file| file.starts_with(folder))
    }

    /// Applies an edit over the files, as `kubectl apply` and `kubectl delete` would after all of them: what is in
    /// it takes the place of the objects of the same names. The batch is what differs then.
    ///
    /// # Errors
    /// [`BadEdit`] if something is to be removed that is not there.
    pub(super) fn edit(&mut self, edit: Edit) -> Result<Batch, BadEdit> {
        let Edit { files: mut edited, removed } = edit;
        let all = self.files.values().flat_map(|file| &file.items.items);
        let known: HashSet<&Key> = all.map(|item| &item.key).collect();
        let missing = removed.iter().filter(|key| !known.contains(key));
        let missing: Vec<_> =
            missing.map(|key| format!("{key} is to be removed, and the manifests have none")).collect();
        if !missing.is_empty() {
            return Err(BadEdit(missing));
        }
        let mut replaced: HashSet<Key> = removed.into_iter().collect();
        for item in edited.iter_mut().flat_map(|(_, items)| &mut items.items) {
            if let Ok(content) = &mut item.content {
                content.keep_age(self.good.get(&item.key));
            }
            replaced.insert(item.key.clone());
        }
        for file in self.files.values_mut() {
            file.items.items.retain(|item| !replaced.contains(&item.key));
        }
        let file = |(path, items)| (path, File { items, trouble: None });
        self.edit = edited.into_iter().map(file).collect();
        Ok(self.settle())
    }

    /// What was reported last.
    #[cfg(test)]
    pub(super) fn report(&self) -> &Report {
        &self.report
    }

    /// Works out what is true now, and what of it is news.
    fn settle(&mut self) -> Batch {
        let mut report =
            Report { findings: self.trouble.clone(), files: self.files.len(), ..Report::default() };
        if self.files.is_empty() && report.findings.is_empty() {
            report.findings.push(Finding {
                reason: Reason::NoManifests,
                object: None,
                location: Location { file: self.root.as_path().into(), line: 0 },
                message: "found no .yaml, .yml or .json file here; there is nothing to serve".to_owned(),
            });
        }
        let files = || self.files.iter().chain(self.edit.iter().map(|(path, file)| (path, file)));
        for (path, file) in files() {
            file.report(path, &mut report);
        }
        let chosen = choose(files(), &self.good, &mut report.findings);
        let mut objects = Objects::new();
        let mut wanted = Wanted::default();
        let mut origins = Vec::with_capacity(chosen.len());
        for Chosen { content, origin } in chosen.values() {
            let object = match content {
                Content::Service(object, selecting) => {
                    wanted.services.extend(selecting.as_deref().map(|s| (object.name(), s)));
                    object
                }
                Content::Pod(object, pod) => {
                    wanted.pods.push((object.name(), pod));
                    object
                }
                Content::Outside(object, outside) => {
                    wanted.outside.push(outside);
                    object
                }
                Content::Workload(workload, object) => {
                    wanted.workloads.push(workload);
                    let Some(object) = object else { continue };
                    object
                }
                Content::Other(object) => object,
            };
            objects.insert(object.id(), object.clone());
            origins.push((object.id(), origin.clone()));
        }
        let outcome = self.controllers.complete(&wanted, &mut objects);
        report.workloads = outcome.workloads;
        report.origins = origins.into_iter().collect();
        for (key, message) in outcome.shortages {
            let Some(Chosen { origin, .. }) = chosen.get(&key) else { continue };
            let (reason, location) = (Reason::AddressesUsedUp, origin.location.clone());
            report.findings.push(Finding { reason, object: Some(key.to_string()), location, message });
        }
        let order = |a: &Finding, b: &Finding| {
            (&a.location, &a.object, &a.message).cmp(&(&b.location, &b.object, &b.message))
        };
        report.findings.sort_by(order);
        self.good = chosen.into_iter().map(|(key, chosen)| (key.clone(), chosen.content.clone())).collect();
        self.news(objects, report)
    }

    /// What differs from what was sent last.
    fn news(&mut self, objects: Objects, report: Report) -> Batch {
        let mut events =
            self.sent.as_ref().map_or_else(|| everything(&objects), |sent| difference(sent, &objects));
        let is_first = self.sent.replace(objects).is_none();
        if is_first || self.report.without_pods != report.without_pods {
            events.insert(0, Event::Folder(report.without_pods.clone().into()));
        }
        let mut batch = Batch { events, report: None, since: Some(tokio::time::Instant::now()) };
        if is_first || *self.report != report {
            self.report = Arc::new(report);
            batch.report = Some(self.report.clone());
        }
        batch
    }
}

impl File {
    fn report(&self, path: &Arc<Path>, report: &mut Report) {
        for (kind, count) in &self.items.skipped {
            *report.skipped.entry(kind.clone()).or_default() += count;
        }
        let wrong: Vec<_> = match &self.trouble {
            Some(message) => vec![(0, message)],
            None => self.items.unreadable.iter().map(|error| (error.line, &error.message)).collect(),
        };
        let has_good = !self.items.items.is_empty();
        for (line, message) in wrong {
            report.findings.push(Finding {
                reason: Reason::UnreadableFile,
                object: None,
                location: Location { file: path.clone(), line },
                message: if has_good { format!("{message} {STILL_USED}") } else { message.clone() },
            });
        }
        for Warning { reason, object, what } in &self.items.warnings {
            report.findings.push(Finding {
                reason: *reason,
                object: object.clone(),
                location: Location { file: path.clone(), line: what.line },
                message: what.message.clone(),
            });
        }
    }

    /// Keeps the objects of the version before that are in no document of this one, if one of its documents is
    /// unreadable: they may be in there.
    fn keep_what_may_be_unreadable(&mut self, before: &mut Self) {
        if self.items.unreadable.is_empty() {
            return;
        }
        let defined: HashSet<_> = self.items.items.iter().map(|item| item.key.clone()).collect();
        let kept = before.items.items.extract_if(.., |item| !defined.contains(&item.key));
        self.items.items.extend(kept);
    }
}

impl Content {
    /// A split stays as old as it was, whatever a manifest does not say: the oldest of several holds.
    fn keep_age(&mut self, before: Option<&Self>) {
        if let (Self::Other(Object::TrafficSplit(new)), Some(Self::Other(Object::TrafficSplit(old)))) =
            (self, before)
            && new.created.is_none()
        {
            Arc::make_mut(new).created = old.created;
        }
    }
}

/// What a message ends with if something newer cannot be used.
const STILL_USED: &str = "(the last good version is still used)";

/// What is used of an object, and where it is.
struct Chosen<'f> {
    content: &'f Content,
    origin: Origin,
}

/// An object in a file.
type Place<'f> = (&'f Arc<Path>, &'f Item);

/// Chooses between the places that one object may be in: the last one, as `kubectl apply` of all the files
/// would leave it. If that one is of no use, the object stays as it was.
fn choose<'f>(
    files: impl Iterator<Item = (&'f Arc<Path>, &'f File)>,
    good: &'f HashMap<Key, Content>,
    findings: &mut Vec<Finding>,
) -> HashMap<&'f Key, Chosen<'f>> {
    let mut places: HashMap<&Key, Vec<Place<'f>>> = HashMap::new();
    for (path, file) in files {
        for item in &file.items.items {
            places.entry(&item.key).or_default().push((path, item));
        }
    }
    let mut chosen = HashMap::with_capacity(places.len());
    for (key, places) in places {
        let usable = |place: &&Place<'f>| place.1.content.is_ok();
        // What may be somebody else's gives way to what surely is ours.
        let is_sure = places.iter().any(|place| !place.1.is_guess);
        let used_of = |place: &&Place<'f>| !(is_sure && place.1.is_guess);
        let all = &places;
        let places: Vec<_> = all.iter().filter(used_of).copied().collect();
        let (last, earlier) = places.split_last().expect("an object is somewhere");
        let used = match &last.1.content {
            Err(_) if good.contains_key(key) => last,
            _ => places.iter().rfind(usable).unwrap_or(last),
        };
        let mut complain = |reason, location, message| {
            findings.push(Finding { reason, object: Some(key.to_string()), location, message });
        };
        for place in all {
            for rejection in place.1.content.as_ref().err().into_iter().flatten() {
                let message = if good.contains_key(key) {
                    format!("{rejection} {STILL_USED}")
                } else {
                    rejection.to_string()
                };
                complain(Reason::InvalidObject, origin(place).locate(&rejection.path), message);
            }
        }
        for place in earlier.iter().filter(usable).filter(|place| !std::ptr::eq(*place, used)) {
            let message =
                format!("expected one {key}, found it again at {}, which is used", origin(last).location);
            complain(Reason::DuplicateObject, origin(place).location, message);
        }
        let content = used.1.content.as_ref().ok().or_else(|| good.get(key));
        chosen.extend(content.map(|content| (key, Chosen { content, origin: origin(used) })));
    }
    chosen
}

fn origin((path, item): &Place<'_>) -> Origin {
    let location = Location { file: (*path).clone(), line: item.line };
    Origin { location, lines: item.lines.clone() }
}

/// The first batch: all there is of every kind, none left unsaid.
fn everything(objects: &Objects) -> Vec<Event> {
    let mut sorted: Vec<_> = objects.iter().collect();
    sorted.sort_unstable_by_key(|(id, _)| *id);
    let all_of = |kind| {
        let objects = sorted.iter().filter(|(id, _)| id.kind == kind).map(|(_, object)| (*object).clone());
        Event::Replace(kind, objects.collect())
    };
    Kind::ALL.into_iter().map(all_of).collect()
}

/// What turns the objects before into those after, in the order of their names.
fn difference(before: &Objects, after: &Objects) -> Vec<Event> {
    let mut changed: Vec<_> = after.iter().filter(|(id, object)| before.get(*id) != Some(*object)).collect();
    changed.sort_unstable_by_key(|(id, _)| *id);
    let mut gone: Vec<_> = before.keys().filter(|id| !after.contains_key(*id)).collect();
    gone.sort_unstable();
    let upserts = changed.into_iter().map(|(_, object)| Event::Upsert(object.clone()));
    upserts.chain(gone.into_iter().map(|id| Event::Remove(id.clone()))).collect()
}

#[cfg(test)]
mod tests;
