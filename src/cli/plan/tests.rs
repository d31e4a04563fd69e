//! Plans that are too large to be shown whole.

use std::net::SocketAddr;

use super::{Shown, json, markdown, text};
use crate::{
    cli::style::tests::plain,
    model::{NsName, TargetRef},
    plan::{Answered, Changes, Destination, EndpointChange, EndpointPart, EndpointsChange, Plan, Share},
};

/// A service with so many endpoints that all are new.
fn destination(service: usize, endpoints: u32) -> Destination {
    let name = NsName::new("default", format!("s{service}"));
    let endpoint = |i: u32| EndpointChange {
        addr: SocketAddr::from(((0x0A00_0000 + i).to_be_bytes(), 80)),
        before: None,
        after: Some(EndpointPart {
            backends: vec![name.clone()],
            target: TargetRef::None,
            weight: 1,
            share: Share::of(1, endpoints.into()),
        }),
        fields: Vec::new(),
    };
    let change = EndpointsChange {
        before: Answered::Endpoints(0),
        after: Answered::Endpoints(endpoints as usize),
        backends: Vec::new(),
        endpoints: (0..endpoints).map(endpoint).collect(),
        labels: false,
    };
    let changes = Changes { merged: Some(change), ..Changes::default() };
    Destination { service: name, port: 80, clients: Vec::new(), changes }
}

#[test]
fn what_is_too_much_to_read_is_counted_but_in_json() {
    let destinations = (0..60).map(|i| destination(i, 1000)).collect();
    let shown = Shown { plan: Plan { destinations, ..Plan::default() }, notes: Vec::new() };
    for write in [text::write, markdown::write] {
        let mut out = Vec::new();
        write(&mut out, &shown).unwrap();
        let out = plain(out);
        assert_eq!(out.matches("and 980 more endpoints: 980 added").count(), 50);
        assert_eq!(out.matches("and 10 more destinations").count(), 1);
        assert!(out.len() < 65_536 * 2, "{}", out.len());
    }
    let mut out = Vec::new();
    json::write(&mut out, &shown).unwrap();
    assert_eq!(plain(out).matches("\"addr\"").count(), 60_000);
}
