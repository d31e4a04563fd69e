//! The Pods that a workload stands for.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use super::placement::{Nodes, Placement};
use crate::{
    model::{Kind, LabelSet, Name, NsName, ObjectId},
    source::manifests::{
        families::Family,
        hash::{hash, letters, ordinal_suffix},
        items::Key,
        workloads::{ExplicitPod, Life, Shape, Workload, WorkloadKind},
    },
};

/// Pods that are alike.
#[derive(Debug)]
pub(super) struct Group {
    /// The workload that they belong to, or the Pod of the manifests that this is.
    pub(super) of: Key,
    /// The namespace of all of them.
    pub(super) namespace: Name,
    /// What they are like.
    pub(super) shape: Arc<Shape>,
    /// A Service reaches them by IPv6.
    pub(super) needs_ipv6: bool,
    /// The Pods.
    pub(super) pods: Vec<Placed>,
}

/// One Pod and where it is.
#[derive(Debug)]
pub(super) struct Placed {
    /// Its namespace and name.
    pub(super) name: NsName,
    /// Its Node, if it is known.
    pub(super) node: Option<Name>,
    /// How it is doing.
    pub(super) life: Life,
    /// Its address of the other family than that of `life`, if it has one.
    pub(super) other_address: Option<IpAddr>,
}

impl Placed {
    /// Its address in a family, or its first one if no family is named, and whether it is ready.
    pub(super) fn address(&self, family: Option<Family>) -> Option<(IpAddr, bool)> {
        let Life::At(first, ready) = self.life else { return None };
        let is_wanted = |ip: &IpAddr| family.is_none_or(|family| Family::of(ip) == family);
        let address = Some(first).filter(is_wanted).or(self.other_address.filter(is_wanted));
        address.map(|address| (address, ready))
    }
}

impl Group {
    /// One Pod of the manifests.
    pub(super) fn explicit(name: &NsName, pod: &ExplicitPod) -> Self {
        let placed = Placed {
            name: name.clone(),
            node: pod.node.clone(),
            life: pod.life,
            other_address: pod.other_address,
        };
        Self {
            of: Key::Object(ObjectId { kind: Kind::Pod, name: name.clone() }),
            namespace: name.namespace.clone(),
            shape: pod.shape.clone(),
            needs_ipv6: false,
            pods: vec![placed],
        }
    }

    /// Whether no manifest has these Pods.
    pub(super) fn is_made_up(&self) -> bool {
        matches!(self.of, Key::Workload(..))
    }
}

/// The Pods of a workload.
#[derive(Debug, Default)]
pub(super) struct MadeUp {
    pub(super) groups: Vec<Group>,
    /// How many more it asks for.
    pub(super) left_out: u64,
    /// Why no Node fits, if so. Then there are no Pods.
    pub(super) unscheduled: Option<String>,
}

/// The Pods that a workload asks for, `limit` of them at most.
pub(super) fn of_workload(workload: &Workload, nodes: &mut Nodes<'_>, limit: u32) -> MadeUp {
    let name = &workload.name.name;
    let seed = hash(&format!("{} {}", workload.name, workload.template_hash));
    let replicas = workload.replicas.min(limit.into());
    let mut left_out = workload.replicas - replicas;
    let nodes = match nodes.place(workload, usize::try_from(replicas).unwrap_or(usize::MAX)) {
        Placement::Unknown => Vec::new(),
        Placement::Nodes(nodes) => nodes,
        Placement::Nowhere(why) => return MadeUp { unscheduled: Some(why), ..MadeUp::default() },
    };
    let mut of_replicas = nodes.iter().cloned();
    let groups = match workload.kind {
        WorkloadKind::Deployment | WorkloadKind::Rollout => {
            let hash = &workload.template_hash;
            let pod = |i| (format!("{name}-{hash}-{}", ordinal_suffix(seed, i)), of_replicas.next());
            vec![alike(workload, (0..replicas).map(pod))]
        }
        WorkloadKind::ReplicaSet | WorkloadKind::ReplicationController => {
            let pod = |i| (format!("{name}-{}", ordinal_suffix(seed, i)), of_replicas.next());
            vec![alike(workload, (0..replicas).map(pod))]
        }
        WorkloadKind::StatefulSet => {
            let ordinals = (0..replicas).map_while(|i| workload.first_ordinal.checked_add(i));
            ordinals.map(|ordinal| numbered(workload, ordinal, of_replicas.next())).collect()
        }
        WorkloadKind::DaemonSet => {
            left_out = 0;
            vec![if nodes.is_empty() {
                alike(workload, [(format!("{name}-{}", ordinal_suffix(seed, 0)), None)].into_iter())
            } else {
                // No more than there are addresses for.
                let most = usize::try_from(limit).unwrap_or(usize::MAX);
                left_out = nodes.len().saturating_sub(most) as u64;
                alike(workload, on_nodes(name, &nodes[..nodes.len().min(most)]))
            }]
        }
    };
    MadeUp { groups, left_out, unscheduled: None }
}

fn alike(workload: &Workload, pods: impl Iterator<Item = (String, Option<Name>)>) -> Group {
    let namespace = &workload.name.namespace;
    let pods = pods.map(|(name, node)| Placed {
        name: NsName::new(namespace.clone(), name),
        node: node.or_else(|| workload.shape.constraints.node.clone()),
        life: Life::Unsaid,
        other_address: None,
    });
    Group {
        of: workload.key(),
        namespace: namespace.clone(),
        shape: workload.shape.clone(),
        needs_ipv6: false,
        pods: pods.collect(),
    }
}

/// A Pod for each Node, named after the Node so that it stays when another comes or goes.
fn on_nodes(name: &Name, nodes: &[Name]) -> impl Iterator<Item = (String, Option<Name>)> {
    let mut names = BTreeSet::new();
    nodes.iter().map(move |node| {
        let mut number = hash(node.as_str());
        while !names.insert(letters(number, 5)) {
            number = number.wrapping_add(1);
        }
        (format!("{name}-{}", letters(number, 5)), Some(node.clone()))
    })
}

/// Label of a StatefulSet's Pod: its name.
const POD_NAME_LABEL: &str = "statefulset.kubernetes.io/pod-name";

/// Label of a StatefulSet's Pod: its number.
const POD_INDEX_LABEL: &str = "apps.kubernetes.io/pod-index";

/// The Pod of a StatefulSet with that number: no two are alike, each has a name in DNS and labels of its own.
fn numbered(workload: &Workload, ordinal: u64, node: Option<Name>) -> Group {
    let name = format!("{}-{ordinal}", workload.name.name);
    let mut shape = Shape::clone(&workload.shape);
    let index = ordinal.to_string();
    let own = [(POD_NAME_LABEL, name.as_str()), (POD_INDEX_LABEL, index.as_str())];
    shape.own_labels = LabelSet::new(shape.own_labels.iter().chain(own));
    shape.hostname = Some(name.as_str().into());
    shape.subdomain.clone_from(&workload.service);
    let mut group = alike(workload, [(name, node)].into_iter());
    group.shape = Arc::new(shape);
    group
}
