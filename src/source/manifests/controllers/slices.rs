//! Pods behind a Service -> EndpointSlices.
//!
//! Which slice an endpoint is in follows from its Pod's name: the names' hashes are divided in two, and in
//! two again, until every part is small enough for a slice. So a Pod that comes or goes touches the slice it
//! is in and no other, or divides or unites one, and the outcome depends on nothing that was before.

use std::collections::{BTreeMap, HashMap};

use super::{placement::Zones, pods::Group};
use crate::{
    model::{Endpoint, EndpointPort, EndpointSlice, Name, NsName, Subset, TargetRef},
    source::manifests::{
        families::Family,
        hash::{hash, letters},
        outside::Outside,
        services::Selecting,
    },
};

/// As many endpoints as the controller of a cluster puts in a slice.
pub(super) const MAX_ENDPOINTS: usize = 100;

/// Groups of Pods by their labels, so that a Service need not look at all of them.
pub(super) struct Index<'g> {
    by_label: HashMap<(&'g Name, &'g str, &'g str), Vec<&'g Group>>,
}

impl<'g> Index<'g> {
    pub(super) fn new(groups: &'g [Group]) -> Self {
        let mut by_label: HashMap<_, Vec<_>> = HashMap::new();
        for group in groups {
            for (key, value) in group.shape.all_labels() {
                by_label.entry((&group.namespace, key, value)).or_default().push(group);
            }
        }
        Self { by_label }
    }

    /// The groups that a Service selects.
    pub(super) fn selected(&self, service: &NsName, selecting: &Selecting) -> Vec<&'g Group> {
        let with_label = |(key, value)| self.by_label.get(&(&service.namespace, key, value));
        let labels = selecting.selector.iter().map(|(key, value)| (&**key, &**value));
        let fewest =
            labels.map(|label| with_label(label).map_or(&[][..], Vec::as_slice)).min_by_key(|g| g.len());
        let candidates = fewest.unwrap_or_default().iter().copied();
        candidates.filter(|group| selecting.selects(|key| group.shape.label(key))).collect()
    }
}

/// Endpoints by the numbers of the Service's ports on them, for they share a slice only if every port leads
/// to the same number. Each with the hash of a name.
type ByPorts = BTreeMap<Vec<Option<u16>>, Vec<(u64, Endpoint)>>;

/// The slices of a Service over these Pods, with their addresses of a family. If no family is named, each Pod is
/// reached at its first address.
pub(super) fn slices(
    service: &NsName,
    selecting: &Selecting,
    family: Option<Family>,
    groups: &[&Group],
    zones: &Zones,
) -> Vec<EndpointSlice> {
    let mut by_ports = ByPorts::new();
    for group in groups {
        if let Some(numbers) = numbers(selecting, |name| group.shape.port(name)) {
            let endpoints = endpoints(service, selecting, family, group, zones);
            by_ports.entry(numbers).or_default().extend(endpoints);
        }
    }
    in_slices(service, selecting, family, by_ports, "")
}

/// The slices of a Service over what it selects outside the cluster: Linkerd keeps them apart and calls them
/// so.
pub(super) fn slices_outside<'o>(
    service: &NsName,
    selecting: &Selecting,
    family: Option<Family>,
    outside: impl Iterator<Item = &'o Outside>,
) -> Vec<EndpointSlice> {
    let mut by_ports = ByPorts::new();
    for outside in outside {
        let workload = &outside.workload;
        let is_selected =
            workload.name.namespace == service.namespace && selecting.selects(|key| workload.labels.get(key));
        let numbers = numbers(selecting, |name| outside.port(name));
        if let (true, Some(address), Some(numbers)) = (is_selected, outside.address(family), numbers) {
            let endpoint = Endpoint {
                address,
                ready: outside.ready || selecting.publish_not_ready,
                hostname: None,
                node: None,
                zone: outside.zone(),
                hint_zones: Vec::new(),
                target: TargetRef::Workload(workload.name.clone()),
            };
            by_ports.entry(numbers).or_default().push((hash(workload.name.name.as_str()), endpoint));
        }
    }
    in_slices(service, selecting, family, by_ports, "linkerd-external-")
}

/// The number of each port of the Service on what has these ports by name; `None` if it has none of them.
fn numbers(selecting: &Selecting, port: impl Fn(&str) -> Option<u16>) -> Option<Vec<Option<u16>>> {
    let numbers = selecting.numbers(port);
    (numbers.is_empty() || numbers.iter().any(Option::is_some)).then_some(numbers)
}

/// Slices with these endpoints, whose names begin with `prefix`.
fn in_slices(
    service: &NsName,
    selecting: &Selecting,
    family: Option<Family>,
    by_ports: ByPorts,
    prefix: &str,
) -> Vec<EndpointSlice> {
    let mut slices = Vec::new();
    let family = if family == Some(Family::V6) { " IPv6" } else { "" };
    for (numbers, mut endpoints) in by_ports {
        let named = selecting.ports.iter().zip(&numbers);
        let ports: Vec<_> = named
            .filter_map(|((name, _), number)| number.map(|port| EndpointPort { name: name.clone(), port }))
            .collect();
        endpoints.sort_by_key(|(hash, endpoint)| (*hash, endpoint.address));
        for (place, part) in divide(&endpoints) {
            let mut endpoints: Vec<_> = part.iter().map(|(_, endpoint)| endpoint.clone()).collect();
            endpoints.sort_by_key(|endpoint| endpoint.address);
            let suffix = letters(hash(&format!("{service} {numbers:?} {place}{family}")), 8);
            slices.push(EndpointSlice {
                name: NsName::new(service.namespace.clone(), format!("{prefix}{}-{suffix}", service.name)),
                service: Some(service.name.clone()),
                mirror: None,
                subsets: vec![Subset { ports: Some(ports.clone()), endpoints }],
            });
        }
    }
    slices
}

/// The endpoints that a group of Pods makes, each with the hash of its Pod's name.
fn endpoints(
    service: &NsName,
    selecting: &Selecting,
    family: Option<Family>,
    group: &Group,
    zones: &Zones,
) -> impl Iterator<Item = (u64, Endpoint)> {
    let in_subdomain = group.shape.subdomain.as_ref() == Some(&service.name);
    let hostname = if in_subdomain { group.shape.hostname.clone() } else { None };
    group.pods.iter().filter_map(move |pod| {
        let (address, ready) = pod.address(family)?;
        let ready = ready || selecting.publish_not_ready;
        let zone = pod.node.as_ref().and_then(|node| zones.get(node)).cloned();
        let hinted = zone.clone().filter(|_| selecting.prefers_zone && ready);
        let endpoint = Endpoint {
            address,
            ready,
            hostname: hostname.clone(),
            node: pod.node.clone(),
            zone,
            hint_zones: hinted.into_iter().collect(),
            target: TargetRef::Pod(pod.name.clone()),
        };
        Some((hash(pod.name.name.as_str()), endpoint))
    })
}

/// Divides what is sorted by hash into parts of at most [`MAX_ENDPOINTS`], each with a name for its place:
/// the bits that all hashes in it begin with.
fn divide<T>(sorted: &[(u64, T)]) -> Vec<(String, &[(u64, T)])> {
    let mut parts = Vec::new();
    let mut open = vec![(sorted, String::new())];
    while let Some((part, place)) = open.pop() {
        let depth = u32::try_from(place.len()).expect("64 at most");
        if part.len() <= MAX_ENDPOINTS || depth == u64::BITS {
            if !part.is_empty() {
                parts.push((place, part));
            }
            continue;
        }
        let bit = 1 << (u64::BITS - 1 - depth);
        let (zeros, ones) = part.split_at(part.partition_point(|(hash, _)| hash & bit == 0));
        open.push((ones, place.clone() + "1"));
        open.push((zeros, place + "0"));
    }
    parts
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn parts(names: impl IntoIterator<Item = u32>) -> BTreeMap<String, Vec<u32>> {
        let mut sorted: Vec<_> = names.into_iter().map(|n| (hash(&format!("pod-{n}")), n)).collect();
        sorted.sort_unstable();
        let part = |(place, part): (String, &[(u64, u32)])| (place, part.iter().map(|(_, n)| *n).collect());
        divide(&sorted).into_iter().map(part).collect()
    }

    #[test]
    fn few_endpoints_share_one_slice() {
        assert_eq!(parts(0..0).len(), 0);
        assert_eq!(parts(0..100).keys().collect::<Vec<_>>(), [""]);
        assert_eq!(parts(0..101).keys().collect::<Vec<_>>(), ["0", "1"]);
    }

    #[test]
    fn endpoints_that_cannot_be_told_apart_share_a_slice() {
        let same = vec![(7_u64, ()); 300];
        assert_eq!(divide(&same).len(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn one_more_touches_one_slice_or_divides_one(count in 0_u32..1500) {
            let (before, after) = (parts(0..count), parts(0..=count));
            let all: Vec<u32> = after.values().flatten().copied().collect();
            prop_assert_eq!(all.len(), count as usize + 1);
            prop_assert!(after.values().all(|part| part.len() <= MAX_ENDPOINTS));
            let gone = before.keys().filter(|place| !after.contains_key(*place)).count();
            let changed = after.iter().filter(|(place, part)| before.get(*place) != Some(*part)).count();
            prop_assert!(gone <= 1 && changed <= 3, "{} gone, {} changed", gone, changed);
        }
    }
}
