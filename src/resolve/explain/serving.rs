//! The endpoints of one Service for one client: which are given out, and why the others are not.

use std::{collections::BTreeMap, net::SocketAddr};

use serde::{Deserialize, Serialize};

mod filters;
mod judge;

use self::{
    filters::{port_why, subset_why},
    judge::Judge,
};
use super::{Explaining, Listed, Spot, count, endpoint::Place};
use crate::{
    cluster::StoredEndpoint,
    model::{Kind, Name, NsName, Service, TargetRef},
    resolve::{Look, entries::Part, pool::zone_of, reader::Reader},
    weight::Milli,
};

/// The endpoints of one Service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Serving {
    /// The Service.
    pub service: String,
    /// How its port leads to ports of endpoints.
    pub port_why: String,
    /// How many endpoints its slices list that are ready.
    pub ready: usize,
    /// How many they list that are not.
    pub not_ready: usize,
    /// The weight of each endpoint that is given out, before zones; `None` if none is.
    pub weight: Option<u32>,
    /// How that came about.
    pub weight_why: String,
    /// The weights of all that are given out together.
    pub weight_sum: u64,
    /// What decides by who asks.
    pub filters: Vec<Filter>,
    /// Its slices.
    pub slices: Listed<Slice>,
    /// The endpoints that are given out, by slice.
    pub given: Listed<Endpoint>,
    /// Those that are not.
    pub left_out: Listed<Endpoint>,
    /// How many are not, by reason.
    pub left_out_by: Vec<Count>,
}

/// Something that decides by who asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Filter {
    /// `host name`, `node`, `zone` or `family`.
    pub name: String,
    /// Whether it may leave endpoints out.
    pub applies: bool,
    /// Why it does, or does not.
    pub why: String,
}

/// An EndpointSlice, or an Endpoints object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// `Kind namespace/name`.
    pub name: String,
    /// How many endpoints it lists.
    pub endpoints: usize,
    /// The port of its endpoints; `None` if it does not have the one that is asked for.
    pub port: Option<u16>,
    /// How that was found.
    pub port_why: String,
}

/// How many endpoints are left out for one reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Count {
    /// The reason.
    pub fate: Fate,
    /// How many.
    pub count: usize,
    /// What is said of the first of them.
    pub why: String,
}

/// An endpoint of a slice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// `ip:port`, or the IP alone if its slice does not have the port.
    pub address: String,
    /// What it refers to, as `Kind namespace/name`.
    pub target: Option<String>,
    /// Its slice, as `namespace/name`.
    pub slice: String,
    /// Whether it is ready.
    pub ready: bool,
    /// Its node, as its slice or its Pod says.
    pub node: Option<String>,
    /// Its zone, as its slice says.
    pub zone: Option<String>,
    /// Zones it is hinted for.
    pub hint_zones: Vec<String>,
    /// Its host name.
    pub hostname: Option<String>,
    /// What becomes of it.
    pub fate: Fate,
    /// Its weight, if it is given out. One address in several backends gets the sum.
    pub weight: Option<u32>,
    /// Why it is left out; empty if it is given out.
    pub why: String,
}

/// What becomes of an endpoint of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is given out.
    Given,
    /// Left out: its slice does not have the port that is asked for.
    NoPort,
    /// Left out: it is not ready.
    NotReady,
    /// Left out: it is of a family that is not given out.
    Family,
    /// Left out: it has another host name.
    OtherName,
    /// Left out: the object it refers to does not exist.
    TargetMissing,
    /// Left out: it refers to a Pod of another namespace that does not have its address.
    TargetForeign,
    /// Left out: it refers to a kind that nobody can vouch for.
    TargetUnknown,
    /// Left out: a client could not tell how to speak to its proxy.
    PodUnusable,
    /// Left out: its address is another endpoint's already.
    Claimed,
    /// Left out: it is on another node than the client.
    OtherNode,
    /// Left out: it is hinted for other zones than the client's.
    OtherZone,
    /// Left out: what it refers to is reached by IPv6.
    ByIpv6,
    /// Left out: its backend gets no traffic.
    NoWeight,
    /// Left out here: this client asks for the backend itself.
    AskedForItself,
    /// A reason that this version does not know.
    #[serde(other)]
    Other,
}

/// What is to be found out of a Service's endpoints.
pub(super) struct Wanted<'w, 'a> {
    pub(super) service: &'a Service,
    pub(super) instance: Option<&'a Name>,
    pub(super) backend: Option<&'w NsName>,
    /// Its part in the answer; none if it has none.
    pub(super) part: Option<&'w Part>,
    /// Why it has none, if it might have.
    pub(super) excuse: Option<(Fate, String)>,
    /// How the weight of each came about.
    pub(super) weight_why: String,
}

/// An address that everything is to be known of, and where it was found.
pub(super) struct Search {
    pub(super) spot: Option<Spot>,
    pub(super) found: Vec<(Option<SocketAddr>, Place)>,
}

impl<'a> Explaining<'a> {
    /// The endpoints of a Service as this client is to see them.
    pub(super) fn serving(
        &self,
        look: &mut Look<'a>,
        wanted: &Wanted<'_, 'a>,
        mut search: Option<&mut Search>,
    ) -> Serving {
        let service = wanted.service;
        let (seen, _) = look.part(service, wanted.instance, self.port(), wanted.backend);
        let key = look.used.last().expect("a part is a selection").clone();
        let pool = look.pools.pool(self.cluster, self.options, &key.pool);
        let reader = Reader { options: self.options, key: &key.pool };
        let port_name = key.pool.port_name.as_deref();
        let mut serving = Serving {
            service: service.name.to_string(),
            port_why: port_why(self.port(), port_name),
            weight: wanted.part.map(|part| part.weight).filter(|_| !seen.selected.is_empty()),
            weight_why: wanted.weight_why.clone(),
            filters: self.filters(service, &key, pool),
            ..Serving::default()
        };
        let judge = Judge { explaining: self, key: &key, pool, reader: &reader };
        let mut by_fate: BTreeMap<Fate, Count> = BTreeMap::new();
        for slice in self.cluster.slices_of(&service.name) {
            for subset in &slice.subsets {
                let port = reader.target_port(subset);
                serving.slices.add(|| Slice {
                    name: slice.id.to_string(),
                    endpoints: subset.endpoints.len(),
                    port,
                    port_why: subset_why(port, subset, self.port(), port_name),
                });
                for stored in &subset.endpoints {
                    let of_its_kind =
                        if stored.endpoint.ready { &mut serving.ready } else { &mut serving.not_ready };
                    *of_its_kind += 1;
                    let (addr, fate) = judge.fate(slice, port, stored, wanted);
                    let given = addr.filter(|_| fate.is_none());
                    let weight = given
                        .zip(wanted.part)
                        .and_then(|(addr, part)| Some(part.entry(part.selected.get(&addr)?).weight));
                    serving.weight_sum += u64::from(weight.unwrap_or_default());
                    let describe = || judge.describe(slice, addr, stored, fate, weight, wanted);
                    if let Some(search) = &mut search
                        && search.spot.is_some_and(|spot| {
                            spot.ip == stored.endpoint.address
                                && spot.port.is_none_or(|port| addr.is_none_or(|addr| addr.port() == port))
                        })
                    {
                        let place = Place { service: service.name.to_string(), endpoint: describe() };
                        search.found.push((addr, place));
                    }
                    match fate {
                        None => serving.given.add(describe),
                        Some(fate) => {
                            let code = fate.code(wanted);
                            by_fate
                                .entry(code)
                                .or_insert_with(|| Count { fate: code, count: 0, why: describe().why })
                                .count += 1;
                            serving.left_out.add(describe);
                        }
                    }
                }
            }
        }
        serving.left_out_by = by_fate.into_values().collect();
        serving
    }
}

/// `Pod default/reviews-v2-0`
pub(super) fn target(target: &TargetRef) -> Option<String> {
    match target {
        TargetRef::None => None,
        TargetRef::Pod(name) => Some(format!("{} {name}", Kind::Pod)),
        TargetRef::Workload(name) => Some(format!("{} {name}", Kind::ExternalWorkload)),
        TargetRef::Other(kind) => Some(kind.to_string()),
    }
}

/// Where an endpoint's zone comes from.
pub(super) fn zone_why(stored: &StoredEndpoint) -> &'static str {
    match (zone_of(stored), &stored.endpoint.zone) {
        (Some(_), _) => "zone of the endpoint in its slice",
        (None, Some(_)) => "its slice says one, but nothing is behind the endpoint that could be in it",
        (None, None) => "its slice says none",
    }
}

/// The weight of a backend's endpoint, as it is worked out.
pub(super) fn arithmetic(weight: Milli, total: u128, endpoints: usize, each: u32) -> String {
    let (share, parts) = (1_000_000_000 * u128::from(weight.get()), total * endpoints as u128);
    let is = if share < parts {
        format!("is less than 1, but nothing weighs less than {each}")
    } else if share.is_multiple_of(parts) {
        format!("= {each}")
    } else {
        format!("is rounded to {each}")
    };
    format!("10^9 * {weight} / ({} * {}) {is}", milli(total), count(endpoints, "endpoint"))
}

/// Thousandths as Kubernetes writes them, also beyond what one weight can be.
pub(super) fn milli(thousandths: u128) -> String {
    if thousandths.is_multiple_of(1000) {
        (thousandths / 1000).to_string()
    } else {
        format!("{thousandths}m")
    }
}
