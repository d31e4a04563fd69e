//! The endpoints of one Service for one client: which are given out, and why the others are not.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Explaining, Listed, Spot, count, endpoint::Place};
use crate::{
    cluster::{StoredEndpoint, StoredSlice, StoredSubset},
    model::{Kind, Name, NsName, Service, TargetRef},
    resolve::{
        Look,
        entries::Part,
        pool::{Pool, node_of, zone_of},
        reader::{Reader, Unfit},
        selection::{Locale, SelectionKey},
    },
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
                    if stored.endpoint.ready {
                        serving.ready += 1
                    } else {
                        serving.not_ready += 1
                    }
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

    fn filters(&self, service: &Service, key: &SelectionKey, pool: &Pool) -> Vec<Filter> {
        let mut filters = Vec::new();
        let mut say = |name: &str, applies, why: String| {
            filters.push(Filter { name: name.to_owned(), applies, why });
        };
        if let Some(instance) = &key.pool.instance {
            say("host name", true, format!("only endpoints with the host name {instance}"));
        }
        let (census, node) = (pool.census(), &self.question.context.node);
        let all = pool.candidates().len();
        match &key.locale {
            Locale::Node(Some(node)) => {
                say("node", true, format!("internalTrafficPolicy is Local: only endpoints on node {node}"));
            }
            Locale::Node(None) => say(
                "node",
                true,
                "internalTrafficPolicy is Local, and the token names no node: there are none".to_owned(),
            ),
            Locale::Zone(zone) => say(
                "zone",
                true,
                format!("every endpoint has a hint, and some are for zone {zone}, the client's: only those"),
            ),
            Locale::Anywhere if census.hinted_for.is_empty() => {}
            Locale::Anywhere if census.unhinted > 0 => {
                let unhinted = count(census.unhinted, "endpoint");
                say("zone", false, format!("{unhinted} of {all} without a hint, so that no hint counts"));
            }
            Locale::Anywhere => match (node, node.as_ref().and_then(|node| self.cluster.zone_of(node))) {
                (_, Some(zone)) => {
                    say(
                        "zone",
                        false,
                        format!("no endpoint is hinted for zone {zone}, the client's: all are used"),
                    );
                }
                (Some(node), None) => {
                    say("zone", false, format!("there are hints, but the zone of node {node} is not known"));
                }
                (None, None) => {
                    say("zone", false, "there are hints, but the token names no node".to_owned());
                }
            },
        }
        if service.local_traffic_only && !census.hinted_for.is_empty() {
            say("zone", false, "the node comes first, so that no hint counts".to_owned());
        }
        if !self.options.ipv6 {
            say("family", true, "--enable-ipv6=false: only IPv4".to_owned());
        } else if census.ipv6 > 0 {
            say("family", true, "what has an IPv6 address is given by that alone".to_owned());
        }
        filters
    }
}

/// `9080 is called http in the Service`
fn port_why(port: u16, name: Option<&str>) -> String {
    match name {
        Some("") => format!("{port} has no name in the Service"),
        Some(name) => format!("{port} is called {name} in the Service"),
        None => format!("the Service does not declare {port}, so that the number is used as it is"),
    }
}

/// Which port of a subset it is, or which it has instead.
fn subset_why(port: Option<u16>, subset: &StoredSubset, asked: u16, name: Option<&str>) -> String {
    let quoted = |name: &str| if name.is_empty() { "without a name".to_owned() } else { name.to_owned() };
    match (port, name, &subset.ports) {
        (_, _, None) => "it lists no ports, so that it has none".to_owned(),
        (Some(port), Some(name), _) => format!("its port {} is {port}", quoted(name)),
        (Some(_), None, _) => format!("{asked} as it was asked for"),
        (None, name, Some(ports)) => {
            let has: Vec<_> =
                ports.iter().take(5).map(|port| format!("{} {}", quoted(&port.name), port.port)).collect();
            let has = if has.is_empty() { "none".to_owned() } else { has.join(", ") };
            format!("it has no port {}, but {has}", quoted(name.unwrap_or_default()))
        }
    }
}

/// Why an endpoint is left out.
#[derive(Clone, Copy)]
enum LeftOut {
    Unfit(Unfit),
    Claimed,
    OtherNode,
    OtherZone,
    ByIpv6,
    Excused,
}

impl LeftOut {
    fn code(self, wanted: &Wanted<'_, '_>) -> Fate {
        match self {
            Self::Unfit(Unfit::NoPort) => Fate::NoPort,
            Self::Unfit(Unfit::NotReady) => Fate::NotReady,
            Self::Unfit(Unfit::Family) => Fate::Family,
            Self::Unfit(Unfit::OtherName) => Fate::OtherName,
            Self::Unfit(Unfit::Missing) => Fate::TargetMissing,
            Self::Unfit(Unfit::Unknown) => Fate::TargetUnknown,
            Self::Unfit(Unfit::Unusable(_)) => Fate::PodUnusable,
            Self::Claimed => Fate::Claimed,
            Self::OtherNode => Fate::OtherNode,
            Self::OtherZone => Fate::OtherZone,
            Self::ByIpv6 => Fate::ByIpv6,
            Self::Excused => wanted.excuse.as_ref().map_or(Fate::Other, |(fate, _)| *fate),
        }
    }
}

/// Asks those who decided.
struct Judge<'j, 'a> {
    explaining: &'j Explaining<'a>,
    key: &'j SelectionKey,
    pool: &'j Pool,
    reader: &'j Reader<'j>,
}

impl Judge<'_, '_> {
    /// Where an endpoint is, as far as that can be said, and why it is left out, if it is.
    fn fate(
        &self,
        slice: &StoredSlice,
        port: Option<u16>,
        stored: &Arc<StoredEndpoint>,
        wanted: &Wanted<'_, '_>,
    ) -> (Option<SocketAddr>, Option<LeftOut>) {
        let addr = port.map(|port| SocketAddr::new(stored.endpoint.address, port));
        let addr = match self.reader.address(port, stored) {
            Ok(addr) => addr,
            Err(unfit) => return (addr, Some(LeftOut::Unfit(unfit))),
        };
        let candidate = self.pool.candidates().get(&addr);
        let candidate = candidate.filter(|one| Arc::ptr_eq(&one.stored, stored) && one.slice == slice.id);
        let left_out = match candidate {
            None => Some(LeftOut::Claimed),
            Some(candidate) if !self.key.admits(candidate) => match self.key.locale {
                Locale::Node(_) => Some(LeftOut::OtherNode),
                Locale::Zone(_) | Locale::Anywhere => Some(LeftOut::OtherZone),
            },
            Some(candidate) if !self.key.selects(self.pool, candidate) => Some(LeftOut::ByIpv6),
            Some(_) => wanted.part.is_none().then_some(LeftOut::Excused),
        };
        (Some(addr), left_out)
    }

    fn describe(
        &self,
        slice: &StoredSlice,
        addr: Option<SocketAddr>,
        stored: &StoredEndpoint,
        left_out: Option<LeftOut>,
        weight: Option<u32>,
        wanted: &Wanted<'_, '_>,
    ) -> Endpoint {
        let endpoint = &stored.endpoint;
        let text = |name: Option<&Name>| name.map(Name::to_string);
        Endpoint {
            address: addr.map_or_else(|| endpoint.address.to_string(), |addr| addr.to_string()),
            target: target(&endpoint.target),
            slice: slice.id.name.to_string(),
            ready: endpoint.ready,
            node: text(node_of(stored).or(endpoint.node.as_ref())),
            zone: text(endpoint.zone.as_ref()),
            hint_zones: endpoint.hint_zones.iter().map(Name::to_string).collect(),
            hostname: text(endpoint.hostname.as_ref()),
            fate: left_out.map_or(Fate::Given, |left_out| left_out.code(wanted)),
            weight,
            why: left_out.map(|why| self.why(why, addr, stored, wanted)).unwrap_or_default(),
        }
    }

    fn why(
        &self,
        left_out: LeftOut,
        addr: Option<SocketAddr>,
        stored: &StoredEndpoint,
        wanted: &Wanted<'_, '_>,
    ) -> String {
        let endpoint = &stored.endpoint;
        let target = || target(&endpoint.target).unwrap_or_default();
        match left_out {
            LeftOut::Unfit(Unfit::NoPort) => "its slice does not have the port".to_owned(),
            LeftOut::Unfit(Unfit::NotReady) => "not ready".to_owned(),
            LeftOut::Unfit(Unfit::Family) => "IPv6 is not given out (--enable-ipv6=false)".to_owned(),
            LeftOut::Unfit(Unfit::OtherName) => match &endpoint.hostname {
                Some(name) => format!("its host name is {name}"),
                None => "it has no host name".to_owned(),
            },
            LeftOut::Unfit(Unfit::Missing) => format!("there is no {}", target()),
            LeftOut::Unfit(Unfit::Unknown) => {
                format!("it refers to a {}, which nobody here can vouch for", target())
            }
            LeftOut::Unfit(Unfit::Unusable(lacks)) => format!(
                "{} is meshed, but its container linkerd-proxy lacks {} with an ip:port",
                target(),
                lacks.0
            ),
            LeftOut::Claimed => {
                let claimed = addr.and_then(|addr| self.pool.candidates().get(&addr));
                match claimed {
                    Some(other) => format!("the address is listed first in slice {}", other.slice.name),
                    None => "the address is another endpoint's".to_owned(),
                }
            }
            LeftOut::OtherNode => {
                let on = match (node_of(stored), &endpoint.node) {
                    (Some(node), _) => format!("on node {node}"),
                    (None, Some(node)) => format!("on node {node} by its slice, but no Pod is behind it"),
                    (None, None) => "on no known node".to_owned(),
                };
                match &self.explaining.question.context.node {
                    Some(client) => format!("{on}, the client on {client}"),
                    None => format!("{on}, and the client's node is not known"),
                }
            }
            LeftOut::OtherZone => {
                let zones: Vec<_> = endpoint.hint_zones.iter().map(Name::as_str).collect();
                format!("hinted for {}", zones.join(", "))
            }
            LeftOut::ByIpv6 => format!("{} is given by its IPv6 address", target()),
            LeftOut::Excused => wanted.excuse.as_ref().map(|(_, why)| why.clone()).unwrap_or_default(),
        }
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
