//! Workloads outside the cluster: what Linkerd's own controller needs of them to make endpoints.

use std::{net::IpAddr, sync::Arc};

use super::{
    families::Family,
    workloads::{Condition, ready_condition},
};
use crate::{
    model::{ExternalWorkload, Name},
    source::convert::{Rejection, ZONE_LABEL, read::At},
};

/// An ExternalWorkload that is in the manifests.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outside {
    /// The object.
    pub(super) workload: Arc<ExternalWorkload>,
    /// Whether nothing says that it is not ready: as with a Pod, silence means that it is about to be.
    pub(super) ready: bool,
}

impl Outside {
    /// Adds to an ExternalWorkload what resolving does not need.
    pub(super) fn read(workload: Arc<ExternalWorkload>, root: &At<'_, '_>) -> Result<Self, Rejection> {
        let ready = ready_condition(&root.get("status")?)? != Some(Condition::False);
        Ok(Self { workload, ready })
    }

    /// The address of its endpoint in a family. If no family is named, IPv4 comes first.
    pub(super) fn address(&self, family: Option<Family>) -> Option<IpAddr> {
        let ips = &self.workload.ips;
        let of = |family| ips.iter().find(|ip| Family::of(ip) == family);
        family.map_or_else(|| of(Family::V4).or(ips.first()), of).copied()
    }

    /// The number of its port with that name.
    pub(super) fn port(&self, name: &str) -> Option<u16> {
        self.workload.ports.iter().find(|(n, _)| **n == *name).map(|(_, number)| *number)
    }

    /// Its zone, which no Node says.
    pub(super) fn zone(&self) -> Option<Name> {
        self.workload.labels.get(ZONE_LABEL).filter(|zone| !zone.is_empty()).map(Name::from)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        model::{Kind, Object},
        source::convert::convert,
    };

    #[test]
    fn an_external_workload_is_ready_unless_it_says_otherwise() {
        for (conditions, ready) in [
            (json!(null), true),
            (json!([{ "type": "Ready", "status": "True" }]), true),
            (json!([{ "type": "Ready", "status": "Unknown" }]), true),
            (json!([{ "type": "Other", "status": "False" }]), true),
            (json!([{ "type": "Ready", "status": "False" }]), false),
        ] {
            let value = json!({
                "metadata": { "name": "vm" },
                "spec": {
                    "meshTLS": { "identity": "spiffe://a/b", "serverName": "b.a" },
                    "workloadIPs": [{ "ip": "fd00::1" }, { "ip": "192.0.2.1" }],
                },
                "status": { "conditions": conditions },
            });
            let Ok(Object::ExternalWorkload(workload)) = convert(Kind::ExternalWorkload, &value) else {
                panic!("{value}");
            };
            let read = Outside::read(workload, &At::root(&value)).expect("good conditions");
            assert_eq!(read.address(Some(Family::V6)), "fd00::1".parse().ok());
            assert_eq!((read.ready, read.address(None)), (ready, "192.0.2.1".parse().ok()), "{conditions}");
        }
    }
}
