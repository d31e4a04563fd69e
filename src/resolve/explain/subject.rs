//! What a name or an address leads to.

use serde::{Deserialize, Serialize};

use super::{Explaining, Listed, Spot};
use crate::{
    authority::Host,
    model::{NsName, Service, ServiceKind, ServicePort},
    resolve::{Look, address::Tenant, claims::without_effect, endpoints::unsuitable},
};

/// What a name or an address leads to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// What kind of thing it is.
    pub kind: SubjectKind,
    /// Its name, as `namespace/name` where it has one.
    pub name: String,
    /// How that was found.
    pub why: String,
    /// What the Service says, if it leads to one that exists.
    pub service: Option<ServiceSaid>,
}

/// A kind of thing that a name or an address leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// A Service.
    Service,
    /// The name of a Service that does not exist.
    NoService,
    /// An endpoint of a Service by its host name.
    Instance,
    /// A Pod by its address.
    Pod,
    /// An ExternalWorkload by its address.
    Workload,
    /// An address that several have.
    Several,
    /// An address of which nothing is known.
    Address,
}

/// What a Service says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceSaid {
    /// `ClusterIP`, `headless` or `ExternalName for "..."`.
    pub kind: String,
    /// Its addresses.
    pub cluster_ips: Vec<String>,
    /// Its ports, as `http 9080`.
    pub ports: Listed<String>,
    /// Whether it has the port that is asked for.
    pub has_port: bool,
    /// Why it has no endpoints of its own, if so.
    pub problem: Option<String>,
    /// Whether a split names it as a backend.
    pub is_backend: bool,
}

impl<'a> Explaining<'a> {
    /// What the authority leads to, and the Service, if it is one, whether or not it exists.
    pub(super) fn subject(&self, look: &mut Look<'a>) -> (Subject, Option<NsName>) {
        match &self.question.authority.host {
            Host::Service(name) => (self.service_subject(look, name, String::new()), Some(name.clone())),
            Host::Instance(instance, name) => {
                let of = self.service_subject(look, name, String::new());
                if of.kind == SubjectKind::NoService {
                    return (of, Some(name.clone()));
                }
                let why = match look.instance(name, instance, self.port()) {
                    Some((addr, _)) => format!("the first endpoint with that host name is at {}", addr.ip()),
                    None => "no endpoint has that host name".to_owned(),
                };
                let subject = Subject {
                    kind: SubjectKind::Instance,
                    name: format!("{instance} of {name}"),
                    why,
                    service: of.service,
                };
                (subject, Some(name.clone()))
            }
            Host::Ip(ip) => {
                let ip = ip.to_canonical();
                let others = without_effect(self.cluster, ip, self.port());
                let subject = |kind, name: String, why: String| Subject {
                    kind,
                    name,
                    why: why + &others,
                    service: None,
                };
                match look.tenant(ip, self.port()) {
                    Tenant::Service(name) => {
                        let why = format!("{ip} is its cluster IP{others}");
                        (self.service_subject(look, name, why), Some(name.clone()))
                    }
                    Tenant::Pod { resident, .. } => {
                        let name = &resident.pod.name;
                        let own = resident.pod.ips.contains(&Some(ip)) && !resident.pod.spec.host_network;
                        let why = if own {
                            format!("{ip} is its address")
                        } else {
                            format!("{ip} is its node's, where port {} leads to it", self.port())
                        };
                        (subject(SubjectKind::Pod, name.to_string(), why), None)
                    }
                    Tenant::Workload { workload, .. } => {
                        let why = format!("it has the address {ip} and listens on port {}", self.port());
                        (subject(SubjectKind::Workload, workload.name.to_string(), why), None)
                    }
                    Tenant::Several(all) => {
                        let names: Vec<_> = all.iter().take(5).map(ToString::to_string).collect();
                        let why = format!("{} have it: {}", all.len(), names.join(", "));
                        (subject(SubjectKind::Several, ip.to_string(), why), None)
                    }
                    Tenant::Nobody => {
                        let why = "no Service, Pod or ExternalWorkload has it".to_owned();
                        (subject(SubjectKind::Address, ip.to_string(), why), None)
                    }
                }
            }
        }
    }

    /// Who has an address that the answer does not have.
    pub(super) fn tenant_why(&self, look: &mut Look<'a>, spot: Spot) -> String {
        match look.tenant(spot.ip.to_canonical(), spot.port.unwrap_or(self.port())) {
            Tenant::Service(name) => format!("it is the cluster IP of Service {name}"),
            Tenant::Pod { resident, .. } => format!("it is that of Pod {}", resident.pod.name),
            Tenant::Workload { workload, .. } => format!("it is that of ExternalWorkload {}", workload.name),
            Tenant::Several(all) => format!("{} have it", all.len()),
            Tenant::Nobody => "no Service, Pod or ExternalWorkload has it".to_owned(),
        }
    }

    fn service_subject(&self, look: &mut Look<'a>, name: &NsName, why: String) -> Subject {
        match look.service(name) {
            None => Subject {
                kind: SubjectKind::NoService,
                name: name.to_string(),
                why: "there is no such Service".to_owned(),
                service: None,
            },
            Some(service) => Subject {
                kind: SubjectKind::Service,
                name: name.to_string(),
                why,
                service: Some(self.service_said(service)),
            },
        }
    }

    fn service_said(&self, service: &Service) -> ServiceSaid {
        let port = |port: &ServicePort| {
            if port.name.is_empty() { port.port.to_string() } else { format!("{} {}", port.name, port.port) }
        };
        ServiceSaid {
            kind: match &service.kind {
                ServiceKind::ClusterIp => "ClusterIP".to_owned(),
                ServiceKind::Headless => "headless".to_owned(),
                ServiceKind::ExternalName(alias) => format!("ExternalName for {alias}"),
            },
            cluster_ips: service.cluster_ips.iter().map(ToString::to_string).collect(),
            ports: service.ports.iter().map(port).collect(),
            has_port: service.port(self.port()).is_some(),
            problem: unsuitable(service).map(|(_, _, message)| message),
            is_backend: self.cluster.is_backend(&service.name),
        }
    }
}
