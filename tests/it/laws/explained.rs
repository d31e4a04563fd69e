//! What an explanation says is selected is what is sent, whatever the cluster and the question.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

use proptest::{
    prelude::{prop_assert, prop_assert_eq, proptest},
    test_runner::TestCaseError,
};
use switchyard::{
    authority::{Authority, Host},
    cluster::Cluster,
    context::{Because, Context, Reading},
    model::Name,
    resolve::{
        Options, Query, Target,
        explain::{
            Explanation, Fate, LISTED, Outcome, ProfileKind, Question, Rpc, Said, Serving, Spot, explain,
        },
        resolve,
    },
};

use super::{
    alphabet::{DOMAIN, objects, options, targets},
    cases,
    client::{State, read},
    simple::{get, service, slice},
    world::World,
};

fn cluster(world: &World) -> Cluster {
    let mut cluster = Cluster::new(DOMAIN.into());
    let mut touched = std::collections::BTreeSet::new();
    world.relist().into_iter().for_each(|event| cluster.apply(event, &mut touched));
    cluster
}

fn question(target: &Target, spot: Option<Spot>) -> Question {
    let host = |service: &_, instance: &Option<Name>| match instance {
        Some(instance) => Host::Instance(instance.clone(), Clone::clone(service)),
        None => Host::Service(Clone::clone(service)),
    };
    let (host, port, reading, rpc) = match &target.query {
        Query::Endpoints { service, instance, port, reading } => {
            (host(service, instance), *port, *reading, Rpc::Get)
        }
        Query::ServiceProfile { service, instance, port } => {
            (host(service, instance), *port, Reading::Leaf, Rpc::Profile)
        }
        Query::AddressProfile { ip, port } => (Host::Ip(*ip), *port, Reading::Leaf, Rpc::Profile),
    };
    let (node, namespace) = (target.client.node.clone(), target.client.namespace.clone());
    let context = Context { reading, namespace, node, pod: None };
    Question { authority: Authority { host, port }, context, because: Because::Named, rpc, spot }
}

/// The parts of an answer of `Get`: the service's own, or those of the backends.
fn servings(explanation: &Explanation) -> Vec<&Serving> {
    let get = explanation.get.as_ref().expect("it was asked");
    let backends = explanation.splits.iter().flat_map(|splits| &splits.backends.items);
    match get.outcome {
        Outcome::Split => backends.filter_map(|backend| backend.serving.as_ref()).collect(),
        _ => get.own.iter().collect(),
    }
}

fn labels(said: &Said) -> BTreeMap<String, String> {
    said.labels.iter().map(|label| (label.key.clone(), label.value.clone())).collect()
}

fn check_words(said: &Said) -> Result<(), TestCaseError> {
    for label in &said.labels {
        prop_assert!(!label.from.is_empty(), "{:?}", label);
    }
    for fact in [&said.identity, &said.protocol, &said.transport, &said.http2, &said.resource] {
        prop_assert!(!fact.why.is_empty(), "{:?}", said);
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn what_is_explained_is_what_is_answered(
        objects in objects(),
        options in options(),
        targets in targets(1..6),
    ) {
        let cluster = cluster(&World::new(&objects));
        for target in &targets {
            let answer = resolve(&cluster, &options, &target.query, &target.client).answer;
            let truth = read(&answer).map_err(TestCaseError::fail)?;
            let explanation = explain(&cluster, &options, &question(target, None));
            let excerpt = question(target, None).excerpt(&cluster, &options);
            prop_assert_eq!(&explain(&excerpt, &options, &question(target, None)), &explanation);
            let json = serde_json::to_string(&explanation).expect("JSON");
            prop_assert_eq!(&serde_json::from_str::<Explanation>(&json).expect("the same back"), &explanation);
            match truth {
                State::Endpoints { exists, known } => {
                    let mut said: BTreeMap<SocketAddr, u32> = BTreeMap::new();
                    for serving in servings(&explanation) {
                        for given in &serving.given.items {
                            *said.entry(given.address.parse().expect("an address")).or_default() +=
                                given.weight.expect("what is given has a weight");
                        }
                        for left_out in &serving.left_out.items {
                            prop_assert!(left_out.fate != Fate::Given && left_out.weight.is_none());
                            prop_assert!(!left_out.why.is_empty(), "{:?}", left_out);
                        }
                        let counted: usize = serving.left_out_by.iter().map(|by| by.count).sum();
                        prop_assert_eq!(counted, serving.left_out.total());
                        prop_assert_eq!(
                            serving.ready + serving.not_ready,
                            serving.given.total() + serving.left_out.total()
                        );
                    }
                    let truth: BTreeMap<_, _> = known.iter().map(|(addr, one)| (*addr, one.weight)).collect();
                    prop_assert_eq!(&said, &truth, "{:?} {:#?}", target, explanation);
                    let get = explanation.get.expect("it was asked");
                    prop_assert_eq!(get.endpoints, known.len());
                    prop_assert_eq!(get.outcome != Outcome::Absent, exists);
                    prop_assert!(!get.why.is_empty());
                    for (addr, one) in &known {
                        let spot = Spot { ip: addr.ip(), port: Some(addr.port()) };
                        let explanation = explain(&cluster, &options, &question(target, Some(spot)));
                        let excerpt = question(target, Some(spot)).excerpt(&cluster, &options);
                        prop_assert_eq!(&explain(&excerpt, &options, &question(target, Some(spot))), &explanation);
                        let here = explanation.whereabouts.items.iter().find(|w| w.weight.is_some());
                        let here = here.expect("what is given out is found");
                        prop_assert_eq!(here.weight, Some(one.weight));
                        let said = here.said.as_ref().expect("something is said");
                        prop_assert_eq!(&labels(said), &one.said.metric_labels);
                        prop_assert_eq!(said.identity.is.is_some(), one.said.tls_identity.is_some());
                        check_words(said)?;
                    }
                }
                State::Profile(truth) => {
                    let profile = explanation.profile.expect("it was asked");
                    let said: Vec<_> =
                        profile.overrides.items.iter().map(|to| (to.authority.clone(), to.weight)).collect();
                    let overrides: Vec<_> =
                        truth.dst_overrides.iter().map(|dst| (dst.authority.clone(), dst.weight)).collect();
                    prop_assert_eq!(said, overrides);
                    prop_assert!(profile.overrides.items.iter().all(|to| !to.why.is_empty()), "{:?}", profile);
                    prop_assert_eq!(profile.kind == ProfileKind::Empty, *truth == Default::default());
                    prop_assert_eq!(profile.opaque, truth.opaque_protocol);
                    prop_assert_eq!(profile.defined_by.is.is_some(), truth.profile_ref.is_some());
                    prop_assert!(!profile.why.is_empty());
                    prop_assert_eq!(profile.endpoint.is_some(), truth.endpoint.is_some());
                    if let (Some(endpoint), Some(truth)) = (profile.endpoint, truth.endpoint) {
                        let said = endpoint.said.expect("something is said");
                        prop_assert_eq!(&labels(&said), &truth.metric_labels);
                        check_words(&said)?;
                    }
                }
            }
        }
    }
}

#[test]
fn a_large_service_is_listed_in_part_and_an_address_of_it_is_found_nevertheless() {
    let cluster = cluster(&World::new(&[service("web"), slice("web", 0, 250)]));
    let spot = Spot { ip: IpAddr::from([10, 0, 0, 249]), port: None };
    let explanation =
        explain(&cluster, &Options::default(), &question(&get("web", Reading::Leaf), Some(spot)));
    let own = explanation.get.expect("it was asked").own.expect("its own endpoints");
    assert_eq!((own.given.items.len(), own.given.more), (LISTED, 250 - LISTED));
    assert_eq!(own.weight_sum, 250 * 10_000);
    let found: Vec<_> =
        explanation.whereabouts.items.iter().map(|w| (w.address.as_str(), w.weight)).collect();
    assert_eq!(found, [("10.0.0.249:8080", Some(10_000))]);
}
