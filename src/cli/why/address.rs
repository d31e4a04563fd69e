//! Everything about one address as a branch.

use super::{
    endpoints::place,
    text::{because, fact, more},
    tree::{Line, Node, columns},
};
use crate::{
    cli::{
        percent::percent,
        style::{BAD, GOOD, HEADING},
    },
    resolve::explain::{Fate, Label, Place, Said, Whereabouts},
};

/// An address, and why what is said of it is said.
pub(super) fn node(whereabouts: &Whereabouts) -> Node {
    let Whereabouts { address, weight, total_weight, weight_why, places, said } = whereabouts;
    let line = Line::default().paint(HEADING, address);
    let node = match weight {
        Some(weight) => {
            let share = percent((*weight).into(), *total_weight);
            Node::new(
                line.paint(GOOD, format!("  weight {weight}")).text(&format!(", {share} of the traffic")),
            )
        }
        None => Node::new(line.paint(BAD, "  not given out")),
    };
    let heading = if weight.is_some() { "weight: " } else { "" };
    let node = node.with(weight_why.iter().map(|why| Node::new(Line::new(&format!("{heading}{why}")))));
    let node = node.with(places.items.iter().map(found)).with(more(places, "places"));
    node.with(said.iter().flat_map(facts))
}

fn found(found: &Place) -> Node {
    let Place { service, endpoint } = found;
    let target = endpoint.target.as_deref().unwrap_or("no object");
    let line = Line::new(&format!("in slice {} of {service}: {target}{}", endpoint.slice, place(endpoint)));
    let line = match endpoint.fate {
        Fate::Given => line.paint(GOOD, ", given out"),
        _ => line.paint(BAD, ", left out"),
    };
    Node::new(because(line, &endpoint.why))
}

fn facts(said: &Said) -> Vec<Node> {
    let Said { labels, identity, protocol, transport, http2, authority, resource, skipped_ports } = said;
    let all = [identity, protocol, transport, http2, authority, resource, skipped_ports];
    if labels.is_empty() && all.iter().all(|fact| fact.is.is_none()) {
        return vec![Node::new(because(Line::new("nothing else is said of it"), &identity.why))];
    }
    let mut nodes = vec![Node::new(Line::new("labels")).with(self::labels(labels))];
    for (name, is) in [
        ("identity", identity),
        ("protocol hint", protocol),
        ("opaque transport port", transport),
        ("HTTP/2 parameters", http2),
        ("authority override", authority),
        ("resource", resource),
        ("skipped ports", skipped_ports),
    ] {
        nodes.push(Node::new(fact(name, is)));
    }
    nodes
}

/// Labels with where they come from.
pub(super) fn labels(labels: &[Label]) -> Vec<Node> {
    let rows: Vec<_> =
        labels.iter().map(|label| [format!("{}={}", label.key, label.value), label.from.clone()]).collect();
    let cells = columns(&rows);
    cells.into_iter().map(|[label, from]| Node::new(because(Line::new(&label), &from))).collect()
}
