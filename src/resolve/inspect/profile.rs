//! ServiceProfiles that apply to no client, and overrides in them that proxies cannot use.
//!
//! What is wrong in the object itself is found where it is [read](crate::source::convert). Here it is compared with
//! the Services and the namespaces that there are.

use std::net::IpAddr;

use super::Inspection;
use crate::{
    authority::{Authority, Host},
    cluster::{Cluster, Fact},
    model::{Kind, Name, NsName, Problem, ProfileOverride, Reason, Service, ServiceKind, ServiceProfile},
    resolve::{Client, Look, Options, Pools},
    weight::Milli,
};

/// Overrides of one profile that are inspected. The list has no bound of its own; hand-written ones are far shorter.
const MAX_OVERRIDES: usize = 100;

/// Where a problem with the name of an object is.
const NAME: &str = "metadata.name";

/// Looks for what keeps a ServiceProfile from having an effect.
pub(in crate::resolve) fn inspect_profile(cluster: &Cluster, name: &NsName) -> Inspection {
    let Some(profile) = cluster.profile(name) else { return Inspection::default() };
    let (options, client, mut pools) = (Options::default(), Client::default(), Pools::default());
    let look = Look::new(cluster, &options, &client, &mut pools);
    let mut looking = Looking { look, profile, problems: profile.problems.clone() };
    looking.look.reads.insert(Fact::Profile(name.clone()));
    let service = looking.destination();
    looking.overrides(service);
    Inspection::new(Kind::ServiceProfile, name, looking.problems, looking.look.reads)
}

struct Looking<'a> {
    look: Look<'a>,
    profile: &'a ServiceProfile,
    problems: Vec<Problem>,
}

impl<'a> Looking<'a> {
    fn report(&mut self, reason: Reason, path: impl Into<String>, message: String) {
        self.problems.push(Problem { reason, path: path.into(), message });
    }

    /// The Service that the profile is for, if it can apply to any client.
    fn destination(&mut self) -> Option<&'a Service> {
        let NsName { namespace, name } = &self.profile.name;
        let parsed =
            Authority::parse(name.as_str(), self.look.cluster.domain()).map(|authority| authority.host);
        let service = match parsed {
            Ok(Host::Service(service)) if self.look.cluster.fqdn(&service) == name.as_str() => service,
            Ok(Host::Instance(_, service)) => {
                let message = format!(
                    "it is named for one endpoint of Service {service}, whose profile has no routes and no overrides; \
                     name it {} to apply to the Service",
                    self.look.cluster.fqdn(&service)
                );
                self.report(Reason::BadProfile, NAME, message);
                return None;
            }
            _ => {
                let instead = self.meant(name.as_str()).map_or_else(String::new, |meant| {
                    format!("; did you mean {}?", self.look.cluster.fqdn(&meant))
                });
                let domain = self.look.cluster.domain();
                let message = format!(
                    "expected <service>.<namespace>.svc.{domain}, found {name:?}: no client asks for that name \
                     (--cluster-domain {domain}), so its routes and overrides are sent to no client{instead}"
                );
                self.report(Reason::BadProfile, NAME, message);
                return None;
            }
        };
        let Some(found) = self.look.service(&service) else {
            if !self.look.knows_services() {
                return None;
            }
            let instead = match self.look.similar(&service) {
                Some(similar) => {
                    let similar = NsName { name: similar.into(), ..service.clone() };
                    format!("did you mean {}?", self.look.cluster.fqdn(&similar))
                }
                None => "create the Service, or name the profile for an existing one".to_owned(),
            };
            let message = format!("there is no Service {service}, so it applies to no client; {instead}");
            self.report(Reason::ProfileUnused, NAME, message);
            return None;
        };
        if let ServiceKind::ExternalName(_) = found.kind {
            let message = format!(
                "Service {service} is an ExternalName, for which proxies get the empty profile; it applies to no client"
            );
            self.report(Reason::ProfileUnused, NAME, message);
            return None;
        }
        if *namespace != service.namespace && self.is_without_clients(namespace, &service.namespace) {
            let message = format!(
                "in namespace {namespace} it applies to clients of that namespace only, and there is no Pod in it; \
                 move it to namespace {} to apply to clients of all others",
                service.namespace
            );
            self.report(Reason::ProfileUnused, "metadata.namespace", message);
        }
        Some(found)
    }

    /// Whether there are no clients in a namespace, while there are Pods where the Service is: else the Pods are not
    /// known.
    fn is_without_clients(&mut self, namespace: &Name, of_service: &Name) -> bool {
        self.look.reads.extend([namespace, of_service].map(|name| Fact::PodLabels(name.clone())));
        !self.look.cluster.has_clients(namespace) && self.look.cluster.has_clients(of_service)
    }

    fn overrides(&mut self, service: Option<&'a Service>) {
        let overrides = &self.profile.dst_overrides;
        if !overrides.is_empty() && overrides.iter().all(|dst| dst.weight == Milli::ZERO) {
            let message =
                "no override has a positive weight, so proxies ignore them all and send the requests to the \
                           Service itself; give one a weight, or remove them"
                    .to_owned();
            self.report(Reason::BadProfile, "spec.dstOverrides", message);
        }
        for dst in overrides.iter().take(MAX_OVERRIDES) {
            if let Some(message) = self.override_problem(dst, service) {
                let path = format!("spec.dstOverrides[{}].authority", dst.index);
                self.report(Reason::BadProfile, path, message);
            }
        }
    }

    /// What keeps requests from being served where an override sends them.
    fn override_problem(&mut self, dst: &ProfileOverride, apex: Option<&'a Service>) -> Option<String> {
        let text = &*dst.authority;
        let parsed = Authority::parse(text, self.look.cluster.domain());
        let address =
            || Some(format!("{text:?} is an address; proxies use names only and ignore the override"));
        let name = match parsed {
            _ if text.parse::<IpAddr>().is_ok() => return address(),
            Ok(Authority { host: Host::Ip(_), .. }) => return address(),
            Ok(Authority { host: Host::Service(name) | Host::Instance(_, name), .. }) => name,
            Err(_) if !has_usable_port(text) => {
                return Some(format!(
                    "{text:?} has no port from 1 to 65535, so proxies ignore the override; write \
                     <service>.<namespace>.svc.{}, with :<port> or without",
                    self.look.cluster.domain()
                ));
            }
            Err(_) => {
                let instead = self.meant(text).map_or_else(String::new, |meant| {
                    format!("; did you mean {}?", self.look.cluster.fqdn(&meant))
                });
                return Some(format!(
                    "expected <service>.<namespace>.svc.{}, found {text:?}: requests that proxies send there fail{instead}",
                    self.look.cluster.domain()
                ));
            }
        };
        let Some(found) = self.look.service(&name) else {
            if !self.look.knows_services() {
                return None;
            }
            let instead = self
                .look
                .similar(&name)
                .map_or_else(String::new, |similar| format!("; did you mean {similar}?"));
            return Some(format!(
                "there is no Service {name}: requests that proxies send there fail{instead}"
            ));
        };
        if let ServiceKind::ExternalName(_) = found.kind {
            return Some(format!(
                "Service {name} is an ExternalName and has no endpoints: requests that proxies send there fail"
            ));
        }
        if found.kind == ServiceKind::Headless {
            return None;
        }
        let explicit = text.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        let requested = apex.filter(|_| explicit.is_none()).into_iter().flat_map(|apex| &apex.ports);
        let ports = explicit.into_iter().chain(requested.map(|port| port.port));
        let lacking = ports.filter_map(|port| found.lacks_port(port)).next()?;
        Some(format!("{lacking}: requests that proxies send there fail"))
    }

    /// The Service that a name which is no full one most likely means, if it exists.
    fn meant(&mut self, text: &str) -> Option<NsName> {
        let host = text.split_once(':').map_or(text, |(host, _)| host).to_ascii_lowercase();
        let mut labels = host.split('.');
        let service = labels.next()?;
        let namespace = labels.next().filter(|label| !matches!(*label, "" | "svc"));
        let namespace = namespace.map_or_else(|| self.profile.name.namespace.clone(), Into::into);
        let name = NsName { namespace, name: service.into() };
        self.look.service(&name).map(|_| name)
    }
}

/// Whether an authority that names no Service has a port that proxies can read, or none, where one is added.
fn has_usable_port(text: &str) -> bool {
    let host = text.rsplit_once(']').map_or(text, |(_, rest)| rest);
    host.split_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0))
}
