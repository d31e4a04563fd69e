//! Claims of an address that have no effect, because the address belongs to an object of another namespace.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use super::{address::owning, inspect::Inspection};
use crate::{
    cluster::{Claims, Cluster},
    model::{Kind, NsName, ObjectId, Pod, Problem, Reason},
};

/// Objects reported for one address. A tenant may create any number of ExternalWorkloads with one address; the report of
/// an address costs the same whatever their number.
const MAX_REPORTED: usize = 50;

/// A claim that has no effect.
struct Loss {
    owner: ObjectId,
    /// The port, if the claim is of one only.
    port: Option<u16>,
    /// Whether the owner was created first; else it precedes by its kind.
    is_by_age: bool,
}

/// Reports Pods and ExternalWorkloads whose claim of this address has no effect. Services are reported by themselves. No
/// fact is read for it: the address is inspected whenever a claim of it changes.
pub(super) fn inspect_address(cluster: &Cluster, ip: IpAddr) -> Inspection {
    let losses = losses(cluster, ip, None).into_iter().filter(|(loser, _)| loser.kind != Kind::Service);
    let warnings = losses.map(|(loser, loss)| {
        let problem = problem(ip, &loser, &loss);
        (loser, problem)
    });
    Inspection { warnings: warnings.collect(), reads: BTreeSet::new() }
}

/// Names the objects of other namespaces whose claim of this port of an address has no effect, as the end of a sentence;
/// empty if there are none.
pub(super) fn without_effect(cluster: &Cluster, ip: IpAddr, port: u16) -> String {
    let losses = losses(cluster, ip, Some(port));
    if losses.is_empty() {
        return String::new();
    }
    let names: Vec<_> = losses.keys().take(5).map(ToString::to_string).collect();
    let more = match losses.len() - names.len() {
        0 => String::new(),
        more if losses.len() == MAX_REPORTED => format!(" and {more} or more others"),
        more => format!(" and {more} more"),
    };
    format!("; claims of other namespaces have no effect: {}{more}", names.join(", "))
}

fn problem(ip: IpAddr, loser: &ObjectId, Loss { owner, port, is_by_age }: &Loss) -> Problem {
    let what = port.map_or_else(|| format!("address {ip}"), |port| format!("port {port} of address {ip}"));
    let why = if *is_by_age { "was created first" } else { "has it from Kubernetes" };
    let (path, remedy) = match (loser.kind, port) {
        (Kind::ExternalWorkload, _) => {
            ("spec.workloadIPs", "give this one the address of its own machine, or delete one of the two")
        }
        (_, Some(_)) => ("spec.containers", "give one of the two another hostPort or another node"),
        (_, None) => {
            ("status.podIPs", "delete one of the two, so that its successor gets an address of its own")
        }
    };
    let message = format!(
        "{what} belongs to {owner} of another namespace, which {why}: clients that ask for it are answered for {owner}, \
         and this {} has no effect on them; {remedy}",
        loser.kind
    );
    Problem { reason: Reason::SharedAddress, path: path.to_owned(), message }
}

/// The first [`MAX_REPORTED`] objects whose claim of an address, or of this port of it, has no effect.
fn losses(cluster: &Cluster, ip: IpAddr, only: Option<u16>) -> BTreeMap<ObjectId, Loss> {
    let mut found = BTreeMap::new();
    for (loser, loss) in all_losses(cluster, ip, only) {
        if found.len() == MAX_REPORTED {
            break;
        }
        found.entry(loser).or_insert(loss);
    }
    found
}

fn all_losses(
    cluster: &Cluster,
    ip: IpAddr,
    only: Option<u16>,
) -> impl Iterator<Item = (ObjectId, Loss)> + '_ {
    let services = cluster.service_claims(ip);
    let of_service = services.map(|claims| id(Kind::Service, claims.oldest()));
    let services = services
        .into_iter()
        .flat_map(move |claims| lost(claims, Kind::Service, &id(Kind::Service, claims.oldest()), None, true));
    let (own, others) = owning(cluster.pods_at(ip).iter());
    let of_pod = oldest(&own);
    let is_by_age = of_service.is_none();
    let of_all = of_service.or(of_pod);
    let mut pods = Vec::new();
    for pod in own.into_iter().chain(others) {
        pods.extend(of_all.as_ref().and_then(|owner| loss(pod, owner, None, is_by_age)));
    }
    let mut of_port = BTreeMap::new();
    for (port, on_host) in by_host_port(cluster, ip, only) {
        let (own, others) = owning(on_host.into_iter());
        let Some(owner) = of_all.clone().or_else(|| oldest(&own)) else { continue };
        pods.extend(
            own.into_iter().chain(others).filter_map(|pod| loss(pod, &owner, Some(port), of_all.is_none())),
        );
        of_port.insert(port, owner);
    }
    // Ports on which workloads lose to what Kubernetes assigned, then those on which they lose to each other.
    let is_wanted = move |port: u16| only.is_none_or(|only| only == port);
    let all: Box<dyn Iterator<Item = (u16, &Claims, ObjectId, bool)>> = match of_all {
        Some(owner) => {
            Box::new(cluster.workloads_at(ip).map(move |(port, claims)| (port, claims, owner.clone(), false)))
        }
        None => {
            let contested: Vec<_> =
                cluster.contested_ports(ip).filter(|port| !of_port.contains_key(port)).collect();
            let to_pods = of_port
                .into_iter()
                .filter_map(move |(port, owner)| Some((port, cluster.workloads_on(ip, port)?, owner, false)));
            let to_workloads = contested.into_iter().filter_map(move |port| {
                let claims = cluster.workloads_on(ip, port)?;
                Some((port, claims, id(Kind::ExternalWorkload, claims.oldest()), true))
            });
            Box::new(to_pods.chain(to_workloads))
        }
    };
    let workloads = all.filter(move |(port, ..)| is_wanted(*port));
    let workloads = workloads.flat_map(|(port, claims, owner, is_by_age)| {
        lost(claims, Kind::ExternalWorkload, &owner, Some(port), is_by_age)
    });
    services.chain(pods).chain(workloads)
}

/// The Pods that claim host ports of a node, by port.
fn by_host_port(cluster: &Cluster, ip: IpAddr, only: Option<u16>) -> BTreeMap<u16, Vec<&Arc<Pod>>> {
    let mut by_port: BTreeMap<u16, Vec<&Arc<Pod>>> = BTreeMap::new();
    for pod in cluster.pods_on_host(ip) {
        let ports: BTreeSet<u16> = pod.spec.ports.iter().filter_map(|port| port.host_port).collect();
        for port in ports.into_iter().filter(|port| only.is_none_or(|only| only == *port)) {
            by_port.entry(port).or_default().push(pod);
        }
    }
    by_port
}

fn oldest(pods: &[&Arc<Pod>]) -> Option<ObjectId> {
    Some(id(Kind::Pod, &pods.iter().min_by_key(|pod| (pod.created, &pod.name))?.name))
}

fn loss(pod: &Pod, owner: &ObjectId, port: Option<u16>, is_by_age: bool) -> Option<(ObjectId, Loss)> {
    (pod.name.namespace != owner.name.namespace)
        .then(|| (id(Kind::Pod, &pod.name), Loss { owner: owner.clone(), port, is_by_age }))
}

/// The claims of other namespaces than the owner's.
fn lost<'a>(
    claims: &'a Claims,
    kind: Kind,
    owner: &ObjectId,
    port: Option<u16>,
    is_by_age: bool,
) -> impl Iterator<Item = (ObjectId, Loss)> + use<'a> {
    let owner = owner.clone();
    let lost = claims.outside(&owner.name.namespace);
    lost.map(move |name| (id(kind, name), Loss { owner: owner.clone(), port, is_by_age }))
}

fn id(kind: Kind, name: &NsName) -> ObjectId {
    ObjectId { kind, name: name.clone() }
}
