//! What `Get` answers, and what it was made from.

use std::{collections::BTreeMap, net::SocketAddr};

use prost::Message;
use serde::{Deserialize, Serialize};

use super::{
    BackendState, Explaining, Label, Said, Serving, Splits, Whereabouts,
    endpoint::{Behind, Origins, Place, labels, said},
    serving::{Search, Wanted, zone_why},
};
use crate::{
    context::Reading,
    model::{NsName, Service, ServiceKind},
    pb::destination as pb,
    resolve::{Look, Query, endpoints::unsuitable, entries::Part, pool::zone_of},
    share,
    view::{Entry, View},
};

/// What `Get` answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Get {
    /// What kind of answer it is.
    pub outcome: Outcome,
    /// Why it is that one.
    pub why: String,
    /// How many addresses there are.
    pub endpoints: usize,
    /// Their weights together.
    pub total_weight: u64,
    /// Labels of all of them.
    pub labels: Vec<Label>,
    /// The service's own endpoints, if they are the answer. Those of a split's backends stand with the backends.
    pub own: Option<Serving>,
}

/// A kind of answer of `Get`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The endpoints of a split's backends, each with a part of its share.
    Split,
    /// The service's own endpoints.
    Own,
    /// None, because there is no such service: `no_endpoints{exists:false}`.
    Absent,
    /// None, though there is one: `no_endpoints{exists:true}`.
    Empty,
}

/// An answer with what it was made from.
pub(super) struct Told<'a> {
    view: View,
    parts: Vec<Part>,
    service: Option<&'a Service>,
    /// Whether a split is in the answer.
    pub(super) is_split: bool,
    /// Why no request for the port may reach the Service's own endpoints, if so.
    unpublished: Option<String>,
}

impl Told<'_> {
    /// What a backend has of the answer.
    pub(super) fn part(&self, service: &NsName) -> Option<&Part> {
        // Parts are sorted by the names of their services.
        let place = self.parts.binary_search_by(|part| part.service.cmp(service)).ok()?;
        self.parts.get(place)
    }
}

impl<'a> Explaining<'a> {
    /// Has `Get` answer.
    pub(super) fn get(&self, look: &mut Look<'a>, query: &Query) -> Told<'a> {
        let Query::Endpoints { service: name, instance, port, reading } = query else {
            unreachable!("Get is asked for endpoints")
        };
        let view = look.get(name, instance.as_ref(), *port, *reading);
        let parts = look.made.parts().to_vec();
        let service = look.service(name);
        let able = service.filter(|service| {
            *reading == Reading::Merged && instance.is_none() && unsuitable(service).is_none()
        });
        let is_split =
            able.and_then(|service| look.split_of(service, *port)).is_some_and(|split| split.total > 0);
        let unpublished =
            service.filter(|service| look.is_unpublished(service, instance.as_ref(), *port)).and_then(|service| {
                let lacks = service.lacks_port(*port)?;
                Some(match service.kind {
                    ServiceKind::Headless => format!(
                        "{lacks}; it is headless, but a TrafficSplit lists it for that port, which none of its \
                         backends has"
                    ),
                    _ => lacks,
                })
            });
        Told { view, parts, service, is_split, unpublished }
    }
}

impl<'a> Told<'a> {
    /// Puts the answer into words, and all that is to be known of the address that is searched for.
    pub(super) fn finish(
        self,
        explaining: &Explaining<'a>,
        look: &mut Look<'a>,
        splits: Option<&Splits>,
        search: &mut Search,
    ) -> (Option<Get>, Vec<Whereabouts>) {
        let own = self.own(explaining, look, search);
        let (outcome, why) = self.outcome(explaining, look, own.as_ref(), splits);
        let weights = self.view.entries().iter().map(|entry| u64::from(entry.weight));
        let get = Get {
            outcome,
            why,
            endpoints: self.view.entries().len(),
            total_weight: weights.sum(),
            labels: self.labels(),
            own,
        };
        let whereabouts = self.whereabouts(explaining, &get, splits, search, look);
        (Some(get), whereabouts)
    }

    fn own(&self, explaining: &Explaining<'a>, look: &mut Look<'a>, search: &mut Search) -> Option<Serving> {
        let is_answer = !self.is_split && self.unpublished.is_none();
        let service = self.service.filter(|service| is_answer && unsuitable(service).is_none())?;
        let weight_why = format!("{} each, for no split is in this answer", share::UNSPLIT);
        let part = self.part(&service.name);
        let instance = explaining.instance();
        let wanted = Wanted { service, instance, backend: None, part, excuse: None, weight_why };
        let serving = explaining.serving(look, &wanted, Some(search));
        Some(serving)
    }

    fn outcome(
        &self,
        explaining: &Explaining<'a>,
        look: &mut Look<'a>,
        own: Option<&Serving>,
        splits: Option<&Splits>,
    ) -> (Outcome, String) {
        let Some(service) = self.service else {
            return (Outcome::Absent, "there is no such Service".to_owned());
        };
        if let Some((_, _, message)) = unsuitable(service) {
            let outcome = if self.view.exists() { Outcome::Empty } else { Outcome::Absent };
            return (outcome, message);
        }
        if let Some(why) = &self.unpublished {
            return (Outcome::Empty, why.clone());
        }
        let applied = splits.and_then(|splits| splits.applied.as_deref()).unwrap_or_default();
        let not_split = || match (explaining.instance(), explaining.question.context.reading) {
            (Some(_), _) => "one endpoint of the service is asked for by its host name".to_owned(),
            (None, Reading::Leaf) if !applied.is_empty() => {
                format!("the leaf reading: the client follows {applied} by itself, as GetProfile tells it")
            }
            _ => splits.map(|splits| splits.why.clone()).unwrap_or_default(),
        };
        match (self.is_split, self.view.entries().is_empty()) {
            (true, false) => {
                (Outcome::Split, format!("the merged reading: TrafficSplit {applied} divides the traffic"))
            }
            (true, true) => {
                let mut backends = splits.into_iter().flat_map(|splits| &splits.backends.items);
                let reason = backends.find(|backend| backend.state != BackendState::NoWeight);
                let reason = reason.map(|backend| format!(": {}", backend.why)).unwrap_or_default();
                let why = format!(
                    "TrafficSplit {applied} divides the traffic, but no backend with a weight has an endpoint for this client{reason}"
                );
                (Outcome::Empty, why)
            }
            (false, false) => (Outcome::Own, not_split()),
            (false, true) => {
                (Outcome::Empty, explaining.why_empty(look, service, explaining.instance(), own))
            }
        }
    }

    fn labels(&self) -> Vec<Label> {
        let set = pb::WeightedAddrSet::decode(self.view.labels()).unwrap_or_default();
        labels(&set.metric_labels, |key| {
            let from = match key {
                "namespace" | "service" => "the Service that was asked for",
                _ => "what its slices say of another cluster",
            };
            from.to_owned()
        })
    }

    fn whereabouts(
        &self,
        explaining: &Explaining<'a>,
        get: &Get,
        splits: Option<&Splits>,
        search: &Search,
        look: &mut Look<'a>,
    ) -> Vec<Whereabouts> {
        let mut by_addr: BTreeMap<Option<SocketAddr>, Vec<Place>> = BTreeMap::new();
        for (addr, place) in &search.found {
            by_addr.entry(*addr).or_default().push(place.clone());
        }
        let servings = || {
            let backends = splits.into_iter().flat_map(|splits| &splits.backends.items);
            let backends = backends.filter(|_| self.is_split).filter_map(|backend| backend.serving.as_ref());
            get.own.iter().chain(backends)
        };
        if let Some(spot) = search.spot
            && by_addr.is_empty()
        {
            let services: Vec<_> = servings().map(|serving| serving.service.as_str()).collect();
            let why = if services.is_empty() {
                "the answer has no endpoints that could have this address".to_owned()
            } else {
                format!("no slice of {} lists this address", services.join(", "))
            };
            return vec![Whereabouts {
                address: spot.to_string(),
                weight_why: vec![why, explaining.tenant_why(look, spot)],
                ..Whereabouts::default()
            }];
        }
        // The first of a name, as there is one for each backend.
        let by_service: BTreeMap<_, _> =
            servings().map(|serving| (serving.service.as_str(), serving)).rev().collect();
        let describe = |(addr, places): (Option<SocketAddr>, Vec<Place>)| {
            let address = places.first().map(|place| place.endpoint.address.clone()).unwrap_or_default();
            let entry = addr.and_then(|addr| self.view.entries().get(&addr));
            let mut weight_why: Vec<String> = Vec::new();
            match entry {
                None => {
                    let why = |place: &Place| format!("{}: {}", place.service, place.endpoint.why);
                    weight_why.extend(places.iter().map(why));
                }
                Some(entry) => {
                    let given: Vec<_> =
                        places.iter().filter(|place| place.endpoint.weight.is_some()).collect();
                    for place in &given {
                        let serving = by_service.get(place.service.as_str());
                        let how = serving.map(|serving| serving.weight_why.as_str()).unwrap_or_default();
                        let own = serving.and_then(|serving| serving.weight);
                        let boosted = own != place.endpoint.weight;
                        let boost = match (boosted, place.endpoint.weight) {
                            (true, Some(weight)) => format!(
                                ", times {} in the client's own zone (--ext-endpoint-zone-weights): {weight}",
                                share::OWN_ZONE
                            ),
                            _ => String::new(),
                        };
                        weight_why.push(format!("{}: {how}{boost}", place.service));
                    }
                    if given.len() > 1 {
                        weight_why.push(format!(
                            "the sum, for {} backends have the address: {}",
                            given.len(),
                            entry.weight
                        ));
                    }
                }
            }
            Whereabouts {
                address,
                weight: entry.map(|entry| entry.weight),
                total_weight: get.total_weight,
                weight_why,
                places: places.into_iter().collect(),
                said: entry.and_then(|entry| self.said(explaining, entry)),
            }
        };
        by_addr.into_iter().map(describe).collect()
    }

    /// What the answer says of an address.
    fn said(&self, explaining: &Explaining<'a>, entry: &Entry) -> Option<Said> {
        let (part, candidate) =
            self.parts.iter().find_map(|part| Some((part, part.selected.get(&entry.addr)?)))?;
        let bytes: Vec<u8> = entry.meta.parts().into_iter().flat_map(|part| part.iter().copied()).collect();
        let message = pb::WeightedAddr::decode(&bytes[..]).ok()?;
        let mesh = &explaining.options.mesh;
        let behind = Behind::of(&candidate.stored.backing, entry.addr.port(), mesh);
        let locality = match (&part.places.zone, zone_of(&candidate.stored)) {
            (Some(client), Some(zone)) if client == zone => format!("the client is in zone {zone} as well"),
            (Some(client), Some(zone)) => format!("the client is in zone {client}, the endpoint in {zone}"),
            (Some(_), None) => "the zone of the endpoint is not known".to_owned(),
            (None, Some(_)) => "the zone of the client is not known".to_owned(),
            (None, None) if explaining.zone().is.is_some() => {
                "the zone of the endpoint is not known".to_owned()
            }
            (None, None) => "neither the zone of the client nor that of the endpoint is known".to_owned(),
        };
        let sharing = self.parts.iter().filter(|part| part.selected.get(&entry.addr).is_some()).count();
        let service = if sharing > 1 {
            format!("the first by name of {sharing} backends that it comes from")
        } else {
            "the backend it comes from".to_owned()
        };
        let origins = Origins {
            target: &candidate.stored.endpoint.target,
            zone: zone_why(&candidate.stored),
            locality,
            service,
        };
        Some(said(&message, &behind, &origins, mesh))
    }
}
