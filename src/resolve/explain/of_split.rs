//! The question that a TrafficSplit stands for: its apex Service, on a port.

use crate::{
    cluster::Cluster,
    model::{NsName, Service},
    nearest::nearest,
};

/// The port of a target without one, as in requests.
const DEFAULT_PORT: u16 = 80;

/// Returns the authority of the Service that a split names as its apex. Without a port it is the first one of the
/// Service.
///
/// # Errors
/// Which split does not exist, with a similar name, or names no Service of its namespace.
pub fn authority_of_split(cluster: &Cluster, split: &NsName, port: Option<u16>) -> Result<String, String> {
    let Some(found) = cluster.split(split) else {
        let others =
            cluster.splits().map(|other| &other.name).filter(|name| name.namespace == split.namespace);
        let similar = nearest(split.name.as_str(), others.map(|name| name.name.as_str()));
        let meant = similar.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
        return Err(format!("there is no valid TrafficSplit {split}{meant}"));
    };
    let apex = cluster.local_name(found, &found.apex).ok_or_else(|| {
        format!("TrafficSplit {split} splits {:?}, which is no Service of its namespace", found.apex)
    })?;
    let first = |service: &Service| service.ports.first().map(|port| port.port);
    let port = port.or_else(|| first(cluster.service(&apex)?)).unwrap_or(DEFAULT_PORT);
    Ok(format!("{}:{port}", cluster.fqdn(&apex)))
}
