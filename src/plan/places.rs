//! Who asks: a client in each place that answers tell apart.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::{
    cluster::Cluster,
    model::{Name, NsName},
    resolve::{Client, Sight, node_of},
};

/// For whom a plan is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Asker {
    /// For clients in every place that makes a difference.
    #[default]
    Everybody,
    /// For this client alone.
    One(Client),
}

/// Where a client is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// It does not say.
    Unsaid,
    /// In this zone, before and after.
    Zone(Name),
    /// On this node.
    Node(Name),
    /// In this namespace.
    Namespace(Name),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsaid => f.write_str("clients that do not say where they are"),
            Self::Zone(zone) => write!(f, "zone {zone}"),
            Self::Node(node) => write!(f, "node {node}"),
            Self::Namespace(namespace) => write!(f, "namespace {namespace}"),
        }
    }
}

/// A client in each place, by what of a client the answers about a service depended on in either state. Its
/// endpoints are those of these services, itself among them.
pub(super) fn clients(
    before: &Cluster,
    after: &Cluster,
    (service, services): (&NsName, &BTreeSet<NsName>),
    sights: &BTreeSet<Sight>,
) -> Vec<(Place, Client)> {
    let mut clients = BTreeMap::from([(Place::Unsaid, Client::default())]);
    let on = |node: &Name| Client { node: Some(node.clone()), namespace: None };
    let clusters = [before, after];
    let mut nodes: BTreeSet<&Name> =
        clusters.iter().flat_map(|c| c.nodes()).map(|node| &node.name.name).collect();
    if sights.contains(&Sight::Node) {
        // Not every node that something runs on need be known.
        let slices = clusters.iter().flat_map(|c| services.iter().flat_map(|service| c.slices_of(service)));
        let endpoints = slices.flat_map(|slice| &slice.subsets).flat_map(|subset| &subset.endpoints);
        nodes.extend(endpoints.filter_map(|stored| node_of(stored)));
    }
    for node in nodes {
        let place = match (before.zone_of(node), after.zone_of(node)) {
            _ if sights.contains(&Sight::Node) => Place::Node(node.clone()),
            _ if !sights.contains(&Sight::Zone) => continue,
            (None, None) => continue,
            (Some(zone), Some(same)) if zone == same => Place::Zone(zone.clone()),
            _ => Place::Node(node.clone()),
        };
        clients.entry(place).or_insert_with(|| on(node));
    }
    if sights.contains(&Sight::Namespace) {
        let profile = |cluster: &Cluster| Name::from(cluster.fqdn(service));
        let namespaces = |cluster: &Cluster| -> Vec<Name> {
            cluster.namespaces_of_profile(&profile(cluster)).cloned().collect()
        };
        for namespace in namespaces(before).into_iter().chain(namespaces(after)) {
            let client = Client { node: None, namespace: Some(namespace.clone()) };
            clients.insert(Place::Namespace(namespace), client);
        }
    }
    clients.into_iter().collect()
}
