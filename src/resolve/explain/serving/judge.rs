//! What becomes of each endpoint of a slice: asked of those who decided it.

use std::{net::SocketAddr, sync::Arc};

use super::{Endpoint, Fate, Wanted, target};
use crate::{
    cluster::{StoredEndpoint, StoredSlice},
    model::Name,
    resolve::{
        explain::{Explaining, LISTED},
        pool::{Pool, node_of},
        reader::{Reader, Unfit},
        selection::{Locale, SelectionKey},
    },
};

/// Why an endpoint is left out.
#[derive(Clone, Copy)]
pub(super) enum LeftOut {
    Unfit(Unfit),
    Claimed,
    OtherNode,
    OtherZone,
    ByIpv6,
    Excused,
}

impl LeftOut {
    pub(super) fn code(self, wanted: &Wanted<'_, '_>) -> Fate {
        match self {
            Self::Unfit(Unfit::NoPort) => Fate::NoPort,
            Self::Unfit(Unfit::NotReady) => Fate::NotReady,
            Self::Unfit(Unfit::Family) => Fate::Family,
            Self::Unfit(Unfit::OtherName) => Fate::OtherName,
            Self::Unfit(Unfit::Missing) => Fate::TargetMissing,
            Self::Unfit(Unfit::Foreign) => Fate::TargetForeign,
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
pub(super) struct Judge<'j, 'a> {
    pub(super) explaining: &'j Explaining<'a>,
    pub(super) key: &'j SelectionKey,
    pub(super) pool: &'j Pool,
    pub(super) reader: &'j Reader<'j>,
}

impl Judge<'_, '_> {
    /// Where an endpoint is, as far as that can be said, and why it is left out, if it is.
    pub(super) fn fate(
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

    pub(super) fn describe(
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
            hint_zones: endpoint.hint_zones.iter().take(LISTED).map(Name::to_string).collect(),
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
            LeftOut::Unfit(Unfit::Foreign) => {
                format!("{} is of another namespace and does not have the address", target())
            }
            LeftOut::Unfit(Unfit::Unknown) => {
                format!("it refers to a {}, which nobody here can vouch for", target())
            }
            LeftOut::Unfit(Unfit::Unusable(lacks)) => format!(
                "{} is meshed, but its container linkerd-proxy lacks {lacks} with an ip:port",
                target()
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
