//! An object that is to be removed, as typed.

use std::{fmt, str::FromStr};

use crate::{
    model::{Kind, Name, NsName, ObjectId, names_kind},
    source::manifests::{items::Key, workloads::WorkloadKind},
};

/// An object by its name: `Kind/namespace/name`, or `Kind/name` where the namespace goes without saying. The kind
/// is any name of the resource type that kubectl accepts, in upper or lower case: `ts/reviews`, `deployment.apps/web`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    kind: Which,
    namespace: Option<Name>,
    name: Name,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Object(Kind),
    Workload(WorkloadKind),
}

/// Why a text names no object that could be removed; says what does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRemoval;

impl std::error::Error for BadRemoval {}

impl fmt::Display for BadRemoval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A ReplicaSet is there as a workload.
        let objects = Kind::ALL.into_iter().filter(|kind| *kind != Kind::ReplicaSet).map(Kind::as_str);
        let workloads = WorkloadKind::ALL.map(|kind| kind.to_string());
        let kinds: Vec<_> = objects.map(str::to_owned).chain(workloads).collect();
        write!(
            f,
            "write KIND/NAMESPACE/NAME or KIND/NAME, where KIND is one of {}, or a short name of them such as ts, \
             svc, sp and deploy",
            kinds.join(", ")
        )
    }
}

impl FromStr for Removal {
    type Err = BadRemoval;

    fn from_str(text: &str) -> Result<Self, BadRemoval> {
        let parts: Vec<_> = text.split('/').collect();
        let (kind, namespace, name) = match parts[..] {
            [kind, name] => (kind, None, name),
            [kind, namespace, name] if !namespace.is_empty() => (kind, Some(namespace.into()), name),
            _ => return Err(BadRemoval),
        };
        let workload = WorkloadKind::ALL.into_iter().find(|k| names_kind(kind, &k.to_string()));
        let object = || Kind::ALL.into_iter().find(|k| names_kind(kind, k.as_str()));
        let kind = workload.map(Which::Workload).or_else(|| object().map(Which::Object)).ok_or(BadRemoval)?;
        if name.is_empty() || kind == Which::Object(Kind::Node) && namespace.is_some() {
            return Err(BadRemoval);
        }
        Ok(Self { kind, namespace, name: name.into() })
    }
}

impl Removal {
    /// What identifies the object, if objects that name no namespace are in this one.
    pub(super) fn key(&self, namespace: &Name) -> Key {
        let namespace = self.namespace.as_ref().unwrap_or(namespace).clone();
        let name = NsName { namespace, name: self.name.clone() };
        match self.kind {
            Which::Workload(kind) => Key::Workload(kind, name),
            Which::Object(kind @ Kind::Node) => {
                Key::Object(ObjectId { kind, name: NsName::new("", name.name) })
            }
            Which::Object(kind) => Key::Object(ObjectId { kind, name }),
        }
    }
}
