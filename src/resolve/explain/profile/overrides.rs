//! Where the traffic to a service is to go, and who says so.

use std::collections::BTreeMap;

use super::OverridesFrom;
use crate::{
    model::{Name, NsName, Service, ServiceProfile},
    pb::destination as pb,
    resolve::{
        Look,
        endpoints::unsuitable,
        explain::{Explaining, Fact, Ignored, Listed},
        profile::{self, Overrides},
        split::winner,
    },
    share,
    weight::Milli,
};

impl<'a> Explaining<'a> {
    /// The ServiceProfile that holds, and why that one.
    pub(super) fn defined_by(&self, service: &Service, custom: Option<&ServiceProfile>) -> Fact {
        match custom {
            None => Fact::none(format!(
                "there is no ServiceProfile {} in the namespace of the client or of the service",
                self.cluster.fqdn(&service.name)
            )),
            Some(custom) if Some(&custom.name.namespace) == self.question.context.namespace.as_ref() => {
                Fact::of(&custom.name, "it is in the namespace of the client, which comes first")
            }
            Some(custom) => Fact::of(&custom.name, "it is in the namespace of the service"),
        }
    }

    /// The ServiceProfiles of a service, in whatever namespace.
    pub(in crate::resolve::explain) fn profiles_of(&self, service: &NsName) -> impl Iterator<Item = NsName> {
        let name = Name::from(self.cluster.fqdn(service));
        let namespaces = self.cluster.namespaces_of_profile(&name).cloned().collect::<Vec<_>>();
        namespaces.into_iter().map(move |namespace| NsName { namespace, name: name.clone() })
    }

    /// Who says where the traffic goes.
    pub(super) fn overrides_from(
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

    /// What the split in force says of each backend, by the authority that it has as an override.
    pub(super) fn of_split(&self, look: &mut Look<'a>, service: &Service, overrides: &Overrides) -> OfSplit {
        let is_split = matches!(
            overrides.from,
            profile::OverridesFrom::Split | profile::OverridesFrom::SplitWithoutPort
        );
        let split = if is_split { look.split_of(service, self.port()) } else { None };
        let backends = split.into_iter().flat_map(|split| split.backends);
        let declared = backends.map(|backend| {
            let authority = format!("{}:{}", self.cluster.fqdn(&backend.name), self.port());
            let lacks_port = backend.lacks(self.port());
            let port = self.port();
            let why_empty = match (look.service(&backend.name), backend.serves(port)) {
                (None, _) => Some(format!("there is no Service {}", backend.name)),
                (Some(service), None) => unsuitable(service).map(|(_, _, message)| message),
                (Some(_), Some(service)) => look.no_endpoints_on(service, port).map(|reason| reason.why),
            };
            (authority, Declared { name: backend.name, weight: backend.weight, lacks_port, why_empty })
        });
        declared.collect()
    }

    /// Backends of the split in force that are not named.
    pub(super) fn left_out(&self, overrides: &Overrides, of_split: &OfSplit) -> Listed<Ignored> {
        let lacking = of_split
            .values()
            .filter(|declared| declared.lacks_port && overrides.from == profile::OverridesFrom::Split);
        let why = format!("it does not have port {}", self.port());
        lacking.map(|declared| Ignored { service: declared.name.to_string(), why: why.clone() }).collect()
    }
}

/// See [`Explaining::of_split`].
pub(super) type OfSplit = BTreeMap<String, Declared>;

/// What a split says of a backend.
pub(super) struct Declared {
    name: NsName,
    weight: Milli,
    lacks_port: bool,
    /// Why it has no ready endpoint, if it has none.
    why_empty: Option<String>,
}

/// How the weight of one of the places came about.
pub(super) fn override_why(overrides: &Overrides, of_split: &OfSplit, dst: &pb::WeightedDst) -> String {
    match overrides.from {
        profile::OverridesFrom::ServiceProfile => "as its author wrote it".to_owned(),
        profile::OverridesFrom::Split | profile::OverridesFrom::SplitWithoutPort => {
            let Some(Declared { name, weight, why_empty, .. }) = of_split.get(&dst.authority) else {
                return String::new();
            };
            if *weight == Milli::ZERO {
                "the split gives it no weight".to_owned()
            } else if overrides.ready.contains(name) || overrides.ready.is_empty() {
                let is_scaled = u128::from(weight.get()) * 10 != u128::from(dst.weight);
                let how =
                    if is_scaled { "scaled so that all fit into 32 bits" } else { "thousandths times ten" };
                let alone = "; it has no ready endpoint, but neither has any other, and zeros only would mean the \
                             service itself";
                let why = if overrides.ready.is_empty() { alone } else { "" };
                format!("{weight} in the split, {how}{why}")
            } else {
                let reason = why_empty.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
                format!(
                    "{weight} in the split, but 0 while it has no ready endpoint{reason}: requests sent there would wait \
                     and fail"
                )
            }
        }
        profile::OverridesFrom::UnweightedSplit | profile::OverridesFrom::Apex => {
            format!("{}, as it is alone", share::UNSPLIT)
        }
        profile::OverridesFrom::Nobody => String::new(),
    }
}
