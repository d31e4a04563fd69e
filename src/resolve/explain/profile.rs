//! What `GetProfile` answers: where the traffic is to go by it, and who says so.

use std::net::SocketAddr;

use prost::Message;
use serde::{Deserialize, Serialize};

use super::{
    Explaining, Fact, Ignored, Listed, Whereabouts,
    endpoint::{Behind, Origins, said},
};
use crate::{
    authority::Host,
    model::{NsName, Phase, Service, ServiceKind, ServiceProfile, TargetRef},
    pb::{destination as pb, meta},
    resolve::{
        Look, Profile,
        address::Tenant,
        metadata::PodPort,
        profile::{self, Overrides},
        split::winner,
    },
    share,
    weight::Milli,
};

/// What `GetProfile` answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProfileSaid {
    /// What it is about.
    pub kind: ProfileKind,
    /// Why that.
    pub why: String,
    /// The full name of the service; empty if it is about none.
    pub name: String,
    /// Whether connections are not to be looked into, and why.
    pub opaque: bool,
    /// Why they are not, or are.
    pub opaque_why: String,
    /// How many routes there are.
    pub routes: usize,
    /// The ServiceProfile that they are from, and why that one.
    pub defined_by: Fact,
    /// Who says where the traffic goes.
    pub overrides_from: OverridesFrom,
    /// The same as a sentence.
    pub overrides_why: String,
    /// Where it goes.
    pub overrides: Listed<Override>,
    /// Backends of the split that are not named.
    pub left_out: Listed<Ignored>,
    /// The one endpoint that it is about.
    pub endpoint: Option<Whereabouts>,
}

/// What a profile is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfileKind {
    /// A service.
    Service,
    /// One endpoint.
    Endpoint,
    /// Nothing: the empty profile.
    Empty,
}

/// Who says where the traffic goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverridesFrom {
    /// The ServiceProfile's `dstOverrides`.
    ServiceProfile,
    /// The split.
    Split,
    /// The operator (`--apex-override`): to the service itself.
    Apex,
    /// Nobody.
    Nobody,
}

/// One of the places where the traffic goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Override {
    /// Where.
    pub authority: String,
    /// Its weight on the wire.
    pub weight: u32,
    /// How that came about.
    pub why: String,
}

impl<'a> Explaining<'a> {
    /// Has `GetProfile` answer, and puts it into words; `service` is the one that the name or address leads to.
    pub(super) fn profile(&self, look: &mut Look<'a>, service: Option<&NsName>) -> ProfileSaid {
        let port = self.port();
        match &self.question.authority.host {
            Host::Instance(instance, name) => {
                let profile = look.instance_profile(name, instance, port);
                let found = look.service(name).and_then(|_| look.instance(name, instance, port));
                match found {
                    None => self.empty(
                        &profile,
                        match look.service(name) {
                            None => format!("there is no Service {name}"),
                            Some(_) => format!("no endpoint of {name} has the host name {instance}"),
                        },
                    ),
                    Some((_, target)) => {
                        let (tenant, why) = self.behind_target(target);
                        self.endpoint(&profile, tenant, target, why)
                    }
                }
            }
            Host::Ip(ip) if service.is_none() => {
                let ip = ip.to_canonical();
                let profile = look.address_profile(ip, port);
                let tenant = look.tenant(ip, port);
                let (behind, target, why) = match tenant {
                    Tenant::Pod { resident, port } => {
                        let target = TargetRef::Pod(resident.pod.name.clone());
                        let is_up = matches!(resident.pod.phase, Phase::Running | Phase::Leaving);
                        let why = match (is_up, port.check()) {
                            (false, _) => format!(
                                "Pod {} has the address but does not run: nothing is said of it",
                                resident.pod.name
                            ),
                            (true, Err(lacks)) => format!(
                                "Pod {} has the address, but its proxy lacks {}: nothing is said of it",
                                resident.pod.name, lacks.0
                            ),
                            (true, Ok(())) => format!("Pod {} has the address", resident.pod.name),
                        };
                        (Behind::Pod(port), target, why)
                    }
                    Tenant::Workload { workload, opaque } => {
                        let target = TargetRef::Workload(workload.name.clone());
                        let why = format!("ExternalWorkload {} listens there", workload.name);
                        (Behind::Workload { workload, opaque, port }, target, why)
                    }
                    Tenant::Several(all) => {
                        let names: Vec<_> = all.iter().take(5).map(ToString::to_string).collect();
                        let why = format!("several have the address: {}", names.join(", "));
                        (Behind::Bare(None), TargetRef::None, why)
                    }
                    Tenant::Service(_) | Tenant::Nobody => {
                        let why =
                            "nothing is known of the address: the client goes where it asked to".to_owned();
                        (Behind::Bare(None), TargetRef::None, why)
                    }
                };
                self.endpoint(&profile, behind, &target, why)
            }
            Host::Service(_) | Host::Ip(_) => match service {
                Some(name) => self.of_service(look, name),
                None => unreachable!("a name leads to a service"),
            },
        }
    }

    fn behind_target(&self, target: &'a TargetRef) -> (Behind<'a>, String) {
        let (port, mesh) = (self.port(), &*self.options.mesh);
        let missing = |kind: &str, name: &NsName| {
            (
                Behind::Bare(None),
                format!("the endpoint with that name refers to {kind} {name}, which does not exist"),
            )
        };
        match target {
            TargetRef::Pod(name) => match self.cluster.resident(name) {
                Some(resident) => {
                    let port = PodPort::new(&resident.class, port, mesh);
                    (Behind::Pod(port), format!("the endpoint with that name is Pod {name}"))
                }
                None => missing("Pod", name),
            },
            TargetRef::Workload(name) => match self.cluster.workload(name) {
                Some((workload, opaque)) => (
                    Behind::Workload { workload, opaque, port },
                    format!("the endpoint with that name is ExternalWorkload {name}"),
                ),
                None => missing("ExternalWorkload", name),
            },
            TargetRef::None | TargetRef::Other(_) => {
                let why = "nothing is known of what is behind the endpoint with that name".to_owned();
                (Behind::Bare(None), why)
            }
        }
    }

    fn empty(&self, profile: &Profile, why: String) -> ProfileSaid {
        said_of(&message(profile), why)
    }

    fn endpoint(
        &self,
        profile: &Profile,
        behind: Behind<'a>,
        target: &TargetRef,
        why: String,
    ) -> ProfileSaid {
        let message = message(profile);
        let Some(endpoint) = &message.endpoint else { return said_of(&message, why) };
        let addr = endpoint.addr.as_ref().and_then(|addr| SocketAddr::try_from(addr).ok());
        // What is not vouched for is an address of which nothing is said.
        let behind = if endpoint.resource_ref.is_some() { behind } else { Behind::Bare(None) };
        let origins = Origins {
            target,
            zone: "a profile says no zone",
            locality: String::new(),
            service: String::new(),
        };
        let opaque_why = match &behind {
            Behind::Pod(_) | Behind::Workload { .. } => {
                said(endpoint, &behind, &origins, &self.options.mesh).protocol.why
            }
            Behind::Bare(_) => "--default-opaque-ports".to_owned(),
        };
        let whereabouts = Whereabouts {
            address: addr.map_or_else(String::new, |addr| addr.to_string()),
            weight: Some(endpoint.weight),
            total_weight: endpoint.weight.into(),
            weight_why: vec![format!("{}, as it is alone", share::UNSPLIT)],
            places: Listed::default(),
            said: Some(said(endpoint, &behind, &origins, &self.options.mesh)),
        };
        ProfileSaid { opaque_why, endpoint: Some(whereabouts), ..said_of(&message, why) }
    }

    fn of_service(&self, look: &mut Look<'a>, name: &NsName) -> ProfileSaid {
        let port = self.port();
        let message = message(&look.service_profile(name, port));
        let service = look.service(name);
        let why = match service {
            None => format!("there is no Service {name}"),
            Some(service) if matches!(service.kind, ServiceKind::ExternalName(_)) => {
                format!("Service {name} is an ExternalName and has no traffic of its own to direct")
            }
            Some(service) if service.port(port).is_none() => {
                format!("Service {name} does not have port {port}")
            }
            Some(service) => return self.described(look, service, &message),
        };
        said_of(&message, why)
    }

    fn described(
        &self,
        look: &mut Look<'a>,
        service: &'a Service,
        message: &pb::DestinationProfile,
    ) -> ProfileSaid {
        let port = self.port();
        let custom = look.profile_object(&service.name, &self.fqdn(&service.name));
        let overrides = look.overrides(service, custom, port);
        let (from, overrides_why) = self.overrides_from(service, &overrides, custom);
        let listed = message.dst_overrides.iter().map(|dst| Override {
            authority: dst.authority.clone(),
            weight: dst.weight,
            why: self.override_why(look, service, &overrides, dst),
        });
        let listed: Vec<_> = listed.collect();
        let opaque_why = match &service.opaque_ports {
            Some(_) if message.opaque_protocol => {
                "config.linkerd.io/opaque-ports of the Service lists the port"
            }
            Some(_) => "config.linkerd.io/opaque-ports of the Service does not list the port",
            None if message.opaque_protocol => "--default-opaque-ports lists the port",
            None => "nothing lists the port as opaque",
        };
        ProfileSaid {
            opaque_why: opaque_why.to_owned(),
            defined_by: self.defined_by(service, custom),
            overrides_from: from,
            overrides_why,
            overrides: listed.into_iter().collect(),
            left_out: self.left_out(look, service, &overrides),
            ..said_of(message, format!("Service {} has port {port}", service.name))
        }
    }

    fn defined_by(&self, service: &Service, custom: Option<&ServiceProfile>) -> Fact {
        match custom {
            None => Fact::none(format!(
                "there is no ServiceProfile {} in the namespace of the client or of the service",
                self.fqdn(&service.name)
            )),
            Some(custom) if Some(&custom.name.namespace) == self.question.context.namespace.as_ref() => {
                Fact::of(&custom.name, "it is in the namespace of the client, which comes first")
            }
            Some(custom) => Fact::of(&custom.name, "it is in the namespace of the service"),
        }
    }

    fn overrides_from(
        &self,
        service: &Service,
        overrides: &Overrides,
        custom: Option<&ServiceProfile>,
    ) -> (OverridesFrom, String) {
        let split = winner(self.cluster, &service.name);
        let split = split.map(|split| split.name.to_string()).unwrap_or_default();
        match overrides.from {
            profile::OverridesFrom::ServiceProfile => {
                let name = custom.map(|custom| custom.name.to_string()).unwrap_or_default();
                let why = format!("dstOverrides of ServiceProfile {name}, which come before any split");
                (OverridesFrom::ServiceProfile, why)
            }
            profile::OverridesFrom::Split => (OverridesFrom::Split, format!("TrafficSplit {split}")),
            profile::OverridesFrom::SplitWithoutPort => {
                let why = format!(
                    "TrafficSplit {split}, of which only backends without port {} have any weight: they are named, \
                     so that requests fail there and go nowhere that nobody chose",
                    self.port()
                );
                (OverridesFrom::Split, why)
            }
            profile::OverridesFrom::UnweightedSplit => {
                let why = format!("TrafficSplit {split} gives nobody any weight: the service itself");
                (OverridesFrom::Apex, why)
            }
            profile::OverridesFrom::Apex => {
                let why = "nobody says otherwise: the service itself (--apex-override=always), so that a proxy \
                           balances, and follows a split that comes later";
                (OverridesFrom::Apex, why.to_owned())
            }
            profile::OverridesFrom::Nobody => {
                let why = "nobody says anything (--apex-override=never): the client decides";
                (OverridesFrom::Nobody, why.to_owned())
            }
        }
    }

    fn override_why(
        &self,
        look: &mut Look<'a>,
        service: &Service,
        overrides: &Overrides,
        dst: &pb::WeightedDst,
    ) -> String {
        let port = self.port();
        match overrides.from {
            profile::OverridesFrom::ServiceProfile => "as its author wrote it".to_owned(),
            profile::OverridesFrom::Split | profile::OverridesFrom::SplitWithoutPort => {
                let split = look.split_of(service, port);
                let backend = split
                    .iter()
                    .flat_map(|split| &split.backends)
                    .find(|backend| format!("{}:{port}", self.fqdn(&backend.name)) == dst.authority);
                let Some(backend) = backend else { return String::new() };
                let declared = backend.weight;
                let scaled = if u128::from(declared.get()) * 10 == u128::from(dst.weight) {
                    "times ten"
                } else {
                    "scaled so that all fit into 32 bits"
                };
                if declared == Milli::ZERO {
                    "the split gives it no weight".to_owned()
                } else if overrides.ready.contains(&backend.name) {
                    format!("{declared} in the split, {} thousandths {scaled}", declared.get())
                } else if overrides.ready.is_empty() {
                    format!(
                        "{declared} in the split, {scaled}; it has no ready endpoint, but neither has any other, and \
                         zeros only would mean the service itself"
                    )
                } else {
                    format!(
                        "{declared} in the split, but 0 while it has no ready endpoint: requests sent there would \
                         wait and fail"
                    )
                }
            }
            profile::OverridesFrom::UnweightedSplit | profile::OverridesFrom::Apex => {
                format!("{}, as it is alone", share::UNSPLIT)
            }
            profile::OverridesFrom::Nobody => String::new(),
        }
    }

    /// Backends of the split in force that are not named.
    fn left_out(&self, look: &mut Look<'a>, service: &Service, overrides: &Overrides) -> Listed<Ignored> {
        let port = self.port();
        let split = match overrides.from {
            profile::OverridesFrom::Split => look.split_of(service, port),
            _ => None,
        };
        let lacking = split.iter().flat_map(|split| &split.backends).filter(|backend| backend.lacks(port));
        let ignored = lacking.map(|backend| Ignored {
            service: backend.name.to_string(),
            why: format!("it does not have port {port}"),
        });
        ignored.collect()
    }
}

fn message(profile: &Profile) -> pb::DestinationProfile {
    /// The prefix that gRPC gives a message.
    const PREFIX: usize = 5;
    let bytes = profile.message.bytes.get(PREFIX..).unwrap_or_default();
    pb::DestinationProfile::decode(bytes).unwrap_or_default()
}

/// What can be read off a message alone.
fn said_of(message: &pb::DestinationProfile, why: String) -> ProfileSaid {
    let defined_by = message.profile_ref.as_ref().and_then(|to| to.kind.as_ref());
    let defined_by = defined_by.and_then(|kind| match kind {
        meta::metadata::Kind::Resource(to) => Some(format!("{}/{}", to.namespace, to.name)),
        meta::metadata::Kind::Default(_) => None,
    });
    ProfileSaid {
        kind: match message {
            _ if *message == pb::DestinationProfile::default() => ProfileKind::Empty,
            pb::DestinationProfile { endpoint: Some(_), .. } => ProfileKind::Endpoint,
            _ => ProfileKind::Service,
        },
        why,
        name: message.fully_qualified_name.clone(),
        opaque: message.opaque_protocol,
        opaque_why: String::new(),
        routes: message.routes.len(),
        defined_by: Fact { is: defined_by, why: String::new() },
        overrides_from: OverridesFrom::Nobody,
        overrides_why: String::new(),
        overrides: Listed::default(),
        left_out: Listed::default(),
        endpoint: None,
    }
}
