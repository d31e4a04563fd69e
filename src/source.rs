//! Where objects come from, and what a source promises to everything behind it.
//!
//! A source turns what it watches into [`Batch`]es of [`Event`]s. Whatever arrives in one batch becomes
//! visible in one step: no subscriber is ever shown a part of it. A source that is in doubt (a file that is
//! half written, a list that broke off) says nothing: what is known stays known. An object whose new version is
//! invalid keeps its last valid version, which the report names.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::Path,
    sync::Arc,
};

use tokio::time::Instant;

use crate::model::{Kind, LabelSet, NsName, Object, ObjectId, Reason};

pub mod convert;
pub mod kubernetes;
mod last_valid;
pub mod loss;
pub mod manifests;

/// One thing that is now true of the objects.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The object exists, with this content.
    Upsert(Object),
    /// The object does not exist.
    Remove(ObjectId),
    /// These are all the objects of the kind. The first one of a kind also says that it is synced. All of
    /// them must be of that kind; a half-done list cannot be said.
    Replace(Kind, Vec<Object>),
    /// The same, except that these exist as well and their newest version is invalid: the version that is known stays
    /// in force.
    ReplaceExcept(Kind, Vec<Object>, BTreeSet<ObjectId>),
    /// The source is a folder of manifests, so that a cluster may have objects that are not in it; these of its
    /// workloads have no Pods among the objects. Comes in the first batch, before all other events, and when that
    /// list changes. Never from a cluster.
    Folder(Arc<[WithoutPods]>),
}

impl Event {
    /// The kind of the objects that it is about, if it is about objects.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        match self {
            Self::Upsert(object) => Some(object.kind()),
            Self::Remove(id) => Some(id.kind),
            Self::Replace(kind, _) | Self::ReplaceExcept(kind, ..) => Some(*kind),
            Self::Folder(_) => None,
        }
    }
}

/// Events that belong together, and what the source has to report with them.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The events, in order.
    pub events: Vec<Event>,
    /// The state of the source after these events; `None` if it has nothing new to say.
    pub report: Option<Arc<Report>>,
    /// When the source came to know of it; `None` for when it arrives.
    pub since: Option<Instant>,
}

/// What a source knows besides the objects: what it could not use, and where things stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// What was wrong with the input itself, in the order of the files.
    pub findings: Vec<Finding>,
    /// Kinds that were met and are of no concern here, with how many objects of each.
    pub skipped: BTreeMap<String, usize>,
    /// How many files were read.
    pub files: usize,
    /// How many workloads (Deployment, StatefulSet, ..) were turned into Pods.
    pub workloads: usize,
    /// Workloads whose Pods are not among the objects, in the order of kind and name.
    pub without_pods: Vec<WithoutPods>,
    /// Where each object was read.
    pub origins: BTreeMap<ObjectId, Origin>,
}

/// Formats counts of objects by kind: `1 ConfigMap, 2 Secret`.
pub(crate) fn by_kind<K: fmt::Display>(kinds: &BTreeMap<K, usize>) -> String {
    kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect::<Vec<_>>().join(", ")
}

impl Report {
    /// Kinds that create Pods and are not simulated, with how many objects of each have Pods that are not known here.
    #[must_use]
    pub fn not_simulated(&self) -> BTreeMap<&str, usize> {
        let mut kinds = BTreeMap::new();
        for workload in self.without_pods.iter().filter(|workload| workload.cause == NoPods::NotSimulated) {
            *kinds.entry(workload.kind.as_str()).or_default() += 1;
        }
        kinds
    }
}

/// An object of the input that stands for Pods of which none is among the objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithoutPods {
    /// Its kind as messages write it; with its group (`Service.serving.knative.dev`) where the kind alone would be
    /// taken for another.
    pub kind: String,
    /// Its namespace and name.
    pub name: NsName,
    /// Labels of the Pods that it stands for, for each of its templates; empty if they are not known.
    pub templates: Vec<LabelSet>,
    /// Why there are none.
    pub cause: NoPods,
    /// Where it begins.
    pub location: Location,
}

/// Why a workload has no Pods in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoPods {
    /// Its kind is not simulated: a cluster would have Pods of it that are not known here.
    NotSimulated,
    /// It asks for no Pods: `replicas: 0`.
    NoReplicas,
    /// Its Pods fit none of the folder's Nodes, for these reasons: a part of a sentence.
    Unschedulable(Box<str>),
}

/// Something wrong in the input that has no object of ours to hang on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which of the known oddities it is.
    pub reason: Reason,
    /// The object it is about as `Kind namespace/name`, if one could be made out.
    pub object: Option<String>,
    /// Where it is.
    pub location: Location,
    /// What was wrong and what would be right.
    pub message: String,
}

/// A place in a file. Written `file:line`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The file, relative to the folder that is watched.
    pub file: Arc<Path>,
    /// The line, from 1; 0 if it is about the file as a whole.
    pub line: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 { write!(f, ":{}", self.line) } else { Ok(()) }
    }
}

/// Where an object and its fields were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file and the line on which the object begins.
    pub location: Location,
    /// Lines of fields by path (`spec.backends[1].weight`), for the kinds whose problems name one.
    pub lines: Arc<BTreeMap<String, u32>>,
}

impl Origin {
    /// The place of a field: its own line, else that of the nearest enclosing field that has one, else the
    /// object's.
    #[must_use]
    pub fn locate(&self, path: &str) -> Location {
        let mut path = path;
        loop {
            if let Some(&line) = self.lines.get(path) {
                return Location { file: self.location.file.clone(), line };
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => return self.location.clone(),
            }
        }
    }
}
