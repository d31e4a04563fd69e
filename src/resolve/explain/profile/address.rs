//! The profile of one endpoint: who is at an address, or behind a host name.

use std::net::{IpAddr, SocketAddr};

use super::{ProfileSaid, message, said_of};
use crate::{
    model::{NsName, Phase, TargetRef},
    resolve::{
        Look, Profile,
        address::Tenant,
        explain::{
            Explaining, Listed, Whereabouts,
            endpoint::{Behind, Origins, said},
        },
        metadata::PodPort,
    },
    share,
};

impl<'a> Explaining<'a> {
    /// The profile of an address that is no Service's.
    pub(super) fn of_address(&self, look: &mut Look<'a>, ip: IpAddr) -> ProfileSaid {
        let port = self.port();
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
                        "Pod {} has the address, but its proxy lacks {lacks}: nothing is said of it",
                        resident.pod.name
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
                let why = "nothing is known of the address: the client goes where it asked to".to_owned();
                (Behind::Bare(None), TargetRef::None, why)
            }
        };
        self.endpoint(&profile, behind, &target, why)
    }

    /// What is behind the endpoint with a host name.
    pub(super) fn behind_target(&self, target: &'a TargetRef) -> (Behind<'a>, String) {
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

    /// A profile that is about one endpoint.
    pub(super) fn endpoint(
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
}
