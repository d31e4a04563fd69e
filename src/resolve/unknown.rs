//! What a folder of manifests cannot tell, because a cluster has objects that are not in the folder.
//!
//! An object that refers to something outside the folder is no mistake. So nothing is reported about the object;
//! `check` and `plan` report once what could not be checked.

use std::collections::BTreeMap;

use super::{Options, inspect::unchecked, no_endpoints::no_endpoints};
use crate::{
    cluster::Cluster,
    listed::listed,
    model::{Kind, Name, NsName, Reason},
};

/// Services that one sentence names; further ones are counted.
const MAX_LISTED: usize = 5;

/// Returns what could not be checked, as sentences without a full stop; nothing for a cluster.
#[must_use]
pub fn unknown(cluster: &Cluster, options: &Options) -> Vec<String> {
    let mut unknown = Vec::new();
    if !cluster.knows_services() {
        let referring = [
            (Kind::TrafficSplit, "the apexes and backends of TrafficSplits"),
            (Kind::ServiceProfile, "the destinations of ServiceProfiles"),
        ];
        let referring = referring.into_iter().filter(|(kind, _)| cluster.count(*kind) > 0);
        let unchecked: Vec<_> = referring.map(|(_, what)| what).collect();
        if !unchecked.is_empty() {
            unknown.push(format!(
                "no Service is in these manifests: {} could not be checked",
                unchecked.join(" and ")
            ));
        }
    }
    let mut services: BTreeMap<String, Vec<&NsName>> = BTreeMap::new();
    for service in cluster.services() {
        let uncertain = no_endpoints(cluster, options, &service.name).into_iter().find(|one| !one.is_certain);
        // A workload whose Pods are not known is reported with the Services that select them.
        if let Some(one) = uncertain.filter(|one| one.reason != Reason::PodsUnknown) {
            services.entry(one.why).or_default().push(&service.name);
        }
    }
    let sentence = |(why, services): (String, Vec<&NsName>)| {
        let named = listed(&services, MAX_LISTED);
        let s = if services.len() == 1 { "" } else { "s" };
        format!("{why}: the endpoints of Service{s} {named} could not be checked")
    };
    unknown.extend(services.into_iter().map(sentence));
    let mut servers: BTreeMap<String, Vec<NsName>> = BTreeMap::new();
    for server in cluster.server_names() {
        if let Some(why) = unchecked(cluster, &server) {
            servers.entry(why).or_default().push(server);
        }
    }
    let sentence = |(why, servers): (String, Vec<NsName>)| {
        let named = listed(&servers, MAX_LISTED);
        let s = if servers.len() == 1 { "" } else { "s" };
        let select = if servers.len() == 1 { "selects" } else { "select" };
        format!("{why}: what Server{s} {named} {select} could not be checked")
    };
    unknown.extend(servers.into_iter().map(sentence));
    unknown
}

/// Returns that the folder has no Pods of a namespace, as a sentence without a full stop.
pub(super) fn no_pods_here(cluster: &Cluster, namespace: &Name) -> String {
    if cluster.namespaces_with_pods().next().is_some() {
        format!("no Pod of namespace {namespace} is in these manifests")
    } else {
        "no Pod or workload is in these manifests".to_owned()
    }
}
