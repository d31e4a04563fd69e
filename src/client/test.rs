//! Messages for tests, written short.

use std::net::SocketAddr;

use crate::pb::destination::{AddrSet, NoEndpoints, Update, WeightedAddr, WeightedAddrSet, update};

/// `10.0.0.1:80=5 backend/pod`: an address, its weight, and (both optional) labels `service` and `pod`.
pub(crate) fn endpoint(text: &str) -> WeightedAddr {
    let (head, labels) = text.split_once(' ').unwrap_or((text, ""));
    let (addr, weight) = head.split_once('=').expect("addr=weight");
    let (service, pod) = labels.split_once('/').unwrap_or((labels, ""));
    let metric_labels = [("service", service), ("pod", pod)]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    WeightedAddr {
        addr: Some(addr.parse::<SocketAddr>().unwrap().into()),
        weight: weight.parse().unwrap(),
        metric_labels,
        ..WeightedAddr::default()
    }
}

pub(crate) fn update(update: update::Update) -> Update {
    Update { update: Some(update) }
}

/// An `add` of the service `default/reviews`.
pub(crate) fn add(endpoints: &[&str]) -> Update {
    let labels = [("namespace", "default"), ("service", "reviews")];
    update(update::Update::Add(WeightedAddrSet {
        addrs: endpoints.iter().map(|text| endpoint(text)).collect(),
        metric_labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
    }))
}

pub(crate) fn remove(addrs: &[&str]) -> Update {
    let addrs = addrs.iter().map(|addr| addr.parse::<SocketAddr>().unwrap().into()).collect();
    update(update::Update::Remove(AddrSet { addrs }))
}

pub(crate) fn no_endpoints(exists: bool) -> Update {
    update(update::Update::NoEndpoints(NoEndpoints { exists }))
}
