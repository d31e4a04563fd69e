//! Splits that proxies do not follow, because a ServiceProfile of the apex has `dstOverrides` of its own.

use super::super::{Look, profile::custom_overrides};
use crate::{
    cluster::{Cluster, Fact},
    model::{Name, NsName, Service, ServiceProfile},
    share,
};

/// Namespaces and overrides that a message names; further ones are counted.
const MAX_LISTED: usize = 5;

impl<'a> Look<'a> {
    /// Why proxies do not follow the split of this apex, or some of them do not; `None` if all do.
    pub(super) fn overridden(&mut self, apex: &Service) -> Option<String> {
        let name = Name::from(self.cluster.fqdn(&apex.name));
        self.reads.insert(Fact::ProfilesNamed(name.clone()));
        let (mut own, mut clients) = (None, Vec::new());
        for namespace in self.cluster.namespaces_of_profile(&name) {
            let id = NsName { namespace: namespace.clone(), name: name.clone() };
            let profile = self.cluster.profile(&id).filter(|profile| !profile.dst_overrides.is_empty());
            match profile {
                None => {}
                Some(profile) if *namespace == apex.name.namespace => own = Some(profile),
                Some(profile) => clients.push(profile),
            }
        }
        let instead = |profile: &ServiceProfile| {
            let port = apex.ports.first().map_or(80, |port| port.port);
            received(profile, port)
        };
        let namespaces = || {
            let named = clients.iter().take(MAX_LISTED).map(|profile| profile.name.namespace.to_string());
            let more = clients.len().saturating_sub(MAX_LISTED);
            let more = (more > 0).then(|| format!("{more} more"));
            named.chain(more).collect::<Vec<_>>().join(", ")
        };
        match (own, clients.first()) {
            (None, None) => None,
            (Some(own), first) => {
                let of_clients = first.map_or_else(String::new, |first| {
                    format!(", those of clients of namespace {} send {}", namespaces(), instead(first))
                });
                Some(format!(
                    "dstOverrides of ServiceProfile {} come before the split: proxies send {} and do not follow the \
                     split{of_clients}; remove the dstOverrides, or the split",
                    own.name,
                    instead(own)
                ))
            }
            (None, Some(first)) => Some(format!(
                "dstOverrides of ServiceProfile {name} in namespace {} come before the split for clients of that \
                 namespace: their proxies send {} and do not follow the split; remove the dstOverrides, or the split",
                namespaces(),
                instead(first)
            )),
        }
    }
}

/// Returns what proxies send instead of following a split of `apex:port` because of `dstOverrides` of ServiceProfiles, as
/// sentences without a full stop: those of all namespaces first, for example `proxies send 100.00 % to
/// web-a.default.svc.cluster.local:80 (dstOverrides of ServiceProfile default/...)`, then those of namespaces that have a
/// profile of their own. Nothing if all follow the split.
#[must_use]
pub fn sent_instead(cluster: &Cluster, apex: &NsName, port: u16) -> Vec<String> {
    let name = Name::from(cluster.fqdn(apex));
    let own = overriding(cluster, apex);
    let sent = |profile: &ServiceProfile| {
        format!("send {} (dstOverrides of ServiceProfile {})", received(profile, port), profile.name)
    };
    let namespaces = cluster.namespaces_of_profile(&name).filter(|namespace| **namespace != apex.namespace);
    let mut of_clients = namespaces.filter_map(|namespace| {
        let profile = cluster.profile(&NsName { namespace: namespace.clone(), name: name.clone() })?;
        if !profile.dst_overrides.is_empty() {
            Some(format!("proxies in namespace {namespace} {}", sent(profile)))
        } else {
            own.map(|_| {
                format!("proxies in namespace {namespace} follow the split (ServiceProfile {})", profile.name)
            })
        }
    });
    let mut sentences: Vec<_> = own.map(|own| format!("proxies {}", sent(own))).into_iter().collect();
    sentences.extend(of_clients.by_ref().take(MAX_LISTED));
    let more = of_clients.count();
    sentences.extend(
        (more > 0).then(|| format!("those in {more} more namespaces have a ServiceProfile of their own")),
    );
    sentences
}

/// Returns the ServiceProfile of a Service's own namespace, if it has `dstOverrides`.
#[must_use]
pub fn overriding<'a>(cluster: &'a Cluster, service: &NsName) -> Option<&'a ServiceProfile> {
    let name = NsName::new(service.namespace.clone(), cluster.fqdn(service));
    cluster.profile(&name).map(|profile| &**profile).filter(|profile| !profile.dst_overrides.is_empty())
}

/// Returns the shares that a proxy sends by the overrides of a profile: `100.00 % to web-a.default.svc.cluster.local:80`.
fn received(profile: &ServiceProfile, port: u16) -> String {
    let overrides = custom_overrides(profile, port);
    let total = overrides.iter().map(|dst| u64::from(dst.weight)).sum();
    let mut parts: Vec<_> = overrides
        .iter()
        .filter(|dst| dst.weight > 0)
        .take(MAX_LISTED)
        .map(|dst| format!("{} to {}", share::percent(dst.weight.into(), total), dst.authority))
        .collect();
    match overrides.iter().filter(|dst| dst.weight > 0).count() {
        0 => "everything to the Service itself".to_owned(),
        all => {
            let more = all.saturating_sub(MAX_LISTED);
            parts.extend((more > 0).then(|| format!("the rest to {more} more")));
            parts.join(", ")
        }
    }
}
