//! The answer of `GetProfile`: a service's routes and where its traffic is to go.
//!
//! Who decides where it goes: the ServiceProfile's own `dstOverrides`, else the split, else (by flag) the
//! service itself. The last is not idle: a proxy without a policy controller balances nothing without an
//! override, and one that has overrides follows later splits on busy connections.

use std::{collections::BTreeSet, net::IpAddr};

use super::{Look, Profile, Sight, split::Split};
use crate::{
    cluster::Fact,
    model::{Name, NsName, Service, ServiceKind, ServiceProfile},
    pb::destination as pb,
    share,
    weight::Milli,
    wire,
};

/// Linkerd's budget for a service that has no profile of its own: a fifth of the requests again, ten a
/// second at least, counted over ten seconds.
pub(super) fn default_retry_budget() -> pb::RetryBudget {
    let ttl = Some(prost_types::Duration { seconds: 10, nanos: 0 });
    pb::RetryBudget { retry_ratio: 0.2, min_retries_per_second: 10, ttl }
}

/// Who says where the traffic to a service goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OverridesFrom {
    /// Its ServiceProfile.
    ServiceProfile,
    /// Its split.
    Split,
    /// Its split, of which only backends without the port have any weight; they are listed nevertheless.
    SplitWithoutPort,
    /// Its split, in which nothing has any weight: the service itself.
    UnweightedSplit,
    /// The operator, who wants each service to be named as its own.
    Apex,
    /// Nobody.
    Nobody,
}

/// Where the traffic to a service goes.
pub(super) struct Overrides {
    pub(super) listed: Vec<pb::WeightedDst>,
    pub(super) from: OverridesFrom,
    /// As in [`Profile`].
    pub(super) ready: BTreeSet<NsName>,
    /// As in [`Profile`].
    pub(super) empty: BTreeSet<NsName>,
}

impl Overrides {
    fn of(from: OverridesFrom, listed: Vec<pb::WeightedDst>) -> Self {
        Self { listed, from, ready: BTreeSet::new(), empty: BTreeSet::new() }
    }
}

pub(super) fn profile(message: &pb::DestinationProfile) -> Profile {
    Profile { message: wire::profile(message), ready: BTreeSet::new(), empty: BTreeSet::new() }
}

/// What is said of a service that does not exist, or not on that port. It is not an error: a real proxy
/// hangs its connections on one.
pub(super) fn unknown() -> Profile {
    profile(&pb::DestinationProfile::default())
}

impl<'a> Look<'a> {
    /// The profile of a service.
    pub(super) fn service_profile(&mut self, name: &NsName, port: u16) -> Profile {
        let Some(service) = self.service(name) else { return unknown() };
        if let ServiceKind::ExternalName(_) = service.kind {
            self.own_endpoints_problem(service);
            return unknown();
        }
        if service.port(port).is_none() {
            return unknown();
        }
        let fqdn = self.cluster.fqdn(name);
        let custom = self.profile_object(name, &fqdn);
        let Overrides { listed, ready, empty, .. } = self.overrides(service, custom, port);
        let message = pb::DestinationProfile {
            fully_qualified_name: fqdn,
            routes: custom.map(|custom| custom.routes.clone()).unwrap_or_default(),
            retry_budget: custom
                .and_then(|custom| custom.retry_budget)
                .or_else(|| Some(default_retry_budget())),
            dst_overrides: listed,
            opaque_protocol: self.is_opaque(service, port),
            parent_ref: Some(wire::resource("core", "Service", name, port)),
            profile_ref: custom.map(|custom| wire::resource("linkerd.io", "ServiceProfile", &custom.name, 0)),
            ..Default::default()
        };
        Profile { message: wire::profile(&message), ready, empty }
    }

    /// Whether connections to a service's port are not to be looked into.
    pub(super) fn is_opaque(&self, service: &Service, port: u16) -> bool {
        service.opaque_ports.as_ref().unwrap_or(&self.options.mesh.opaque_ports).contains(port)
    }

    /// Where the traffic to a service's port is to go.
    pub(super) fn overrides(
        &mut self,
        service: &Service,
        custom: Option<&ServiceProfile>,
        port: u16,
    ) -> Overrides {
        if let Some(custom) = custom.filter(|custom| !custom.dst_overrides.is_empty()) {
            return Overrides::of(OverridesFrom::ServiceProfile, custom_overrides(custom, port));
        }
        let itself = vec![self.self_override(&service.name, port)];
        match self.split_of(service, port) {
            Some(split) if split.total > 0 => self.split_overrides(&split, port),
            Some(_) => Overrides::of(OverridesFrom::UnweightedSplit, itself),
            None if self.options.apex_override => Overrides::of(OverridesFrom::Apex, itself),
            None => Overrides::of(OverridesFrom::Nobody, Vec::new()),
        }
    }

    /// The ServiceProfile that holds for this client: that of its own namespace, else of the service's.
    pub(super) fn profile_object(&mut self, service: &NsName, fqdn: &str) -> Option<&'a ServiceProfile> {
        let name = Name::from(fqdn);
        self.reads.insert(Fact::ProfilesNamed(name.clone()));
        if self.cluster.namespaces_of_profile(&name).any(|namespace| *namespace != service.namespace) {
            self.saw(Sight::Namespace);
        }
        let in_namespace = |namespace: &Name| {
            self.cluster.profile(&NsName { namespace: namespace.clone(), name: name.clone() })
        };
        let of_client = self.client.namespace.as_ref().and_then(in_namespace);
        of_client.or_else(|| in_namespace(&service.namespace)).map(|profile| &**profile)
    }

    fn self_override(&self, name: &NsName, port: u16) -> pb::WeightedDst {
        self.override_to(name, port, share::UNSPLIT)
    }

    fn override_to(&self, name: &NsName, port: u16, weight: u32) -> pb::WeightedDst {
        pb::WeightedDst {
            authority: format!("{}:{port}", self.cluster.fqdn(name)),
            weight,
            backend_ref: None,
        }
    }

    /// One override for each backend that has the port, in the order of the split. One without ready
    /// endpoints gets weight 0, because requests that a proxy sends there wait and fail. If that would leave
    /// nobody the declared weights are said: a proxy that is given zeros only goes to the apex, that is to
    /// versions nobody chose. Also says which backends with a weight
    /// are ready and which are empty.
    fn split_overrides(&mut self, split: &Split<'a>, port: u16) -> Overrides {
        // If only backends without the port have any weight, naming them fails their requests, as the merged answer
        // does: `Get` of each has no endpoints on that port.
        let lacks_port = split.lacks(port);
        let listed: Vec<_> =
            split.backends.iter().filter(|backend| lacks_port || !backend.lacks(port)).collect();
        let from = if lacks_port { OverridesFrom::SplitWithoutPort } else { OverridesFrom::Split };
        // Scaled before the empty ones are set to 0, so that one emptying never changes another's weight.
        let weights =
            share::override_weights(&listed.iter().map(|backend| backend.weight).collect::<Vec<_>>());
        let (mut ready, mut empty) = (BTreeSet::new(), BTreeSet::new());
        for backend in listed.iter().filter(|backend| backend.weight > Milli::ZERO) {
            let is_ready = backend.serves(port).is_some_and(|service| self.has_endpoints(service, port));
            if is_ready { &mut ready } else { &mut empty }.insert(backend.name.clone());
        }
        let overrides = listed.iter().zip(weights).map(|(backend, weight)| {
            let is_drained = !ready.is_empty() && empty.contains(&backend.name);
            let weight = if is_drained { 0 } else { weight };
            self.override_to(&backend.name, port, weight)
        });
        Overrides { listed: overrides.collect(), from, ready, empty }
    }
}

/// The overrides a user wrote in a ServiceProfile: as they are, with the port added where there is none. One that ends in
/// something else than a port (`web:http`) is passed on unchanged, as Linkerd does.
pub(super) fn custom_overrides(custom: &ServiceProfile, port: u16) -> Vec<pb::WeightedDst> {
    let weights: Vec<_> = custom.dst_overrides.iter().map(|dst| dst.weight).collect();
    let overrides = custom.dst_overrides.iter().zip(share::override_weights(&weights));
    let with_port = |authority: &str| match authority.parse::<IpAddr>() {
        Ok(IpAddr::V6(ip)) => format!("[{ip}]:{port}"),
        _ if has_port(authority) => authority.to_owned(),
        _ => format!("{authority}:{port}"),
    };
    overrides
        .map(|(dst, weight)| pb::WeightedDst {
            authority: with_port(&dst.authority),
            weight,
            backend_ref: None,
        })
        .collect()
}

fn has_port(authority: &str) -> bool {
    let host = authority.rsplit_once(']').map_or(authority, |(_, rest)| rest);
    host.contains(':')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::ProfileOverride, weight::Milli};

    #[test]
    fn override_gets_a_port_only_if_nothing_stands_in_its_place() {
        for (written, sent) in [
            ("web.ns.svc.cluster.local", "web.ns.svc.cluster.local:80"),
            ("web.ns.svc.cluster.local:9080", "web.ns.svc.cluster.local:9080"),
            ("web.ns.svc.cluster.local:http", "web.ns.svc.cluster.local:http"),
            ("web:", "web:"),
            ("192.0.2.1", "192.0.2.1:80"),
            ("fd00::1", "[fd00::1]:80"),
            ("[fd00::1]", "[fd00::1]:80"),
            ("[fd00::1]:9080", "[fd00::1]:9080"),
        ] {
            let dst = ProfileOverride { authority: written.into(), weight: Milli::ZERO, index: 0 };
            let profile = ServiceProfile {
                name: NsName::new("ns", "web.ns.svc.cluster.local"),
                routes: Vec::new(),
                retry_budget: None,
                dst_overrides: vec![dst],
                problems: Vec::new(),
            };
            assert_eq!(custom_overrides(&profile, 80)[0].authority, sent, "{written}");
        }
    }
}
