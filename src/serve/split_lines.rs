//! The start-up lines of splits: what clients of each apex get, which is not always what the split says.

use std::collections::BTreeSet;

use crate::{
    cluster::Cluster,
    engine::{Engine, Warning},
    model::{Kind, MAX_SPLITS_OF_APEX, NsName, Reason, ServiceKind, TrafficSplit},
    resolve::{BackendShare, Options, inspect::sent_instead, shares, winner},
};

/// A Service whose traffic is split, at a port where it is.
pub(super) type Splitted = (NsName, u16, Vec<BackendShare>);

/// Each Service whose traffic is split: at the first port where it is, and at the first of those where it is split in
/// another way.
pub(super) fn splits(engine: &Engine, options: &Options) -> Vec<Splitted> {
    let mut splits: Vec<Splitted> = Vec::new();
    for service in engine.cluster().services() {
        let first = splits.len();
        for port in &service.ports {
            let Some(shares) = shares(engine.cluster(), options, &service.name, port.port) else { continue };
            if splits[first..].iter().all(|(.., known)| *known != shares) {
                splits.push((service.name.clone(), port.port, shares));
            }
        }
    }
    splits
}

/// The lines of these splits, and then of each split that divides no traffic.
pub(super) fn lines<'a>(
    engine: &'a Engine,
    splits: &'a [Splitted],
) -> impl Iterator<Item = String> + use<'a> {
    let applied = splits.iter().map(|(apex, port, backends)| {
        let get = backends_line(backends);
        line(engine.cluster(), apex, Some(*port), &get)
    });
    applied.chain(not_applied(engine))
}

fn line(cluster: &Cluster, apex: &NsName, port: Option<u16>, get: &str) -> String {
    let Some(port) = port else { return format!("{apex} -> {get}") };
    match sent_instead(cluster, apex, port) {
        instead if instead.is_empty() => format!("{apex}:{port} -> {get}"),
        instead => format!("{apex}:{port}: {}; others get {get}", instead.join("; ")),
    }
}

/// The splits that divide no traffic: each is reported for it.
fn not_applied(engine: &Engine) -> impl Iterator<Item = String> {
    let cluster = engine.cluster();
    let mut seen = BTreeSet::new();
    let of_splits = engine.warnings().filter(|warning| warning.object.kind == Kind::TrafficSplit);
    of_splits.filter_map(move |warning| {
        let split = cluster.split(&warning.object.name)?;
        let apex = cluster.local_name(split, &split.apex);
        let why = why_not_applied(cluster, split, apex.as_ref(), warning)?;
        // Of several reasons the first one is enough.
        if !seen.insert(&split.name) {
            return None;
        }
        let why = format!("TrafficSplit {} is not applied: {why}", split.name);
        // The line of the split that is applied shows what the clients get.
        let is_applied = |apex: &NsName| winner(cluster, apex).is_some_and(|first| first.name != split.name);
        let Some(apex) = apex.filter(|apex| !is_applied(apex)) else { return Some(why) };
        let service = cluster.service(&apex);
        let get = match service.map(|service| &service.kind) {
            None | Some(ServiceKind::ExternalName(_)) => "no endpoints",
            Some(_) => "its own endpoints",
        };
        let port = service.and_then(|service| service.ports.first()).map(|port| port.port);
        Some(line(cluster, &apex, port, &format!("{get} ({why})")))
    })
}

/// Why a split is not applied, if this warning means that.
fn why_not_applied(
    cluster: &Cluster,
    split: &TrafficSplit,
    apex: Option<&NsName>,
    warning: &Warning,
) -> Option<String> {
    Some(match (warning.problem.reason, apex) {
        (Reason::MatchesUnsupported, _) => "it has matches".to_owned(),
        (Reason::ForeignReference, None) => {
            format!("its apex {:?} is not a Service of its namespace", &*split.apex)
        }
        (Reason::LimitExceeded, Some(apex)) if !cluster.is_considered(apex, split) => {
            format!("{apex} has more than {MAX_SPLITS_OF_APEX} TrafficSplits")
        }
        (Reason::SplitConflict, Some(apex)) => match winner(cluster, apex) {
            Some(first) => format!("TrafficSplit {} already splits {apex}", first.name),
            None => format!("another one already splits {apex}"),
        },
        (Reason::ApexMissing, Some(apex)) => format!("there is no Service {apex}"),
        (Reason::ApexUnsuitable, Some(apex)) => match &cluster.service(apex)?.kind {
            ServiceKind::Headless => "the Service is headless".to_owned(),
            ServiceKind::ExternalName(_) => "the Service is an ExternalName".to_owned(),
            ServiceKind::ClusterIp => "the Service has no endpoints of its own".to_owned(),
        },
        (Reason::NothingWeighted, _) => "no backend of its namespace has a positive weight".to_owned(),
        _ => return None,
    })
}

fn backends_line(backends: &[BackendShare]) -> String {
    let weight = |backend: &BackendShare| if backend.ready { backend.weight.get() } else { 0 };
    let total: u128 = backends.iter().map(|backend| u128::from(weight(backend))).sum();
    let shown = backends.iter().map(|backend| {
        let name = &backend.name.name;
        if !backend.ready {
            return format!("{name} (no endpoints)");
        }
        // Hundredths of a percent are what a person can use; precision past 2^53 is not.
        let total = total.max(1);
        let hundredths = (u128::from(weight(backend)) * 10_000 + total / 2) / total;
        format!("{name} {}.{:02} %", hundredths / 100, hundredths % 100)
    });
    shown.collect::<Vec<_>>().join(" | ")
}
