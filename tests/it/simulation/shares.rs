//! The shares of a split add up in what a client holds: each backend that serves has its part of a billion, as
//! far as whole numbers can say it.

use std::{collections::BTreeMap, net::SocketAddr};

use switchyard::{
    context::Reading,
    model::NsName,
    resolve::{Query, Target},
};

use super::history::History;
use crate::laws::client::State;

const BILLION: u128 = 1_000_000_000;

/// Checks a state that was true at this moment.
///
/// # Errors
/// If a weight is not what the backends of its address add up to.
pub(super) fn check(history: &History, moment: usize, target: &Target, state: &State) -> Result<(), String> {
    let Query::Endpoints { service, instance: None, port, reading: Reading::Merged } = &target.query else {
        return Ok(());
    };
    let State::Endpoints { known, .. } = state else { return Ok(()) };
    let oracle = history.oracle(moment);
    let Some(parts) = oracle.service(service).and_then(|apex| oracle.parts(apex, *port)) else {
        return Ok(());
    };
    let total: u128 = parts.iter().map(|(_, weight)| weight).sum();
    if total == 0 {
        return Ok(());
    }
    // What each backend would answer by itself.
    let alone = |backend: &NsName| -> Vec<SocketAddr> {
        let declared = oracle.service(backend).is_some_and(|service| service.port(*port).is_some());
        let query = Query::Endpoints {
            service: backend.clone(),
            instance: None,
            port: *port,
            reading: Reading::Leaf,
        };
        match &*history.truth(&Target { query, client: target.client.clone() }, moment) {
            State::Endpoints { known, .. } if declared => known.keys().copied().collect(),
            _ => Vec::new(),
        }
    };
    let served: BTreeMap<_, _> = parts.iter().map(|(name, weight)| (alone(name), *weight)).fold(
        BTreeMap::new(),
        |mut all: BTreeMap<SocketAddr, Vec<(u128, u128)>>, (addrs, weight)| {
            for addr in addrs.iter().filter(|_| weight > 0) {
                all.entry(*addr).or_default().push((weight, addrs.len() as u128));
            }
            all
        },
    );
    // Rounding moves an address by less than 1 for each of its backends: `|sent - 10^9 W_b / (W_total n_b)| <= 1`.
    let is_right = |addr: &SocketAddr, sent: u128| {
        served.get(addr).is_some_and(|backends| {
            let parts = |(weight, count): &(u128, u128)| BILLION * weight / (total * count);
            let exact: u128 = backends.iter().map(parts).sum();
            (exact..=exact + backends.len() as u128).contains(&sent)
        })
    };
    let wrong = known.iter().find(|(addr, one)| !is_right(addr, one.weight.into()));
    match wrong {
        Some((addr, one)) => {
            Err(format!("the weight {} of {addr} is not its share of {parts:?}", one.weight))
        }
        None => check_sum(&served, known.values().map(|one| u128::from(one.weight)).sum(), total),
    }
}

/// Checks that all weights together are the parts of those who serve.
fn check_sum(served: &BTreeMap<SocketAddr, Vec<(u128, u128)>>, sum: u128, total: u128) -> Result<(), String> {
    let each = served.values().flatten();
    let exact: u128 = each.clone().map(|(weight, count)| BILLION * weight / (total * count)).sum();
    if (exact..=exact + each.count() as u128).contains(&sum) {
        return Ok(());
    }
    Err(format!("the weights add up to {sum}, not to {exact} parts of a billion"))
}
