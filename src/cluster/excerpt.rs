//! A part of the cluster that somebody can take away and read at leisure.

use std::collections::BTreeSet;

use super::{Cluster, Fact};
use crate::model::{NsName, TargetRef};

impl Cluster {
    /// The cluster cut down to these facts: whoever reads no others sees no difference, but for counts. Everything is
    /// shared with this one, so that it costs a pointer for each object, and one for each slice of 100 endpoints.
    #[must_use]
    pub fn excerpt(&self, facts: &BTreeSet<Fact>) -> Self {
        let mut part = Self::new(self.domain.clone());
        part.folder.clone_from(&self.folder);
        if self.folder.is_some() {
            // One is enough for the same `knows_services`.
            part.services.extend(self.services.first_key_value().map(owned));
        }
        for fact in facts {
            match fact {
                Fact::Service(name) => {
                    part.services.extend(self.services.get_key_value(name).map(owned));
                }
                Fact::AnyService => {}
                Fact::ServiceNames(namespace) => {
                    let services = self.services_in(namespace);
                    part.services.extend(services.map(|service| (service.name.clone(), service.clone())));
                }
                Fact::SlicesIn(namespace) => {
                    part.slices.take_names_from(&self.slices, |id, _| id.name.namespace == *namespace);
                }
                Fact::SlicesFor(service) => {
                    let is_of = |_: &_, of: Option<&NsName>| of.is_some_and(|of| of.name == *service);
                    part.slices.take_names_from(&self.slices, is_of);
                }
                Fact::PodLabels(namespace) => part.population.take_labels_from(&self.population, namespace),
                Fact::PodLabel(_) => part.population.take_all_labels_from(&self.population),
                Fact::Endpoints(name) => {
                    part.slices.take_from(&self.slices, name);
                    // Who finds an endpoint by its host name looks at the workload that it refers to: a change of that is
                    // a change of the endpoint.
                    let endpoints = self.slices_of(name).flat_map(|slice| slice.endpoints());
                    for stored in endpoints {
                        if let TargetRef::Workload(name) = &stored.endpoint.target {
                            part.population.take_workload_from(&self.population, name);
                        }
                    }
                }
                Fact::SplitsOf(name) | Fact::SplitOrder(name) => {
                    part.splits_of_apex.extend(self.splits_of_apex.get_key_value(name).map(owned));
                    let splits = self.splits_of_apex(name).map(|split| (split.name.clone(), split.clone()));
                    part.splits.extend(splits);
                }
                Fact::SplitsWith(name) => {
                    part.splits_of_backend.extend(self.splits_of_backend.get_key_value(name).map(owned));
                    let splits =
                        self.splits_of_backend(name).map(|split| (split.name.clone(), split.clone()));
                    part.splits.extend(splits);
                }
                Fact::Server(name) => part.population.take_server_from(&self.population, name),
                Fact::ServersOn(namespace, port) => {
                    for server in self.servers_on(namespace, port) {
                        part.population.take_server_from(&self.population, &server.name);
                    }
                }
                Fact::Split(name) => part.splits.extend(self.splits.get_key_value(name).map(owned)),
                Fact::Profile(name) => part.profiles.extend(self.profiles.get_key_value(name).map(owned)),
                Fact::ProfilesNamed(name) => {
                    part.namespaces_of_profile
                        .extend(self.namespaces_of_profile.get_key_value(name).map(owned));
                    let named = self.namespaces_of_profile(name).filter_map(|namespace| {
                        let name = NsName { namespace: namespace.clone(), name: name.clone() };
                        Some((name.clone(), self.profiles.get(&name)?.clone()))
                    });
                    part.profiles.extend(named);
                }
                Fact::ClusterIp(ip) => {
                    part.services_of_ip.extend(self.services_of_ip.get_key_value(ip).map(owned));
                }
                Fact::Pod(name) => part.population.take_pod_from(&self.population, name),
                Fact::Address(ip) => part.population.take_address_from(&self.population, *ip),
                Fact::Node(name) => part.nodes.extend(self.nodes.get_key_value(name).map(owned)),
            }
        }
        part
    }
}

fn owned<K: Clone, V: Clone>((key, value): (&K, &V)) -> (K, V) {
    (key.clone(), value.clone())
}
