//! What of the cluster an explanation reads, so that it can be made where nobody waits for it.

use std::{collections::BTreeSet, sync::Arc};

use super::{LISTED, Question};
use crate::{
    authority::Host,
    cluster::{Cluster, Fact},
    model::{Name, NsName, Service, ServiceKind, TargetRef},
    resolve::{
        Options,
        inspect::inspect_profile,
        no_endpoints,
        split::{apexes_of_backend, named_backends, winner},
    },
};

impl Question {
    /// The part of the cluster that [`explain`](super::explain) reads for this question: from it comes the same
    /// explanation. It costs little, but for a host name, which is looked for in all slices of its service.
    #[must_use]
    pub fn excerpt(&self, cluster: &Cluster, options: &Options) -> Cluster {
        let mut facts = self.facts(cluster);
        let services: Vec<_> = facts
            .iter()
            .filter_map(|fact| if let Fact::Service(name) = fact { Some(name.clone()) } else { None })
            .collect();
        facts.extend(
            services.iter().flat_map(|name| no_endpoints::facts(cluster, options, name, self.authority.port)),
        );
        cluster.excerpt(&facts)
    }

    fn facts(&self, cluster: &Cluster) -> BTreeSet<Fact> {
        let mut facts = BTreeSet::new();
        facts.extend(self.context.node.clone().map(Fact::Node));
        let spot = self.spot.map(|spot| spot.ip);
        let asked = match &self.authority.host {
            Host::Ip(ip) => Some(*ip),
            Host::Service(_) | Host::Instance(..) => None,
        };
        for ip in spot.into_iter().chain(asked).map(|ip| ip.to_canonical()) {
            facts.extend([Fact::ClusterIp(ip), Fact::Address(ip)]);
        }
        match &self.authority.host {
            Host::Service(name) => {
                about_service(cluster, name, &mut facts);
                about_splits_with(cluster, name, self.authority.port, &mut facts);
            }
            Host::Instance(instance, name) => {
                about_service(cluster, name, &mut facts);
                about_instance(cluster, name, instance, &mut facts);
            }
            Host::Ip(ip) => {
                for name in cluster.services_of_ip(ip.to_canonical()) {
                    about_service(cluster, name, &mut facts);
                }
            }
        }
        facts
    }
}

fn about_service(cluster: &Cluster, apex: &NsName, facts: &mut BTreeSet<Fact>) {
    let profile = Name::from(cluster.fqdn(apex));
    for namespace in cluster.namespaces_of_profile(&profile).take(LISTED) {
        let name = NsName { namespace: namespace.clone(), name: profile.clone() };
        facts.extend(inspect_profile(cluster, &name).reads);
    }
    facts.extend([
        Fact::SplitsOf(apex.clone()),
        Fact::SplitsWith(apex.clone()),
        Fact::ProfilesNamed(profile),
    ]);
    let split = winner(cluster, apex);
    let backends = split.into_iter().flat_map(|split| named_backends(cluster, split)).map(|(name, _)| name);
    for name in backends.chain([apex.clone()]) {
        facts.extend([Fact::Service(name.clone()), Fact::Endpoints(name)]);
    }
}

/// The splits that may list a Service in spite of a port that it lacks. It matters for headless Services only.
fn about_splits_with(cluster: &Cluster, service: &NsName, port: u16, facts: &mut BTreeSet<Fact>) {
    let lacks =
        |service: &&Arc<Service>| service.kind == ServiceKind::Headless && service.port(port).is_none();
    if cluster.service(service).filter(lacks).is_none() {
        return;
    }
    for apex in apexes_of_backend(cluster, service) {
        let backends = winner(cluster, &apex).into_iter().flat_map(|split| named_backends(cluster, split));
        facts.extend(backends.map(|(name, _)| Fact::Service(name)));
        facts.extend([Fact::SplitsOf(apex.clone()), Fact::Service(apex)]);
    }
}

/// What is behind the endpoint with a host name.
fn about_instance(cluster: &Cluster, service: &NsName, instance: &Name, facts: &mut BTreeSet<Fact>) {
    let mut endpoints = cluster.slices_of(service).flat_map(|slice| slice.endpoints());
    let named = endpoints.find(|stored| stored.endpoint.hostname.as_ref() == Some(instance));
    match named.map(|stored| &stored.endpoint.target) {
        Some(TargetRef::Pod(name)) => _ = facts.insert(Fact::Pod(name.clone())),
        Some(TargetRef::Workload(name)) => {
            let workload = cluster.workload(name).map(|(workload, _)| workload);
            facts.extend(workload.iter().flat_map(|workload| &workload.ips).copied().map(Fact::Address));
        }
        Some(TargetRef::None | TargetRef::Other(_)) | None => {}
    }
}
