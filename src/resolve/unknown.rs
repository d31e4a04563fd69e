//! What a folder of manifests cannot tell, because a cluster has objects that are not in the folder.
//!
//! An object that refers to something outside the folder is no mistake. So nothing is reported about the object;
//! `check` and `plan` report once what could not be checked.

use crate::{cluster::Cluster, model::Kind};

/// Returns what could not be checked, as sentences without a full stop; nothing for a cluster.
#[must_use]
pub fn unknown(cluster: &Cluster) -> Vec<String> {
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
    unknown
}
