//! The folder on disk: which files are in it, and what each of them holds.
//!
//! A [`Scan`] is one look at all of it. Files are told apart by what they hold, never by their times alone:
//! the times only say when a file need not be read again. So nothing that watches for events can be missed,
//! and it works where there are no events: over the network, in a mounted ConfigMap, in a container's volume.

use std::{
    collections::{HashMap, HashSet},
    fs,
    hash::{DefaultHasher, Hasher},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::layout::{MARKERS, is_marker};
use crate::whole_file;

/// Larger files are no manifests; a cluster takes none above some 3 MiB.
pub(super) const MAX_FILE_BYTES: u64 = 16 << 20;

/// More files than anybody has manifests: this is the wrong folder.
const MAX_FILES: usize = 100_000;

/// A file that was changed so recently may change again without its times showing it.
const YOUNG: Duration = Duration::from_secs(2);

/// A folder of manifests, or one file, and what is known of it from the last look.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    known: HashMap<Arc<Path>, Known>,
}

/// What one look at the folder saw.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Every manifest, in no particular order.
    pub(super) files: Vec<Seen>,
    /// What could not be looked into.
    pub(super) troubles: Vec<Trouble>,
}

/// A manifest as one look saw it.
#[derive(Debug)]
pub(super) struct Seen {
    /// Its path from the root.
    pub(super) path: Arc<Path>,
    /// What it holds.
    pub(super) sight: Sight,
    /// The content itself, if it was read this time. It always is when it is new.
    pub(super) content: Option<Vec<u8>>,
}

/// What a file holds, without holding it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// This content.
    Content(Digest),
    /// It could not be read, for this reason.
    Unreadable(Arc<str>),
}

/// Stands for a content: equal contents have equal ones, others do not by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digest {
    hash: u64,
    length: usize,
    /// There is nothing in it but white space.
    pub(super) blank: bool,
}

/// Something that could not be looked into; what is in there is not known to be gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// The folder, from the root; empty for the root itself.
    pub(super) folder: Arc<Path>,
    /// What is wrong.
    pub(super) message: String,
}

/// A manifest that is in the folder.
struct Listed {
    /// Its path from the root.
    path: Arc<Path>,
    /// Where it really is.
    place: PathBuf,
    metadata: io::Result<fs::Metadata>,
}

/// What is known of a file from the last look.
#[derive(Debug)]
struct Known {
    /// What the file was like when it was read; `None` if it may change without looking different, so that it
    /// has to be read again.
    stamp: Option<Stamp>,
    sight: Sight,
}

/// What tells that a file is still the one that was read. The second time is that of the inode, which also
/// shows a file that was replaced together with its times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Folder {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, known: HashMap::new() }
    }

    /// Looks at all of it, and reads what may have changed.
    pub(super) fn scan(&mut self) -> Scan {
        let mut scan = Scan::default();
        let mut known = HashMap::with_capacity(self.known.len());
        for Listed { path, place, metadata } in self.list(&mut scan.troubles) {
            let stamp = metadata.as_ref().ok().map(Stamp::of);
            let before =
                self.known.remove(&path).filter(|known| known.stamp.is_some() && known.stamp == stamp);
            let (now, content) = match before {
                Some(same) => (same, None),
                None => Known::read(&place, metadata),
            };
            scan.files.push(Seen { path: path.clone(), sight: now.sight.clone(), content });
            known.insert(path, now);
        }
        self.known = known;
        scan
    }

    /// Every manifest, by its path from the root.
    fn list(&self, troubles: &mut Vec<Trouble>) -> Vec<Listed> {
        match fs::metadata(&self.root) {
            Ok(metadata) if metadata.is_dir() => {
                let mut listed = self.walk(&metadata, troubles);
                listed.extend(markers(&self.root, &["..", "../.."]));
                listed
            }
            Ok(metadata) => {
                let name = self.root.file_name().map_or_else(|| self.root.clone(), PathBuf::from);
                let around = self.root.parent().unwrap_or(Path::new(""));
                let mut listed = markers(around, &["", ".."]);
                listed.retain(|marker| *marker.path != *name);
                listed.push(Listed { path: name.into(), place: self.root.clone(), metadata: Ok(metadata) });
                listed
            }
            Err(error) => {
                troubles.push(Trouble::new(Path::new(""), &error));
                Vec::new()
            }
        }
    }

    /// Every manifest in the folder and below. Folders that links lead to come last and only if they were not
    /// met yet, so that links can lead in circles and to folders that are here anyway.
    fn walk(&self, root: &fs::Metadata, troubles: &mut Vec<Trouble>) -> Vec<Listed> {
        let mut files = Vec::new();
        let mut met = HashSet::from([(root.dev(), root.ino())]);
        let mut folders = vec![PathBuf::new()];
        let mut linked = Vec::new();
        loop {
            let folder = match folders.pop() {
                Some(folder) => folder,
                None => match linked.pop() {
                    Some((path, id)) if met.insert(id) => path,
                    Some(_) => continue,
                    None => return files,
                },
            };
            let entries = match self.entries(&folder) {
                Ok(entries) => entries,
                Err(error) => {
                    troubles.push(Trouble::new(&folder, &error));
                    continue;
                }
            };
            for (path, kind) in entries {
                if !kind.is_dir() && !kind.is_symlink() && !is_manifest(&path) {
                    continue;
                }
                let place = self.root.join(&path);
                let metadata = fs::metadata(&place);
                match &metadata {
                    Ok(metadata) if metadata.is_dir() => {
                        let id = (metadata.dev(), metadata.ino());
                        if kind.is_symlink() {
                            linked.push((path, id));
                        } else if met.insert(id) {
                            folders.push(path);
                        }
                    }
                    _ if !is_manifest(&path) => {}
                    _ if files.len() < MAX_FILES => files.push(Listed { path: path.into(), place, metadata }),
                    _ => {
                        let error =
                            io::Error::other(format!("expected at most {MAX_FILES} files, found more"));
                        troubles.push(Trouble::new(Path::new(""), &error));
                        return files;
                    }
                }
            }
        }
    }

    /// What is in a folder, hidden entries left out, in reverse order: what is put on a stack in this order
    /// is taken off it in the order of the names.
    fn entries(&self, folder: &Path) -> io::Result<Vec<(PathBuf, fs::FileType)>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(self.root.join(folder))? {
            let entry = entry?;
            let name = entry.file_name();
            if !name.as_encoded_bytes().starts_with(b".") {
                entries.push((folder.join(name), entry.file_type()?));
            }
        }
        entries.sort_by(|a, b| b.0.cmp(&a.0));
        Ok(entries)
    }
}

impl Scan {
    /// Why nothing at all could be looked at, if that is so.
    pub(super) fn failure(&self) -> Option<&Trouble> {
        self.troubles.iter().find(|trouble| trouble.folder.as_os_str().is_empty() && self.files.is_empty())
    }
}

impl Trouble {
    fn new(folder: &Path, error: &io::Error) -> Self {
        Self { folder: folder.into(), message: format!("cannot be read: {error}") }
    }
}

impl Digest {
    pub(super) fn of(content: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(content);
        let blank = content.iter().all(u8::is_ascii_whitespace);
        Self { hash: hasher.finish(), length: content.len(), blank }
    }
}

impl Known {
    /// Reads a file.
    fn read(place: &Path, metadata: io::Result<fs::Metadata>) -> (Self, Option<Vec<u8>>) {
        // Taken before reading: whatever is written from here on is younger.
        let now = SystemTime::now();
        let read = metadata.and_then(|metadata| {
            Ok((whole_file::read(place, &metadata, MAX_FILE_BYTES)?, Stamp::of(&metadata)))
        });
        match read {
            Ok((content, stamp)) => {
                let sight = Sight::Content(Digest::of(&content));
                (Self { stamp: (!stamp.is_young(now)).then_some(stamp), sight }, Some(content))
            }
            Err(error) => {
                let sight = Sight::Unreadable(format!("cannot be read: {error}").into());
                (Self { stamp: None, sight }, None)
            }
        }
    }
}

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether the file was changed a moment ago, or in a future that shows that the clocks differ.
    fn is_young(&self, now: SystemTime) -> bool {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let youngest = i64::try_from(now.saturating_sub(YOUNG.as_secs())).unwrap_or(i64::MAX);
        self.modified.0.max(self.changed.0) >= youngest
    }
}

/// The files in some folders around what was given that make a kustomization or a chart of it.
fn markers(root: &Path, folders: &[&str]) -> Vec<Listed> {
    let paths = folders.iter().flat_map(|folder| MARKERS.map(|name| Path::new(folder).join(name)));
    let listed = paths.filter_map(|path| {
        let place = root.join(&path);
        let metadata = fs::metadata(&place).ok().filter(fs::Metadata::is_file)?;
        Some(Listed { path: path.into(), place, metadata: Ok(metadata) })
    });
    listed.collect()
}

/// Whether a file is taken for a manifest by its name, or tells what its folder is.
fn is_manifest(path: &Path) -> bool {
    if is_marker(path) {
        return true;
    }
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml" || extension == "json")
}

#[cfg(test)]
mod tests;
