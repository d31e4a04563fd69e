//! What `GetProfile` answers: where the traffic is to go by it, and who says so.

use prost::Message;
use serde::{Deserialize, Serialize};

mod address;
mod overrides;

use self::overrides::override_why;
use super::{Explaining, Fact, Ignored, Listed, Whereabouts};
use crate::{
    authority::Host,
    model::{NsName, Service, ServiceKind},
    pb::{destination as pb, meta},
    resolve::{Look, Profile},
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
                let found = match look.service(name) {
                    None => Err(format!("there is no Service {name}")),
                    Some(service) if look.is_unpublished(service, Some(instance), port) => {
                        Err(service.lacks_port(port).unwrap_or_default())
                    }
                    Some(_) => look
                        .instance(name, instance, port)
                        .ok_or_else(|| format!("no endpoint of {name} has the host name {instance}")),
                };
                match found {
                    Err(why) => said_of(&message(&profile), why),
                    Ok((_, target)) => {
                        let (tenant, why) = self.behind_target(target);
                        self.endpoint(&profile, tenant, target, why)
                    }
                }
            }
            Host::Ip(ip) if service.is_none() => self.of_address(look, *ip),
            Host::Service(_) | Host::Ip(_) => match service {
                Some(name) => self.of_service(look, name),
                None => unreachable!("a name leads to a service"),
            },
        }
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
            Some(service) => match service.lacks_port(port) {
                Some(lacks) => lacks,
                None => return self.described(look, service, &message),
            },
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
        let custom = look.profile_object(&service.name, &self.cluster.fqdn(&service.name));
        let overrides = look.overrides(service, custom, port);
        let (from, overrides_why) = self.overrides_from(service, &overrides, custom);
        let of_split = self.of_split(look, service, &overrides);
        let listed = message.dst_overrides.iter().map(|dst| Override {
            authority: dst.authority.clone(),
            weight: dst.weight,
            why: override_why(&overrides, &of_split, dst),
        });
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
            overrides: listed.collect(),
            left_out: self.left_out(&overrides, &of_split),
            ..said_of(message, format!("Service {} has port {port}", service.name))
        }
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
