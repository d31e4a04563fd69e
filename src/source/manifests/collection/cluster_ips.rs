//! Cluster IPs that more than one Service asks for.
//!
//! An API server gives a cluster IP to the Service that is created first and refuses each other one that asks for it. In a
//! folder the first one is the Service that has the address already, else the one in the first file and line, as
//! `kubectl apply` creates them in this order.

use std::{collections::HashMap, net::IpAddr};

use serde_json::Value;

use super::{Chosen, Content, Finding, Key, Valid, stays_in_force};
use crate::{
    model::{Object, Reason},
    source::last_valid,
};

/// Refuses each Service with a cluster IP that another one has: its last valid version stays in force.
pub(super) fn refuse_taken<'f>(
    chosen: &mut HashMap<&'f Key, Chosen<'f>>,
    valid: &'f HashMap<Key, Valid>,
    findings: &mut Vec<Finding>,
) {
    let has_it =
        |key: &Key, ips: &[IpAddr]| valid.get(key).is_some_and(|before| cluster_ips(&before.content) == ips);
    let mut claims: Vec<_> = chosen
        .iter()
        .map(|(key, claim)| {
            (!has_it(key, cluster_ips(claim.content)), &claim.origin.location, *key, claim.content)
        })
        .filter(|(.., content)| !cluster_ips(content).is_empty())
        .collect();
    claims.sort_by_key(|(is_new, location, key, _)| (*is_new, *location, *key));
    let mut holders: HashMap<IpAddr, &Key> = HashMap::new();
    let mut refused = Vec::new();
    for (_, _, key, content) in claims {
        let ips = cluster_ips(content);
        match ips.iter().find_map(|ip| Some((*ip, *holders.get(ip)?))) {
            Some((ip, holder)) => refused.push((key, ip, holder)),
            None => holders.extend(ips.iter().map(|ip| (*ip, key))),
        }
    }
    for (key, ip, holder) in refused {
        let Some(Chosen { origin, place, .. }) = chosen.remove(key) else { continue };
        let has_taken = |content| cluster_ips(content).iter().any(|ip| holders.contains_key(ip));
        let before = valid.get(key).filter(|before| !has_taken(&before.content));
        let end = match before {
            Some(before) => stays_in_force(before),
            None => last_valid::ignored(&last_valid::consequence("Service", &Value::Null)),
        };
        let at =
            chosen.get(holder).map_or_else(String::new, |holder| format!(" ({})", holder.origin.location));
        let message = format!(
            "spec.clusterIP: expected an address of its own, found {ip}, which is the one of {holder}{at}; remove it, or \
             write another one{end}"
        );
        let location = origin.locate("spec.clusterIP");
        findings.push(Finding {
            reason: Reason::InvalidObject,
            object: Some(key.to_string()),
            location,
            message,
        });
        if let Some(Valid { content, .. }) = before {
            holders.extend(cluster_ips(content).iter().map(|ip| (*ip, key)));
            chosen.insert(key, Chosen { content, origin, place });
        }
    }
}

/// The cluster IPs that a Service asks for.
fn cluster_ips(content: &Content) -> &[IpAddr] {
    match content {
        Content::Service(Object::Service(service), ..) => &service.cluster_ips,
        _ => &[],
    }
}
