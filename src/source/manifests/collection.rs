//! What the files say, taken together: from changed files to a [`Batch`].
//!
//! Pure: it takes the contents of files and never touches a disk. It always holds the last valid version of every
//! object as long as a file defines the object, or may define it in a document that cannot be read. The report says
//! what is wrong with the newer version.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    mem,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use tokio::time::{Duration, Instant};

use super::{
    controllers::{Controllers, Objects, Wanted},
    edit::{BadEdit, Edit},
    items::{self, Content, Item, Items, Key, Warning},
    layout::{Layout, Marker},
    standard_input, without_pods,
    yaml::SyntaxError,
};
use crate::{
    model::{Kind, Object, ObjectId, Reason},
    source::{Batch, Event, Finding, Location, Origin, Report, last_valid, loss},
};

/// All files, and what was made of them.
#[derive(Debug, Default)]
pub(super) struct Collection {
    /// What messages call the folder as a whole.
    root: PathBuf,
    /// What stands before the paths of files to open them.
    prefix: PathBuf,
    files: BTreeMap<Arc<Path>, File>,
    /// Files that are applied over those; only ever of an edit that is planned.
    edit: Vec<(Arc<Path>, File)>,
    /// What was last wrong with the folder.
    trouble: Vec<Finding>,
    /// The version of each object that is in force: its last valid one.
    valid: HashMap<Key, Valid>,
    controllers: Controllers,
    /// What was sent of objects so far; `None` before the first batch.
    sent: Option<Objects>,
    report: Arc<Report>,
    /// What went with its file since that was last asked.
    gone: Vec<Gone>,
    /// How long a large loss is doubted; not at all by default.
    pub(super) empty_after: Duration,
    /// Since when the files lack so much of what was sent that it is doubted.
    doubted_since: Option<Instant>,
    /// Files that changed since something was sent.
    changed: HashSet<Arc<Path>>,
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
    /// Content of the file that could be read last.
    items: Items,
    /// The kustomization or chart that the file declares; then there is no object in it.
    marker: Option<Marker>,
    /// Objects that an earlier content defined and `items` does not, while a document of the file is unreadable. They
    /// may be in that document, so they stay in force.
    kept: Vec<Item>,
    /// Why `items` is not the newest content.
    trouble: Option<String>,
    /// When `items` was read.
    read_at: Option<Timestamp>,
}

/// The version of an object that is in force.
#[derive(Debug)]
struct Valid {
    content: Content,
    /// When it was read first; `None` for a folder that is read once.
    since: Option<Timestamp>,
    /// Where it stands, or stood while it was in a file.
    place: PlaceId,
}

/// A file, and which of the places in it where the file defines one object.
type PlaceId = (Arc<Path>, usize);

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
    /// Files of a folder, or a single one, that messages call so. `prefix` is what stands before their paths to open
    /// them.
    pub(super) fn new(root: PathBuf, prefix: PathBuf) -> Self {
        Self { root, prefix, ..Self::default() }
    }

    /// Takes changes of files that belong together. `trouble` is what is wrong with the folder now; `now` is the time
    /// that messages give for what is read, and `None` for a folder that is read once.
    pub(super) fn take(
        &mut self,
        changes: Vec<(Arc<Path>, Change)>,
        trouble: Vec<Finding>,
        now: Option<Timestamp>,
    ) -> Batch {
        let mut emptied = Vec::new();
        let mut gained = HashSet::new();
        for (path, change) in changes {
            self.changed.insert(path.clone());
            match change {
                Change::Content(content) => {
                    let file = self.files.entry(path.clone()).or_default();
                    let mut before = mem::take(file).into_items();
                    let marker = Marker::read(&path, &content);
                    let items = if marker.is_some() { Items::default() } else { items::read(&content) };
                    let (known, defined) = (keys(&before), keys(&items.items));
                    gained.extend(defined.difference(&known).cloned());
                    let may_be_unreadable =
                        |item: &mut Item| !items.unreadable.is_empty() && !defined.contains(&item.key);
                    let kept = before.extract_if(.., may_be_unreadable).collect();
                    *file = File { items, marker, kept, trouble: None, read_at: now };
                    if file.items.items.is_empty() && file.kept.is_empty() {
                        emptied.push((path, before, true));
                    }
                }
                Change::Unreadable(message) => self.files.entry(path).or_default().trouble = Some(message),
                Change::Gone => {
                    let file = self.files.remove(&path).unwrap_or_default();
                    emptied.push((path, file.into_items(), false));
                }
            }
        }
        // An object that another file defines now was moved there. It is not in the unreadable document.
        for file in self.files.values_mut() {
            file.kept.retain(|item| !gained.contains(&item.key));
        }
        self.note_gone(emptied);
        self.trouble = trouble;
        self.settle(now)
    }

    /// Notes what was in files that have no object any more, and is in no other file now.
    fn note_gone(&mut self, mut emptied: Vec<(Arc<Path>, Vec<Item>, bool)>) {
        emptied.retain(|(_, items, _)| !items.is_empty());
        if emptied.is_empty() {
            return;
        }
        let known: HashSet<&Key> = self.files.values().flat_map(File::keys).collect();
        for (file, items, is_there) in emptied {
            let gone: HashSet<_> =
                items.iter().map(|item| &item.key).filter(|key| !known.contains(key)).collect();
            if !gone.is_empty() {
                self.gone.push(Gone { file, objects: gone.len(), is_there });
            }
        }
    }

    /// What went with its file since the last call, once it is believed.
    pub(super) fn take_gone(&mut self) -> Vec<Gone> {
        if self.doubted_since.is_some() {
            return Vec::new();
        }
        let mut gone = mem::take(&mut self.gone);
        gone.retain(|gone| self.files.get(&gone.file).is_none_or(|file| file.keys().next().is_none()));
        gone
    }

    /// Batch with a loss that was doubted long enough; `None` before.
    pub(super) fn believe_loss(&mut self, now: Option<Timestamp>) -> Option<Batch> {
        self.doubted_since.filter(|since| since.elapsed() >= self.empty_after).map(|_| self.settle(now))
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
        let known: HashSet<&Key> = self.files.values().flat_map(File::keys).collect();
        let missing = removed.iter().filter(|key| !known.contains(key));
        let missing: Vec<_> =
            missing.map(|key| format!("{key} is to be removed, and the manifests have none")).collect();
        if !missing.is_empty() {
            return Err(BadEdit(missing));
        }
        let mut replaced: HashSet<Key> = removed.into_iter().collect();
        for item in edited.iter_mut().flat_map(|(_, items)| &mut items.items) {
            if let Ok(content) = &mut item.content {
                content.keep_age(self.valid.get(&item.key).map(|valid| &valid.content));
            }
            replaced.insert(item.key.clone());
        }
        let applied = edited.iter().flat_map(|(_, items)| &items.unsimulated);
        let applied: HashSet<_> = applied.map(|object| (&*object.kind, &object.name)).collect();
        for File { items: Items { items, unsimulated, .. }, kept, .. } in self.files.values_mut() {
            items.retain(|item| !replaced.contains(&item.key));
            kept.retain(|item| !replaced.contains(&item.key));
            // An object of a kind that is not simulated has no key, unless it is a Job.
            unsimulated.retain(|object| {
                let is_job = object.kind == Kind::Job.as_str();
                let job = || Key::Object(ObjectId { kind: Kind::Job, name: object.name.clone() });
                let is_replaced = applied.contains(&(&*object.kind, &object.name));
                !(is_replaced || is_job && replaced.contains(&job()))
            });
        }
        let file = |(path, items)| (path, File { items, ..File::default() });
        self.edit = edited.into_iter().map(file).collect();
        Ok(self.settle(None))
    }

    /// What was reported last.
    #[cfg(test)]
    pub(super) fn report(&self) -> &Report {
        &self.report
    }

    /// Works out what is true now, and what of it is news.
    fn settle(&mut self, now: Option<Timestamp>) -> Batch {
        let markers = self.files.iter().filter_map(|(path, file)| Some((path, file.marker.as_ref()?)));
        let layout = Layout::new(&self.prefix, &self.root, markers);
        let is_read = |(path, file): &(&Arc<Path>, &File)| {
            layout.reads(path) && (file.items.unreadable.is_empty() || !layout.is_in_chart(path))
        };
        let read: Vec<_> = self.files.iter().filter(is_read).collect();
        let mut report = Report { findings: self.trouble.clone(), files: read.len(), ..Report::default() };
        report.findings.extend(layout.findings(&self.prefix, self.files.keys(), "serve --manifests -"));
        if report.findings.is_empty() {
            report.findings.extend(self.nothing_to_serve(&read));
        }
        let files = || read.iter().copied().chain(self.edit.iter().map(|(path, file)| (path, file)));
        for (path, file) in files() {
            file.report(path, &self.valid, &layout, &mut report);
        }
        let mut chosen = choose(files(), &self.valid, &layout, &mut report.findings);
        cluster_ips::refuse_taken(&mut chosen, &self.valid, &mut report.findings);
        let mut objects = Objects::new();
        let mut wanted = Wanted::default();
        let mut origins = Vec::with_capacity(chosen.len());
        for Chosen { content, origin, .. } in chosen.values() {
            let Some(object) = wanted.add(content) else { continue };
            origins.push((object.id(), origin.clone()));
            objects.insert(object.id(), object);
        }
        for (path, file) in files() {
            let unsimulated = file.items.unsimulated.iter();
            let location = |line| Location { file: path.clone(), line };
            wanted.unsimulated.extend(unsimulated.map(|object| (location(object.line), object)));
        }
        let outcome = self.controllers.complete(&wanted, &mut objects);
        let place = |key: &Key| chosen.get(key).map(|chosen| chosen.origin.location.clone());
        let (without_pods, unknown) = without_pods::report(&wanted, &outcome, place);
        report.without_pods = without_pods;
        report.findings.extend(unknown);
        report.workloads = outcome.workloads;
        report.origins = origins.into_iter().collect();
        for (key, message) in outcome.shortages {
            let Some(Chosen { origin, .. }) = chosen.get(&key) else { continue };
            let (reason, location) = (Reason::AddressesUsedUp, origin.location.clone());
            report.findings.push(Finding { reason, object: Some(key.to_string()), location, message });
        }
        for (name, message) in outcome.not_mirrored {
            let key = Key::Object(ObjectId { kind: Kind::Endpoints, name });
            let Some(Chosen { origin, .. }) = chosen.get(&key) else { continue };
            let (reason, location) = (Reason::EndpointsIgnored, origin.location.clone());
            report.findings.push(Finding { reason, object: Some(key.to_string()), location, message });
        }
        if let Some(what) = self.doubted_loss(&objects) {
            return self.doubt(&what, now);
        }
        (self.doubted_since, self.changed) = (None, HashSet::new());
        let order = |a: &Finding, b: &Finding| {
            (&a.location, &a.object, &a.message).cmp(&(&b.location, &b.object, &b.message))
        };
        report.findings.sort_by(order);
        let valid = |(key, chosen): (&Key, Chosen<'_>)| {
            let Chosen { content, place, .. } = chosen;
            let before = self.valid.get(key).filter(|valid| valid.content == *content);
            let since = before.map_or(now, |valid| valid.since);
            (key.clone(), Valid { content: content.clone(), since, place })
        };
        self.valid = chosen.into_iter().map(valid).collect();
        self.news(objects, report)
    }

    /// Objects that were sent and are missing now, if their loss is doubted: all of them, or with more than one file most
    /// Services.
    fn doubted_loss(&self, objects: &Objects) -> Option<String> {
        let sent = self.sent.as_ref()?;
        if self.doubted_since.map_or(Duration::ZERO, |since| since.elapsed()) >= self.empty_after {
            return None;
        }
        let count = |is_counted: fn(&ObjectId) -> bool| {
            let known = sent.keys().filter(|id| is_counted(id));
            let lost = known.clone().filter(|id| !objects.contains_key(*id)).count();
            (lost, known.count())
        };
        let (lost, known) = count(|_| true);
        if (objects.is_empty() || self.changed.len() > 1) && loss::takes_all(lost, known) {
            return Some("every object".to_owned());
        }
        let (lost, known) = count(|id| id.kind == Kind::Service);
        let is_doubted = self.changed.len() > 1 && loss::takes_most(lost, known);
        is_doubted.then(|| format!("{lost} of {known} Services"))
    }

    /// Changes nothing but the report, which says what is doubted.
    fn doubt(&mut self, what: &str, now: Option<Timestamp>) -> Batch {
        let since = *self.doubted_since.get_or_insert_with(Instant::now);
        let left = self.empty_after.saturating_sub(since.elapsed());
        let until = now.map_or_else(String::new, |now| format!(" until {:.0}", now + left));
        let finding = Finding {
            reason: Reason::LossDoubted,
            object: None,
            location: Location { file: self.root.as_path().into(), line: 0 },
            message: format!(
                "has lost {what} at once, as an unmount or a copy in progress does; all that was read before is served \
                 unchanged{until} (--empty-after), and then no more, unless it returns"
            ),
        };
        let mut report = (*self.report).clone();
        report.findings.retain(|finding| finding.reason != Reason::LossDoubted);
        report.findings.push(finding);
        let is_news = *self.report != report;
        self.report = Arc::new(report);
        Batch { report: is_news.then(|| self.report.clone()), ..Batch::default() }
    }

    /// The finding that there is nothing to serve, if so.
    fn nothing_to_serve(&self, read: &[(&Arc<Path>, &File)]) -> Option<Finding> {
        let is_stream = self.root == Path::new(standard_input::NAME);
        let message = match read {
            [] if !is_stream => "found no .yaml, .yml or .json file here; there is nothing to serve",
            [] => "is empty; there is nothing to serve",
            [(_, file)] if is_stream && file.is_empty() => "has no object; there is nothing to serve",
            _ => return None,
        };
        Some(Finding {
            reason: Reason::NoManifests,
            object: None,
            location: Location { file: self.root.as_path().into(), line: 0 },
            message: message.to_owned(),
        })
    }

    /// What differs from what was sent last.
    fn news(&mut self, objects: Objects, report: Report) -> Batch {
        let mut events =
            self.sent.as_ref().map_or_else(|| everything(&objects), |sent| difference(sent, &objects));
        let is_first = self.sent.replace(objects).is_none();
        if is_first || self.report.without_pods != report.without_pods {
            events.insert(0, Event::Folder(report.without_pods.clone().into()));
        }
        let mut batch = Batch { events, report: None, since: Some(Instant::now()) };
        if is_first || *self.report != report {
            self.report = Arc::new(report);
            batch.report = Some(self.report.clone());
        }
        batch
    }
}

impl File {
    fn into_items(self) -> Vec<Item> {
        let Self { items: Items { mut items, .. }, kept, .. } = self;
        items.extend(kept);
        items
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        self.items.items.iter().chain(&self.kept).map(|item| &item.key)
    }

    /// Whether nothing at all is in it.
    fn is_empty(&self) -> bool {
        let Items { items, skipped, unreadable, unsimulated, warnings, patches } = &self.items;
        items.is_empty()
            && skipped.is_empty()
            && unreadable.is_empty()
            && unsimulated.is_empty()
            && warnings.is_empty()
            && patches.is_empty()
            && self.kept.is_empty()
            && self.trouble.is_none()
    }

    fn report(&self, path: &Arc<Path>, valid: &HashMap<Key, Valid>, layout: &Layout, report: &mut Report) {
        if !layout.is_in_kustomization(path) {
            report.findings.extend(self.items.patches.iter().map(|line| Finding {
                reason: Reason::InvalidObject,
                object: None,
                location: Location { file: path.clone(), line: *line },
                message:
                    "this document is a patch of kustomize (`$patch`) and no object; it is ignored".into(),
            }));
        }
        for (kind, count) in &self.items.skipped {
            *report.skipped.entry(kind.clone()).or_default() += count;
        }
        let mut complain = |reason, line, message| {
            let location = Location { file: path.clone(), line };
            report.findings.push(Finding { reason, object: None, location, message });
        };
        if let Some(message) = &self.trouble {
            let has_content = self.keys().next().is_some();
            let kept = if has_content {
                let read_at = read_at(self.read_at);
                format!(
                    "; its last readable content{read_at} stays in force, and a server that starts now has none"
                )
            } else {
                String::new()
            };
            return complain(Reason::UnreadableFile, 0, format!("{message}{kept}"));
        }
        let mut kept = self.kept_in_force(valid);
        for SyntaxError { line, message } in &self.items.unreadable {
            complain(Reason::UnreadableFile, *line, format!("{message}{}", mem::take(&mut kept)));
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

    /// The end of the warning about an unreadable document: which objects stay in force because of it.
    fn kept_in_force(&self, valid: &HashMap<Key, Valid>) -> String {
        let kept: BTreeMap<_, _> =
            self.kept.iter().filter_map(|item| Some((&item.key, valid.get(&item.key)?.since))).collect();
        if kept.is_empty() {
            return String::new();
        }
        let mut named: Vec<_> =
            kept.iter().take(NAMED).map(|(key, since)| format!("{key}{}", read_at(*since))).collect();
        if kept.len() > NAMED {
            named.push(format!("and {} more", kept.len() - NAMED));
        }
        format!(
            "; what the file defined before and no document of it defines now stays in force, as it may be in this one: \
             {}",
            named.join(", ")
        )
    }
}

/// When something was read, for a message.
fn read_at(time: Option<Timestamp>) -> String {
    time.map_or_else(String::new, |time| format!(" (read at {time:.0})"))
}

/// Objects that stay in force although their document is unreadable, listed by name in one message.
const NAMED: usize = 10;

fn keys(items: &[Item]) -> HashSet<Key> {
    items.iter().map(|item| item.key.clone()).collect()
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

/// The version of an object that is in force, and where it is.
struct Chosen<'f> {
    content: &'f Content,
    origin: Origin,
    place: PlaceId,
}

/// An object in a file.
#[derive(Clone, Copy)]
struct Place<'f> {
    path: &'f Arc<Path>,
    item: &'f Item,
    /// How many places of the same object come before it in the file.
    nth: usize,
    /// It was in an earlier content of the file, and is in no document that can be read now.
    is_kept: bool,
}

impl<'f> Place<'f> {
    /// The content of the object there, if it is valid now.
    fn content(&self) -> Option<&'f Content> {
        self.item.content.as_ref().ok().filter(|_| !self.is_kept)
    }

    fn id(&self) -> PlaceId {
        (self.path.clone(), self.nth)
    }

    fn is(&self, (path, nth): &PlaceId) -> bool {
        self.nth == *nth && self.path == path
    }

    fn origin(&self) -> Origin {
        let location = Location { file: self.path.clone(), line: self.item.line };
        Origin { location, lines: self.item.lines.clone() }
    }
}

/// The end of a warning about an invalid object whose last valid version stays in force.
fn stays_in_force(valid: &Valid) -> String {
    last_valid::in_force(match valid.since {
        Some(since) => format!("read at {since:.0}"),
        None => "that of the manifests".to_owned(),
    })
}

/// Chooses between the places that one object may be in: the last one, as `kubectl apply` of all the files would
/// leave it. If that one is not valid, the version in force stays, and edits of the place where that one stands are
/// followed.
fn choose<'f>(
    files: impl Iterator<Item = (&'f Arc<Path>, &'f File)>,
    valid: &'f HashMap<Key, Valid>,
    layout: &Layout,
    findings: &mut Vec<Finding>,
) -> HashMap<&'f Key, Chosen<'f>> {
    let mut places: HashMap<&Key, Vec<Place<'f>>> = HashMap::new();
    for (path, file) in files {
        let items = file.items.items.iter().map(|item| (item, false));
        for (item, is_kept) in items.chain(file.kept.iter().map(|item| (item, true))) {
            let known = places.entry(&item.key).or_default();
            let nth = known.last().filter(|last| last.path == path).map_or(0, |last| last.nth + 1);
            known.push(Place { path, item, nth, is_kept });
        }
    }
    let mut chosen = HashMap::with_capacity(places.len());
    for (key, all) in places {
        // What may be somebody else's gives way to what surely is ours.
        let is_sure = all.iter().any(|place| !place.item.is_guess);
        let places: Vec<_> = all.iter().filter(|place| !(is_sure && place.item.is_guess)).copied().collect();
        let last = places.last().expect("an object is somewhere");
        let in_force = valid.get(key);
        let used = match (last.content(), in_force) {
            (Some(_), _) => Some(last),
            (None, Some(valid)) => places.iter().find(|place| place.is(&valid.place)),
            (None, None) => places.iter().rfind(|place| place.content().is_some()),
        };
        let used = used.filter(|place| place.content().is_some());
        let mut complain = |reason, location, message| {
            findings.push(Finding { reason, object: Some(key.to_string()), location, message });
        };
        for place in all.iter().filter(|place| !place.is_kept) {
            let Err(rejections) = &place.item.content else { continue };
            let end = match (used, in_force) {
                (Some(used), _) => format!("; the version at {} is in force", used.origin().location),
                (None, Some(valid)) => stays_in_force(valid),
                (None, None) => last_valid::ignored(&place.item.consequence),
            };
            for rejection in rejections {
                let location = place.origin().locate(&rejection.path);
                complain(Reason::InvalidObject, location, format!("{rejection}{end}"));
            }
        }
        let shown = used.unwrap_or(last);
        for place in places.iter().filter(|place| place.content().is_some()) {
            // Overlays of one base define the same objects, of which a cluster gets one.
            if !std::ptr::eq(place, shown) && !layout.are_variants(place.path, shown.path) {
                let used = shown.origin().location;
                let message = format!("expected one {key}, found it again at {used}, which is used");
                complain(Reason::DuplicateObject, place.origin().location, message);
            }
        }
        let choice = match (used, in_force) {
            (Some(place), _) => place.content().map(|content| (content, place.id())),
            (None, valid) => valid.map(|valid| (&valid.content, valid.place.clone())),
        };
        chosen
            .extend(choice.map(|(content, place)| (key, Chosen { content, origin: shown.origin(), place })));
    }
    chosen
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

mod cluster_ips;
#[cfg(test)]
mod tests;
