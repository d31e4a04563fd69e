//! Content of a file -> the objects in it.
//!
//! Each document stands for itself. One that is no YAML, or no Kubernetes object with a kind and a name, is
//! [unreadable](Items::unreadable), and the other documents of the file are read all the same. An object that has
//! a name and cannot be used is an [`Item`] with a [`Rejection`].

use std::{collections::BTreeMap, fmt, path::Path, sync::Arc};

use serde_json::Value;

use super::{
    controllers::Mirroring,
    families::{self, Families},
    kinds::{self, Meant, Ours},
    nodes::NodeSpec,
    outside::Outside,
    schema,
    services::Selecting,
    unsimulated::{self, Unsimulated},
    workloads::{ExplicitPod, Workload, WorkloadKind},
    yaml::{self, Document, Lines, NodeId, SyntaxError},
};
use crate::{
    model::{Kind, Node, NsName, Object, ObjectId, Reason},
    source::{
        Location, Origin,
        convert::{self, DEFAULT_NAMESPACE, Rejection, read::At},
        last_valid,
    },
};

/// What is in a file.
#[derive(Debug, Default)]
pub(super) struct Items {
    /// Objects that matter here, in the order of the file.
    pub(super) items: Vec<Item>,
    /// Kinds that do not, and how many of each.
    pub(super) skipped: BTreeMap<String, usize>,
    /// Documents, and items of lists, that are no Kubernetes object with a kind and a name, in the order of the
    /// file. Which objects they were meant to be is not known.
    pub(super) unreadable: Vec<SyntaxError>,
    /// Objects that create Pods which are not simulated; of those, only Jobs are among the items too.
    pub(super) unsimulated: Vec<Unsimulated>,
    /// Lines of documents that are patches of kustomize and no objects.
    pub(super) patches: Vec<u32>,
    /// What is odd in documents that are read all the same.
    pub(super) warnings: Vec<Warning>,
}

/// Something odd in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Warning {
    pub(super) reason: Reason,
    /// The object in question, as kind and name, if it has both.
    pub(super) object: Option<String>,
    /// The line, from 1, and what is wrong there.
    pub(super) what: SyntaxError,
}

/// One object in a file.
#[derive(Debug)]
pub(super) struct Item {
    /// What it is called.
    pub(super) key: Key,
    /// The line on which it begins.
    pub(super) line: u32,
    /// The lines of its fields, if messages about it may name one.
    pub(super) lines: Arc<BTreeMap<String, u32>>,
    /// What it says, or everything that is wrong with it, which is never an empty list.
    pub(super) content: Result<Content, Vec<Rejection>>,
    /// What follows for traffic if it is not valid and no earlier version is in force; else empty.
    pub(super) consequence: String,
    /// It is of no kind that is read, and looks as if it was meant to be of ours.
    pub(super) is_guess: bool,
}

/// What identifies an object among all that matter here. Written `Kind namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Key {
    /// One of the model's.
    Object(ObjectId),
    /// One that stands for Pods.
    Workload(WorkloadKind, NsName),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(id) => id.fmt(f),
            Self::Workload(kind, name) => write!(f, "{kind} {name}"),
        }
    }
}

/// What an object says. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    /// A Service, its IP families, and how it selects Pods if it does.
    Service(Object, Families, Option<Arc<Selecting>>),
    /// A Pod.
    Pod(Object, Arc<ExplicitPod>),
    /// A Node.
    Node(Arc<Node>, Arc<NodeSpec>),
    /// Any other object of the model.
    Other(Object),
    /// An Endpoints object, and what a cluster does with it.
    Endpoints(Object, Mirroring),
    /// An ExternalWorkload.
    Outside(Object, Arc<Outside>),
    /// What stands for Pods. A ReplicaSet is an object too, because it tells the owner of Pods.
    Workload(Arc<Workload>, Option<Object>),
}

impl Item {
    /// The line of a field: its own, else that of the nearest enclosing one that is known.
    pub(super) fn line_of(&self, path: &str) -> u32 {
        let origin = Origin {
            location: Location { file: Path::new("").into(), line: self.line },
            lines: self.lines.clone(),
        };
        origin.locate(path).line
    }
}

/// Reads the content of a file.
pub(super) fn read(content: &[u8]) -> Items {
    read_in(content, DEFAULT_NAMESPACE)
}

/// Reads the content of a file. Objects that name no namespace are put in this one.
pub(super) fn read_in(content: &[u8], namespace: &str) -> Items {
    let mut items = Items::default();
    for document in yaml::parse(content) {
        if let Err(error) = document.and_then(|document| items.take_document(document, namespace)) {
            items.unreadable.push(error);
        }
    }
    items
}

/// Puts an object that names no namespace into this one, or each object of a list. Lists are no deeper in one
/// another than a document may be.
fn put_in(value: &mut Value, namespace: &str) {
    if value.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"))
        && let Some(Value::Array(items)) = value.get_mut("items")
    {
        return items.iter_mut().for_each(|item| put_in(item, namespace));
    }
    let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let own = metadata.get("namespace").unwrap_or(&Value::Null);
    if own.is_null() || own.as_str() == Some("") {
        metadata.insert("namespace".to_owned(), namespace.into());
    }
}

/// What a message calls an object of any kind: its kind and its name, with the namespace if it says one.
fn title(value: &Value) -> Option<String> {
    let metadata = value.get("metadata")?;
    let text = |value: &Value, field: &str| Some(value.get(field)?.as_str()?.to_owned());
    let (kind, name) = (text(value, "kind")?, text(metadata, "name")?);
    Some(match text(metadata, "namespace").filter(|namespace| !namespace.is_empty()) {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    })
}

impl Items {
    fn take_document(&mut self, mut document: Document, namespace: &str) -> Result<(), SyntaxError> {
        if document.value.is_null() && document.warnings.is_empty() {
            return Ok(());
        }
        if namespace != DEFAULT_NAMESPACE {
            put_in(&mut document.value, namespace);
        }
        let object = title(&document.value);
        let warning = |(reason, what)| Warning { reason, object: object.clone(), what };
        self.warnings.extend(document.warnings.into_iter().map(warning));
        let line = document.lines.line(NodeId::ROOT);
        self.take(document.value, &document.lines, Some(NodeId::ROOT), line)
    }

    /// Adds an object, or everything in a list of objects. The node is where its lines are, if they are
    /// known.
    fn take(
        &mut self,
        value: Value,
        lines: &Lines,
        node: Option<NodeId>,
        line: u32,
    ) -> Result<(), SyntaxError> {
        let wrong = |message: &str| SyntaxError { line, message: message.into() };
        let text = |field: &str| value.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
        if !value.is_object() {
            return Err(wrong("expected a Kubernetes object, which is a mapping"));
        }
        if value.get("$patch").is_some() {
            self.patches.push(line);
            return Ok(());
        }
        let kind = text("kind").ok_or_else(|| wrong("expected a Kubernetes object, found no kind"))?;
        let api_version =
            text("apiVersion").ok_or_else(|| wrong("expected a Kubernetes object, found no apiVersion"))?;
        if let Some(item_kind) = kind.strip_suffix("List")
            && (item_kind.is_empty() || value.get("items").is_some())
        {
            let (item_kind, api_version) = (item_kind.to_owned(), api_version.to_owned());
            return self.take_list(value, &item_kind, &api_version, lines, node, line);
        }
        let is_hook = value.pointer("/metadata/annotations").is_some_and(|all| all.get(HELM_HOOK).is_some());
        let Some(meant) = kinds::meant(api_version, kind) else {
            match unsimulated(api_version, kind, &value, line).filter(|_| !is_hook) {
                Some(unsimulated) => self.unsimulated.push(unsimulated),
                None => *self.skipped.entry(kinds::foreign(api_version, kind)).or_default() += 1,
            }
            return Ok(());
        };
        if is_hook && matches!(meant.ours, Ours::Object(Kind::Pod | Kind::Job)) {
            *self.skipped.entry(format!("{kind} of a Helm hook")).or_default() += 1;
            return Ok(());
        }
        let name = value.pointer("/metadata/name");
        if let Some(name @ (Value::Bool(_) | Value::Number(_))) = name {
            let message =
                format!("expected a string in metadata.name, found {name}, as YAML reads it; quote it");
            return Err(wrong(&message));
        }
        let name = name.and_then(Value::as_str).filter(|name| !name.is_empty());
        let Some(name) = name else {
            // An object that is created under a name that the API server makes up, perhaps many times.
            let Some(prefix) = value.pointer("/metadata/generateName").and_then(Value::as_str) else {
                return Err(wrong("expected a Kubernetes object, found no metadata.name"));
            };
            *self.skipped.entry(kind.to_owned()).or_default() += 1;
            // Nothing can belong to a Job before it has a name.
            if meant.ours != Ours::Object(Kind::Job) {
                let message = "expected metadata.name, found metadata.generateName, which kubectl apply refuses; the \
                               object is left out, the others are not affected";
                let object = Some(format!("{kind} {prefix}*"));
                self.warnings.push(Warning { reason: Reason::InvalidObject, object, what: wrong(message) });
            }
            return Ok(());
        };
        let namespace = match value.pointer("/metadata/namespace") {
            None | Some(Value::Null) => DEFAULT_NAMESPACE,
            Some(Value::String(namespace)) if namespace.is_empty() => DEFAULT_NAMESPACE,
            Some(Value::String(namespace)) => namespace,
            Some(_) => return Err(wrong("expected a namespace as a string in metadata.namespace")),
        };
        let name = NsName::new(namespace, name);
        let is_guess = meant.is_guess;
        let faults =
            if meant.wrong.is_none() { schema::check(api_version, kind, &value) } else { Vec::new() };
        if meant.ours == Ours::Object(Kind::Job) {
            self.unsimulated.extend(unsimulated::read(api_version, kind, name.clone(), &value, line));
        }
        let (key, content) = object(meant, name, &value);
        let content =
            if faults.is_empty() { content.map_err(|rejection| vec![rejection]) } else { Err(faults) };
        let consequence = match (&content, &key) {
            (Ok(_), _) => String::new(),
            (Err(_), Key::Object(id)) => last_valid::consequence(id.kind.as_str(), &value),
            (Err(_), Key::Workload(kind, _)) => last_valid::consequence(&kind.to_string(), &value),
        };
        let keeps_lines = content.is_err() || matches!(&key, Key::Object(id) if names_fields(id.kind));
        let paths = match node.filter(|_| keeps_lines) {
            Some(node) => lines.paths(node),
            None => BTreeMap::new(),
        };
        self.items.push(Item { key, line, lines: Arc::new(paths), content, consequence, is_guess });
        Ok(())
    }

    /// Adds the items of a `List`, or of a list of one kind, whose items need not repeat what they are.
    fn take_list(
        &mut self,
        mut list: Value,
        kind: &str,
        api_version: &str,
        lines: &Lines,
        node: Option<NodeId>,
        line: u32,
    ) -> Result<(), SyntaxError> {
        let items = match list.get_mut("items").map(Value::take) {
            None | Some(Value::Null) => return Ok(()),
            Some(Value::Array(items)) => items,
            Some(_) => {
                return Err(SyntaxError { line, message: "expected a list of objects in items".into() });
            }
        };
        let nodes = node.map_or_else(Vec::new, |node| lines.items_of(node, "items"));
        for (index, mut item) in items.into_iter().enumerate() {
            if let (Value::Object(fields), false) = (&mut item, kind.is_empty()) {
                fields.entry("kind").or_insert_with(|| kind.into());
                fields.entry("apiVersion").or_insert_with(|| api_version.into());
            }
            let node = nodes.get(index).copied();
            let taken = self.take(item, lines, node, node.map_or(line, |node| lines.line(node)));
            self.unreadable.extend(taken.err());
        }
        Ok(())
    }
}

/// Annotation of what Helm creates at certain moments, such as for `helm test`, and not as a part of the application.
const HELM_HOOK: &str = "helm.sh/hook";

/// An object of a kind of no other concern, if it creates Pods.
fn unsimulated(api_version: &str, kind: &str, value: &Value, line: u32) -> Option<Unsimulated> {
    let text = |path| value.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
    let namespace = text("/metadata/namespace").unwrap_or(DEFAULT_NAMESPACE);
    let name = NsName::new(namespace, text("/metadata/name")?);
    unsimulated::read(api_version, kind, name, value, line)
}

/// Reads an object of a kind that concerns us.
fn object(meant: Meant, name: NsName, value: &Value) -> (Key, Result<Content, Rejection>) {
    match meant.ours {
        Ours::Workload(kind) => {
            let content = meant.wrong.map_or_else(|| workload(kind, name.clone(), value), Err);
            (Key::Workload(kind, name), content)
        }
        Ours::Object(kind) => {
            let name = if kind == Kind::Node { NsName::new("", name.name) } else { name };
            (Key::Object(ObjectId { kind, name }), meant.wrong.map_or_else(|| known(kind, value), Err))
        }
    }
}

fn workload(kind: WorkloadKind, name: NsName, value: &Value) -> Result<Content, Rejection> {
    let workload = Workload::read(kind, name, &At::root(value))?;
    let object = match kind {
        WorkloadKind::ReplicaSet => Some(convert::convert(Kind::ReplicaSet, value)?),
        _ => None,
    };
    Ok(Content::Workload(Arc::new(workload), object))
}

fn known(kind: Kind, value: &Value) -> Result<Content, Rejection> {
    let (object, root) = (convert::convert(kind, value)?, At::root(value));
    convert::split::require_weights(kind, &root)?;
    Ok(match &object {
        Object::Service(service) => {
            let families = families::read(&root.get("spec")?, &service.cluster_ips);
            Content::Service(object, families, Selecting::read(&root)?.map(Arc::new))
        }
        Object::Node(node) => Content::Node(node.clone(), Arc::new(NodeSpec::read(&root))),
        Object::Pod(pod) => {
            let pod = Arc::new(ExplicitPod::read(pod, &root)?);
            Content::Pod(object, pod)
        }
        Object::ExternalWorkload(workload) => {
            let outside = Arc::new(Outside::read(workload.clone(), &root)?);
            Content::Outside(object, outside)
        }
        Object::Server(_) => {
            check_proxy_protocol(&root)?;
            Content::Other(object)
        }
        Object::Endpoints(_) => Content::Endpoints(object, Mirroring::read(&root)?),
        _ => Content::Other(object),
    })
}

/// Rejects a Server whose protocol Linkerd's policy webhook would refuse: what is almost `opaque` would count as
/// not opaque. In a cluster the webhook has checked it, and later releases may know others.
fn check_proxy_protocol(root: &At<'_, '_>) -> Result<(), Rejection> {
    let spec = root.get("spec")?;
    let at = spec.get("proxyProtocol")?;
    match at.text()? {
        None | Some("unknown" | "HTTP/1" | "HTTP/2" | "gRPC" | "opaque" | "TLS") => Ok(()),
        Some(_) => Err(at.wrong("unknown, HTTP/1, HTTP/2, gRPC, opaque or TLS")),
    }
}

/// Whether messages about objects of this kind name fields.
fn names_fields(kind: Kind) -> bool {
    matches!(kind, Kind::TrafficSplit | Kind::ServiceProfile | Kind::Service | Kind::Server)
}

#[cfg(test)]
mod tests;
