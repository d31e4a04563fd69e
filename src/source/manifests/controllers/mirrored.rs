//! Endpoints objects -> the EndpointSlices that a cluster's mirroring controller would write for them.

use std::collections::{BTreeMap, HashSet};

use super::{Objects, Wanted, id, insert_slice};
use crate::{
    model::{Endpoint, EndpointPort, EndpointSlice, Kind, NsName, Subset},
    source::{
        convert::{Rejection, read::At},
        manifests::hash::{hash, letters},
    },
};

/// Addresses of a slice, at most: the default of `--mirroring-max-endpoints-per-subset`.
const MAX_MIRRORED: usize = 1000;

/// Label of an Endpoints object that is not to be mirrored.
const SKIP_MIRROR: &str = "endpointslice.kubernetes.io/skip-mirror";

/// Annotation of an Endpoints object that is only the lock of a leader election.
const LEADER: &str = "control-plane.alpha.kubernetes.io/leader";

/// Annotation and label that the endpoints controller writes on its own Endpoints objects.
const TRIGGER_TIME: &str = "endpoints.kubernetes.io/last-change-trigger-time";
const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";

/// What a cluster does with an Endpoints object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source::manifests) enum Mirroring {
    /// It is mirrored for a Service without a selector, and overwritten for one with a selector.
    Mirrored,
    /// It is never mirrored.
    Skipped,
    /// The endpoints controller of a cluster wrote it: the folder is the dump of a cluster.
    Dumped,
}

impl Mirroring {
    /// Reads an Endpoints object.
    pub(in crate::source::manifests) fn read(root: &At<'_, '_>) -> Result<Self, Rejection> {
        let metadata = root.get("metadata")?;
        let (labels, annotations) = (metadata.get("labels")?, metadata.get("annotations")?);
        if labels.get(SKIP_MIRROR)?.text()? == Some("true") || !annotations.get(LEADER)?.is_absent() {
            return Ok(Self::Skipped);
        }
        let is_dumped = !annotations.get(TRIGGER_TIME)?.is_absent() || !labels.get(MANAGED_BY)?.is_absent();
        Ok(if is_dumped { Self::Dumped } else { Self::Mirrored })
    }
}

/// Puts EndpointSlices in the place of Endpoints objects. Returns a message for each object that is not used as it is
/// written.
pub(super) fn mirror(wanted: &Wanted<'_>, objects: &mut Objects) -> Vec<(NsName, String)> {
    let selecting: HashSet<&NsName> = wanted.services.iter().map(|(name, _)| *name).collect();
    let mut notes = Vec::new();
    for (endpoints, mirroring) in &wanted.endpoints {
        let name = &endpoints.name;
        if *mirroring == Mirroring::Dumped && selecting.contains(name) {
            continue;
        }
        objects.remove(&id(Kind::Endpoints, name));
        if *mirroring == Mirroring::Skipped || !objects.contains_key(&id(Kind::Service, name)) {
            continue;
        }
        if selecting.contains(name) {
            notes.push((
                name.clone(),
                format!(
                    "ignored, because Service {name} has a selector: a cluster overwrites the object with the Pods \
                     that the selector matches; remove the object, or the selector"
                ),
            ));
            continue;
        }
        let (slices, left_out) = slices(endpoints);
        slices.into_iter().for_each(|slice| insert_slice(objects, slice));
        if left_out > 0 {
            notes.push((
                name.clone(),
                format!(
                    "{left_out} addresses are left out: a cluster mirrors at most {MAX_MIRRORED} of a subset; write \
                     EndpointSlices"
                ),
            ));
        }
    }
    notes
}

/// The ports of a slice as text, and whether its addresses are of IPv6.
type Key = (String, bool);

/// The ports and the endpoints of a slice.
type Group<'e> = (&'e Option<Vec<EndpointPort>>, Vec<Endpoint>);

/// A slice for each set of ports and each address family, and how many addresses there is no room for.
fn slices(endpoints: &EndpointSlice) -> (Vec<EndpointSlice>, usize) {
    let mut groups: BTreeMap<Key, Group<'_>> = BTreeMap::new();
    let mut left_out = 0;
    let mut met = HashSet::new();
    for Subset { ports, endpoints } in &endpoints.subsets {
        let text = format!("{ports:?}");
        for endpoint in endpoints {
            let key = (text.clone(), endpoint.address.is_ipv6());
            if !met.insert((key.clone(), endpoint.address)) {
                continue;
            }
            let (_, group) = groups.entry(key).or_insert((ports, Vec::new()));
            if group.len() < MAX_MIRRORED { group.push(endpoint.clone()) } else { left_out += 1 }
        }
    }
    let slice = |((text, is_ipv6), (ports, group)): (Key, Group<'_>)| {
        let suffix = letters(hash(&format!("{} {text} {is_ipv6}", endpoints.name)), 5);
        let name = NsName::new(endpoints.name.namespace.clone(), format!("{}-{suffix}", endpoints.name.name));
        EndpointSlice {
            name,
            service: Some(endpoints.name.name.clone()),
            mirror: endpoints.mirror.clone(),
            subsets: vec![Subset { ports: ports.clone(), endpoints: group }],
        }
    };
    (groups.into_iter().map(slice).collect(), left_out)
}
