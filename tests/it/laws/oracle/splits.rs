//! What a split means.

use switchyard::{
    model::{Name, NsName, Service, ServiceKind, TrafficSplit},
    weight::Milli,
};

use super::Oracle;
use crate::laws::alphabet::DOMAIN;

/// A backend of the split in force, each named once, and its weight.
pub(crate) type Part = (NsName, u128);

impl<'a> Oracle<'a> {
    /// The backends of the split that divides a service's port.
    pub(crate) fn parts(self, apex: &Service, port: u16) -> Option<Vec<Part>> {
        let is_marked = apex.multi_cluster_marker.is_some();
        if apex.kind != ServiceKind::ClusterIp || is_marked || !has_port(apex, port) {
            return None;
        }
        let of_apex = self.splits().filter(|split| refers(&split.apex, split).as_ref() == Some(&apex.name));
        let split = of_apex
            .filter(|split| !split.has_matches)
            .min_by_key(|split| (split.created.is_none(), split.created, split.name.clone()))?;
        let mut parts: Vec<Part> = Vec::new();
        for backend in &split.backends {
            let Some(name) = refers(&backend.service, split) else { continue };
            let weight = u128::from(backend.weight.get());
            match parts.iter_mut().find(|(known, _)| *known == name) {
                // A weight ends where Kubernetes' own numbers do.
                Some((_, sum)) => *sum = (*sum + weight).min(Milli::MAX.get().into()),
                None => parts.push((name, weight)),
            }
        }
        Some(parts)
    }

    /// Whether a port number leads nowhere, because the Service does not define it and has a cluster IP; or because it
    /// gets requests for it from a split only, all of whose backends with a weight lack it.
    pub(super) fn is_unpublished(self, service: &Service, instance: Option<&Name>, port: u16) -> bool {
        let from_split = |apex: &Service| {
            let parts = self.parts(apex, port).unwrap_or_default();
            let weighted: Vec<_> = parts.iter().filter(|(_, weight)| *weight > 0).collect();
            let lacks = |name| self.backend(name).is_some_and(|service| !has_port(service, port));
            !weighted.is_empty()
                && weighted.into_iter().all(|(name, _)| lacks(name))
                && parts.iter().any(|(name, _)| *name == service.name)
        };
        let leads_nowhere = match service.kind {
            ServiceKind::ClusterIp => true,
            ServiceKind::Headless => instance.is_none() && self.services().any(from_split),
            ServiceKind::ExternalName(_) => false,
        };
        leads_nowhere && !has_port(service, port)
    }

    /// The Service behind a backend, if it can have endpoints.
    pub(super) fn backend(self, name: &NsName) -> Option<&'a Service> {
        let alias = |service: &Service| matches!(service.kind, ServiceKind::ExternalName(_));
        self.service(name).filter(|service| !alias(service) && service.multi_cluster_marker.is_none())
    }

    /// Whether a backend has anybody, somewhere, who serves this port.
    pub(super) fn is_ready(self, backend: &NsName, port: u16) -> bool {
        let service = self.backend(backend).filter(|service| has_port(service, port));
        service.is_some_and(|service| !self.given_out(service, port).is_empty())
    }
}

pub(super) fn has_port(service: &Service, port: u16) -> bool {
    service.ports.iter().any(|p| p.port == port)
}

/// Whom a split means by a text.
fn refers(text: &str, split: &TrafficSplit) -> Option<NsName> {
    let text = text.to_lowercase();
    let (name, ns) = (text.split('.').next()?, &split.name.namespace);
    let spellings = [
        name.to_owned(),
        format!("{name}.{ns}"),
        format!("{name}.{ns}.svc"),
        format!("{name}.{ns}.svc.{DOMAIN}"),
    ];
    let named = spellings.iter().any(|spelling| text == *spelling || text == format!("{spelling}."));
    (named && !name.contains(' ')).then(|| NsName::new(ns.clone(), name))
}

/// `max(1, round_half_up(10^9 * part / whole))`.
pub(super) fn share(part: u128, whole: u128) -> u32 {
    let (quotient, rest) = (1_000_000_000 * part / whole, 1_000_000_000 * part % whole);
    let rounded = if rest >= whole - rest { quotient + 1 } else { quotient };
    u32::try_from(rounded).expect("a part is at most the whole").max(1)
}

/// Ten times the thousandths, or parts of a billion where their sum would not fit.
pub(super) fn tenfold(weights: &[u128]) -> Vec<u32> {
    let sum: u128 = weights.iter().sum();
    let one = |weight: &u128| match *weight {
        0 => 0,
        weight if sum * 10 <= u32::MAX.into() => weight * 10,
        weight => (1_000_000_000 * weight / sum).max(1),
    };
    weights.iter().map(|weight| u32::try_from(one(weight)).expect("it fits")).collect()
}
