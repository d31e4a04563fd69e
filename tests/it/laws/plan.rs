//! A plan says what differs, all of it and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{
    prelude::{Strategy, prop_assert, prop_assert_eq, proptest},
    test_runner::TestCaseError,
};
use switchyard::{
    context::Reading,
    model::{Name, NsName, Object},
    plan::{Answered, Asker, Changes, EndpointsChange, Plan, Share, State as Side},
    resolve::{Client, Options, Query, Target},
    source::Batch,
};

use super::{
    alphabet::{DOMAIN, batch, objects, options},
    cases,
    client::State,
    oracle::Oracle,
    world::World,
};

/// A service's port.
type Destination = (NsName, u16);

/// Two states of a cluster, and how a server is run there.
#[derive(Debug)]
struct Edited {
    before: World,
    after: World,
    options: Options,
}

impl Edited {
    /// Both states, before and after.
    fn sides(&self) -> [Side; 2] {
        [&self.before, &self.after].map(|world| {
            let batch = Batch { events: world.relist(), ..Batch::default() };
            Side::new(DOMAIN.into(), self.options.clone(), [batch])
        })
    }

    fn plan(&self, [before, after]: &[Side; 2], asker: &Asker) -> Plan {
        Plan::between(before, after, &self.options, asker)
    }

    /// All that can be asked for, in either state.
    fn destinations(&self) -> BTreeSet<Destination> {
        let ports = |object: &Object| match object {
            Object::Service(s) => s.ports.iter().map(|port| (s.name.clone(), port.port)).collect(),
            _ => Vec::new(),
        };
        [&self.before, &self.after].into_iter().flat_map(World::objects).flat_map(ports).collect()
    }

    /// What a client is told in both states, as the oracle has it.
    fn told(&self, query: &Query, client: &Client) -> [State; 2] {
        let target = Target { query: query.clone(), client: client.clone() };
        [&self.before, &self.after]
            .map(|world| Oracle { objects: world.objects(), options: &self.options }.answer(&target))
    }

    /// Whether a client is told something else.
    fn differs(&self, destination: &Destination, client: &Client) -> bool {
        queries(destination).iter().any(|query| {
            let [before, after] = self.told(query, client);
            before != after
        })
    }
}

fn get((service, port): &Destination, reading: Reading) -> Query {
    Query::Endpoints { service: service.clone(), instance: None, port: *port, reading }
}

fn queries(destination: &Destination) -> [Query; 3] {
    let (service, port) = destination.clone();
    let profile = Query::ServiceProfile { service, instance: None, port };
    [get(destination, Reading::Merged), get(destination, Reading::Leaf), profile]
}

/// Clients on every node and in every namespace that there may be, and on one that there is not.
fn clients() -> Vec<Client> {
    let on = |node: &str| Client { node: Some(node.into()), namespace: None };
    let of = |namespace: &str| Client { node: None, namespace: Some(namespace.into()) };
    let mut clients = vec![Client::default()];
    clients.extend(["n0", "n1", "n2", "n9"].map(on));
    clients.extend(["d", "e", "client"].map(of));
    clients
}

fn edited() -> impl Strategy<Value = Edited> {
    (objects(), batch(), options()).prop_map(|(objects, edits, options)| {
        let before = World::new(&objects);
        let mut after = before.clone();
        after.edit_all(&edits);
        Edited { before, after, options }
    })
}

fn listed(plan: &Plan) -> BTreeSet<Destination> {
    plan.destinations.iter().map(|d| (d.service.clone(), d.port)).collect()
}

/// Each `before` is the `after` of the other and the other way round.
fn swapped(mut plan: Plan) -> Plan {
    std::mem::swap(&mut plan.brought, &mut plan.removed);
    for destination in &mut plan.destinations {
        let Changes { merged, leaf, profile } = &mut destination.changes;
        for change in [merged, leaf].into_iter().flatten() {
            std::mem::swap(&mut change.before, &mut change.after);
            change.backends.iter_mut().for_each(|c| std::mem::swap(&mut c.before, &mut c.after));
            change.endpoints.iter_mut().for_each(|c| std::mem::swap(&mut c.before, &mut c.after));
        }
        let Some(profile) = profile else { continue };
        std::mem::swap(&mut profile.before, &mut profile.after);
        profile.overrides.iter_mut().for_each(|c| std::mem::swap(&mut c.before, &mut c.after));
    }
    plan
}

/// In no order: which of several kinds of clients comes first depends on who is asked first.
fn by_name(mut plan: Plan) -> Plan {
    plan.destinations.sort_by(|a, b| (&a.service, a.port, &a.clients).cmp(&(&b.service, b.port, &b.clients)));
    plan
}

/// The shares of the endpoints and of the backends are those of the weights that the oracle answers.
fn check_shares(change: &EndpointsChange, told: &[State; 2]) -> Result<(), TestCaseError> {
    let sides = [change.before, change.after];
    for (side, (answered, told)) in sides.into_iter().zip(told).enumerate() {
        let State::Endpoints { exists, known } = told else {
            return Err(TestCaseError::fail("no endpoints"));
        };
        let expect = if *exists { Answered::Endpoints(known.len()) } else { Answered::Absent };
        prop_assert_eq!(answered, expect);
        let total: u64 = known.values().map(|one| u64::from(one.weight)).sum();
        let mut listed = BTreeMap::new();
        for endpoint in &change.endpoints {
            let part = if side == 0 { &endpoint.before } else { &endpoint.after };
            prop_assert_eq!(part.is_some(), known.contains_key(&endpoint.addr));
            if let Some(part) = part {
                prop_assert_eq!(part.share, Share::of(known[&endpoint.addr].weight.into(), total));
                listed.insert(endpoint.addr, part.share);
            }
        }
        let backends = change.backends.iter();
        let parts = backends.filter_map(|b| if side == 0 { b.before.as_ref() } else { b.after.as_ref() });
        let sum: u64 = parts.map(|part| u64::from(part.share.ppb())).sum();
        let whole = if known.is_empty() { 0 } else { Share::WHOLE };
        prop_assert!(sum.abs_diff(whole) <= change.backends.len() as u64, "{} of {}", sum, whole);
        // What is not listed has the same share on both sides, so this is all of it.
        let rest = known.iter().filter(|(addr, _)| !listed.contains_key(addr));
        let rest: u64 = rest.map(|(_, one)| u64::from(Share::of(one.weight.into(), total).ppb())).sum();
        let sum = rest + listed.values().map(|share| u64::from(share.ppb())).sum::<u64>();
        prop_assert!(sum.abs_diff(whole) <= known.len() as u64, "{} of {}", sum, whole);
    }
    Ok(())
}

/// An endpoint is listed if it is said differently or has another share, and only then.
fn check_listed(change: &EndpointsChange, told: &[State; 2]) -> Result<(), TestCaseError> {
    let [State::Endpoints { known: before, .. }, State::Endpoints { known: after, .. }] = told else {
        return Err(TestCaseError::fail("no endpoints"));
    };
    let listed: BTreeSet<_> = change.endpoints.iter().map(|endpoint| endpoint.addr).collect();
    let total = |known: &BTreeMap<_, super::client::Known>| known.values().map(|k| u64::from(k.weight)).sum();
    let (old_total, new_total) = (total(before), total(after));
    for addr in before.keys().chain(after.keys()) {
        let is_same = match (before.get(addr), after.get(addr)) {
            (Some(old), Some(new)) => {
                let same_share =
                    Share::of(old.weight.into(), old_total) == Share::of(new.weight.into(), new_total);
                old.said == new.said && old.weight == new.weight && same_share
            }
            _ => false,
        };
        if !is_same {
            prop_assert!(listed.contains(addr), "{} is not listed", addr);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn exactly_what_a_client_is_told_differently_is_listed(edited in edited()) {
        let sides = edited.sides();
        for client in clients() {
            let plan = edited.plan(&sides, &Asker::One(client.clone()));
            let differ = edited.destinations().into_iter().filter(|d| edited.differs(d, &client));
            prop_assert_eq!(listed(&plan), differ.collect::<BTreeSet<_>>(), "{:?}", client);
        }
    }

    #[test]
    fn for_everybody_is_for_whoever_is_told_differently(edited in edited()) {
        let plan = edited.plan(&edited.sides(), &Asker::Everybody);
        let anybody = |d: &Destination| clients().iter().any(|client| edited.differs(d, client));
        let differ = edited.destinations().into_iter().filter(anybody);
        prop_assert_eq!(listed(&plan), differ.collect::<BTreeSet<_>>());
    }

    #[test]
    fn shares_are_those_of_what_is_answered_and_add_up(edited in edited()) {
        let sides = edited.sides();
        for client in clients() {
            for destination in edited.plan(&sides, &Asker::One(client.clone())).destinations {
                let of = (destination.service.clone(), destination.port);
                let Changes { merged, leaf, .. } = &destination.changes;
                for (change, reading) in [(merged, Reading::Merged), (leaf, Reading::Leaf)] {
                    let told = edited.told(&get(&of, reading), &client);
                    if let Some(change) = change {
                        check_shares(change, &told)?;
                        check_listed(change, &told)?;
                    }
                }
            }
        }
    }

    #[test]
    fn backwards_is_the_other_way_round(edited in edited()) {
        let (sides, mut reversed) = (edited.sides(), edited.sides());
        reversed.swap(0, 1);
        for asker in [Asker::Everybody, Asker::One(Client { node: Some(Name::from("n0")), namespace: None })] {
            let there = edited.plan(&sides, &asker);
            let back = edited.plan(&reversed, &asker);
            prop_assert_eq!(by_name(there), by_name(swapped(back)));
        }
    }

    #[test]
    fn what_stays_as_it_is_has_an_empty_plan(objects in objects(), options in options()) {
        let world = World::new(&objects);
        let edited = Edited { before: world.clone(), after: world, options };
        prop_assert!(edited.plan(&edited.sides(), &Asker::Everybody).is_empty());
    }
}
