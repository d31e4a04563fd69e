//! An edit that nobody has applied yet: objects as `kubectl apply` would take them, and objects to be removed.
//!
//! A document that cannot be read is an error, with the place, because a plan of half an edit would be a lie. An
//! object that can be read and is invalid is planned as a server takes it: its last valid version stays in force, and
//! the plan has a warning. What it would do to manifests is for [`Collection`](super::collection) to say,
//! what it would do to a cluster that is running for [`live`].

mod live;
mod removal;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

pub use self::{
    live::Foreseen,
    removal::{BadRemoval, Removal},
};
use super::{
    folder::{Folder, Sight},
    items::{self, Items, Key},
    layout::{Layout, Marker},
    standard_input,
};
use crate::{model::Name, source::Finding};

/// So many things that are wrong are named; the others are counted.
const NAMED: usize = 20;

/// Where an edit is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditFile {
    /// Standard input, written `-`.
    Stdin,
    /// A file, or a folder with its sub-folders.
    Path(PathBuf),
}

impl From<&str> for EditFile {
    fn from(text: &str) -> Self {
        if text == "-" { Self::Stdin } else { Self::Path(text.into()) }
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Edit {
    /// What is in each file, in the order in which they were named.
    pub(super) files: Vec<(Arc<Path>, Items)>,
    /// What is to be removed.
    pub(super) removed: Vec<Key>,
}

/// Why an edit cannot be planned: one line for each thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the edit cannot be used, so nothing was planned:\n  {}", .0.join("\n  "))]
pub struct BadEdit(pub(super) Vec<String>);

impl Edit {
    /// Reads an edit. Objects that name no namespace are taken to be in this one.
    ///
    /// # Errors
    /// [`BadEdit`] with every place where something cannot be read or used, and what would be right.
    pub fn open(files: &[EditFile], removals: &[Removal], namespace: &Name) -> Result<Self, BadEdit> {
        let mut texts = Vec::new();
        let mut wrong = Vec::new();
        for file in files {
            match file {
                EditFile::Stdin => match standard_input::read() {
                    Ok(content) => texts.push((PathBuf::from(standard_input::NAME), content)),
                    Err(error) => wrong.push(format!("{} {error}", standard_input::NAME)),
                },
                EditFile::Path(path) => read_path(path, &mut texts, &mut wrong),
            }
        }
        let removed = removals.iter().map(|removal| removal.key(namespace)).collect();
        Self::of(texts, removed, namespace, wrong)
    }

    /// The same from texts.
    fn of(
        texts: Vec<(PathBuf, Vec<u8>)>,
        removed: Vec<Key>,
        namespace: &Name,
        mut wrong: Vec<String>,
    ) -> Result<Self, BadEdit> {
        let mut edit = Self { files: Vec::new(), removed };
        for (path, content) in texts {
            let items = items::read_in(&content, namespace.as_str());
            let odd = items.unreadable.iter().chain(items.warnings.iter().map(|warning| &warning.what));
            wrong.extend(odd.map(|error| format!("{}:{}: {}", path.display(), error.line, error.message)));
            let patch = "this document is a patch of kustomize and no object; render the kustomization";
            wrong.extend(items.patches.iter().map(|line| format!("{}:{line}: {patch}", path.display())));
            edit.files.push((path.into(), items));
        }
        if !wrong.is_empty() {
            // Nothing is planned, so everything that is to be corrected is listed.
            wrong.extend(edit.files.iter().flat_map(|(path, items)| invalid(path, items)));
        }
        let is_empty = |(_, items): &(_, Items)| {
            items.items.is_empty() && items.skipped.is_empty() && items.unsimulated.is_empty()
        };
        if wrong.is_empty() && edit.removed.is_empty() && edit.files.iter().all(is_empty) {
            wrong.push("expected Kubernetes objects, found none".to_owned());
        }
        let both = edit.items().filter(|key| edit.removed.contains(key));
        wrong.extend(both.map(|key| format!("{key} is to be applied and removed; choose one of the two")));
        if wrong.len() > NAMED {
            let more = wrong.len() - NAMED;
            wrong.truncate(NAMED);
            wrong.push(format!("and {more} more"));
        }
        // What is refused can hold anything, also what would look like another line.
        let one_line = |text: String| -> String {
            let escaped = |c: char| if c.is_control() { c.escape_debug().to_string() } else { c.to_string() };
            text.chars().map(escaped).collect()
        };
        if wrong.is_empty() { Ok(edit) } else { Err(BadEdit(wrong.into_iter().map(one_line).collect())) }
    }

    /// What it is called, of everything that is to be applied.
    fn items(&self) -> impl Iterator<Item = &Key> {
        self.files.iter().flat_map(|(_, items)| &items.items).map(|item| &item.key)
    }

    /// Objects in it that create Pods which are not simulated, as `Kind namespace/name`.
    #[must_use]
    pub fn not_simulated(&self) -> Vec<String> {
        let unsimulated = self.files.iter().flat_map(|(_, items)| &items.unsimulated);
        unsimulated.map(|object| format!("{} {}", object.kind, object.name)).collect()
    }

    /// Kinds in it that no answer depends on, with how many objects of each.
    #[must_use]
    pub fn skipped(&self) -> BTreeMap<&str, usize> {
        let mut skipped = BTreeMap::new();
        for (kind, count) in self.files.iter().flat_map(|(_, items)| &items.skipped) {
            *skipped.entry(kind.as_str()).or_default() += count;
        }
        skipped
    }
}

/// Everything that is wrong with the objects that can be read and are invalid.
fn invalid(path: &Path, items: &Items) -> Vec<String> {
    let rejections = items.items.iter().flat_map(|item| {
        let rejections = item.content.as_ref().err().into_iter().flatten();
        rejections.map(move |rejection| (item, rejection))
    });
    let wrong = rejections.map(|(item, rejection)| {
        let line = item.line_of(&rejection.path);
        format!("{}:{line}: {}: {rejection}", path.display(), item.key)
    });
    wrong.collect()
}

/// Reads a file, or all manifests of a folder by name.
fn read_path(path: &Path, texts: &mut Vec<(PathBuf, Vec<u8>)>, wrong: &mut Vec<String>) {
    let scan = Folder::new(path.to_owned()).scan();
    let is_folder = path.is_dir();
    let place = |inside: &Path| {
        if is_folder && !inside.as_os_str().is_empty() { path.join(inside) } else { path.to_owned() }
    };
    for trouble in &scan.troubles {
        wrong.push(format!("{}: {}", place(&trouble.folder).display(), trouble.message));
    }
    let mut files = scan.files;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let prefix = if is_folder { path } else { path.parent().unwrap_or(Path::new("")) };
    let markers: Vec<_> = files
        .iter()
        .filter_map(|seen| Some((&seen.path, Marker::read(&seen.path, seen.content.as_deref()?)?)))
        .collect();
    let layout = Layout::new(prefix, path, markers.iter().map(|(path, marker)| (*path, marker)));
    let findings = layout.findings(prefix, files.iter().map(|seen| &seen.path), "plan -f -");
    if !findings.is_empty() {
        // A plan of what is left without patches and templates would not be one of what is applied.
        let finding = |finding: &Finding| {
            format!("{}: {}", prefix.join(&finding.location.file).display(), finding.message)
        };
        wrong.extend(findings.iter().map(finding));
        return;
    }
    for seen in files.into_iter().filter(|seen| layout.reads(&seen.path)) {
        match (seen.content, seen.sight) {
            (Some(content), _) => texts.push((place(&seen.path), content)),
            (None, Sight::Unreadable(why)) => wrong.push(format!("{}: {why}", place(&seen.path).display())),
            (None, Sight::Content(_)) => unreachable!("a first look reads everything"),
        }
    }
}

#[cfg(test)]
mod tests;
