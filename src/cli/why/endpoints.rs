//! The endpoints of one Service as branches.

use super::{
    text::{because, more},
    tree::{Line, Node, columns},
};
use crate::{
    cli::{
        percent::percent,
        style::{BAD, GOOD, WHY},
    },
    resolve::explain::{Count, Endpoint, Fate, Filter, Serving, Slice, count},
};

/// What leads to the endpoints, and the endpoints.
pub(super) fn serving(serving: &Serving, total_weight: u64) -> Vec<Node> {
    let Serving {
        ready,
        not_ready,
        weight,
        weight_why,
        weight_sum,
        filters,
        slices,
        given,
        left_out,
        left_out_by,
        port_why,
        ..
    } = serving;
    let mut nodes = Vec::new();
    if let Some(weight) = weight {
        let share = percent(*weight_sum, total_weight);
        let line = format!("weight {weight} for each endpoint, together {share} of the traffic");
        nodes.push(Node::new(because(Line::new(&line), weight_why)));
    }
    let port = Node::new(Line::new(&format!("port: {port_why}")));
    nodes.push(port.with(slices.items.iter().map(slice)).with(more(slices, "slices")));
    nodes.extend(filters.iter().map(filter));
    let counts = format!("{} ready, {not_ready} not ready", count(*ready, "endpoint"));
    // In a list that is cut off it is the numbers that count.
    let by = left_out_by.iter().filter(|_| left_out.more > 0 || left_out.total() == 0).map(counted);
    let endpoints = Node::new(Line::new(&counts)).with(by);
    let endpoints = endpoints.with(rows(&given.items, total_weight)).with(more(given, "that are given out"));
    nodes.push(endpoints.with(rows(&left_out.items, total_weight)).with(more(left_out, "that are left out")));
    nodes
}

fn slice(slice: &Slice) -> Node {
    let line = format!("{}, {}: {}", slice.name, count(slice.endpoints, "endpoint"), slice.port_why);
    let line = if slice.port.is_some() { Line::new(&line) } else { Line::default().paint(BAD, line) };
    Node::new(line)
}

fn filter(filter: &Filter) -> Node {
    let line = Line::new(&format!("{}: ", filter.name));
    Node::new(if filter.applies { line.text(&filter.why) } else { line.paint(WHY, &filter.why) })
}

fn counted(by: &Count) -> Node {
    let Count { count: n, why, .. } = by;
    Node::new(because(Line::default().paint(BAD, count(*n, "endpoint")).text(" left out"), why))
}

fn rows(endpoints: &[Endpoint], total_weight: u64) -> Vec<Node> {
    let row = |endpoint: &Endpoint| {
        let share = endpoint.weight.map(|weight| percent(weight.into(), total_weight));
        [
            endpoint.address.clone(),
            share.unwrap_or_default(),
            endpoint.target.clone().unwrap_or_else(|| "no object".to_owned()),
        ]
    };
    let cells = columns(&endpoints.iter().map(row).collect::<Vec<_>>());
    let node = |(endpoint, [address, share, target]): (&Endpoint, [String; 3])| {
        let line = match endpoint.fate {
            Fate::Given => {
                Line::default().paint(GOOD, "given   ").text(&format!("  {address}  {share}  {target}"))
            }
            _ => Line::default().paint(BAD, "left out").text(&format!("  {address}  {target}")),
        };
        Node::new(because(line.text(&place(endpoint)), &endpoint.why))
    };
    endpoints.iter().zip(cells).map(node).collect()
}

/// Where it is, as far as that is known.
pub(super) fn place(endpoint: &Endpoint) -> String {
    let mut place = String::new();
    for (what, is) in [("node", &endpoint.node), ("zone", &endpoint.zone), ("host name", &endpoint.hostname)]
    {
        if let Some(is) = is {
            place += &format!(", {what} {is}");
        }
    }
    if !endpoint.hint_zones.is_empty() {
        place += &format!(", hinted for {}", endpoint.hint_zones.join(", "));
    }
    place
}
