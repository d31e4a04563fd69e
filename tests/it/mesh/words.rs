//! Objects as words.
//!
//! ```text
//! service web 80                    a ClusterIP Service with one unnamed port
//! service web 80/http 90/admin      named ports; more words: headless external=HOST ip=ADDR local marker=M
//! endpoints web W1 W2               its EndpointSlice "web", ready endpoints, unnamed port 80
//! endpoints web http=8080 W1        with these ports (`=8080` is an unnamed one); `noports` for none at all
//! slice web-2 of web W3             another slice of it; `slice x W1` belongs to nobody
//! subsets web W1                    an Endpoints object
//! pod p1 node=n1    node n1 zone=z  what they say
//! split web a=500m b=1              TrafficSplit "split" of web; more words: name=N at=SECONDS noage matches
//! profile web to:x:80=500m          ServiceProfile of web; more words: route=NAME in=NAMESPACE problem
//! - split split                     is gone
//! ```
//!
//! Commands are separated by `;` or lines. A name may be written `namespace/name`. Endpoints are a letter and
//! a number, each its own address: `W1`, `W1v6`, `B1..B9`, with more in parentheses and commas:
//! `W1(off,pod=p1,node=n1,hint=z1+z2,host=pod-0)`, where `other` is a reference to what nobody knows.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use switchyard::{
    model::{
        Backend, Endpoint, EndpointPort, EndpointSlice, Kind, LabelSet, Name, Node, NsName, Object, ObjectId,
        Phase, Pod, Problem, ProfileOverride, Reason, Service, ServiceKind, ServicePort, ServiceProfile,
        Subset, TargetRef, TrafficSplit,
    },
    pb::destination::Route,
    source::Event,
    weight::Milli,
};

use super::{DOMAIN, NAMESPACE};

/// The events that a script says.
#[track_caller]
pub(crate) fn events(script: &str) -> Vec<Event> {
    script.split([';', '\n']).map(str::trim).filter(|command| !command.is_empty()).map(event).collect()
}

/// The objects of a script, for a list of them.
#[track_caller]
pub(crate) fn objects(script: &str) -> Vec<Object> {
    let object =
        |event| if let Event::Upsert(object) = event { object } else { panic!("a list removes nothing") };
    events(script).into_iter().map(object).collect()
}

#[track_caller]
fn event(command: &str) -> Event {
    let words: Vec<_> = command.split_whitespace().collect();
    match words[..] {
        ["-", kind, name] => Event::Remove(ObjectId { kind: kind_named(kind), name: ns_name(name) }),
        [kind, name, ref words @ ..] => Event::Upsert(object(kind, ns_name(name), words)),
        _ => panic!("not a command: {command:?}"),
    }
}

#[track_caller]
fn kind_named(word: &str) -> Kind {
    match word {
        "service" => Kind::Service,
        "endpoints" | "slice" => Kind::EndpointSlice,
        "subsets" => Kind::Endpoints,
        "pod" => Kind::Pod,
        "node" => Kind::Node,
        "split" => Kind::TrafficSplit,
        "profile" => Kind::ServiceProfile,
        _ => panic!("not a kind: {word:?}"),
    }
}

#[track_caller]
fn object(kind: &str, name: NsName, words: &[&str]) -> Object {
    match (kind, words) {
        ("service", words) => Object::Service(Arc::new(service(name, words))),
        ("endpoints", words) => Object::EndpointSlice(Arc::new(slice(&name, Some(&name.name), words))),
        ("slice", ["of", service, words @ ..]) => {
            Object::EndpointSlice(Arc::new(slice(&name, Some(&(*service).into()), words)))
        }
        ("slice", words) => Object::EndpointSlice(Arc::new(slice(&name, None, words))),
        ("subsets", words) => Object::Endpoints(Arc::new(slice(&name, Some(&name.name), words))),
        ("pod", words) => Object::Pod(Arc::new(running_pod(name, value(words, "node").map(Name::from)))),
        ("node", words) => {
            let name = NsName::new("", name.name);
            Object::Node(Arc::new(Node { name, zone: value(words, "zone").map(Name::from) }))
        }
        ("split", words) => Object::TrafficSplit(Arc::new(split(&name, words))),
        ("profile", words) => Object::ServiceProfile(Arc::new(profile(&name, words))),
        _ => panic!("not a kind: {kind:?}"),
    }
}

/// A Pod that runs, of which nothing else is known.
pub(crate) fn running_pod(name: NsName, node: Option<Name>) -> Pod {
    Pod {
        name,
        node,
        ips: [None; 2],
        host_ips: Box::default(),
        phase: Phase::Running,
        created: switchyard::model::Created::default(),
        spec: Arc::default(),
        labels: Arc::default(),
        own_labels: LabelSet::default(),
    }
}

/// `web` in the namespace of all, or `other/web`.
pub(crate) fn ns_name(text: &str) -> NsName {
    let (namespace, name) = text.split_once('/').unwrap_or((NAMESPACE, text));
    NsName::new(namespace, name)
}

fn value<'a>(words: &[&'a str], key: &str) -> Option<&'a str> {
    words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

#[track_caller]
fn service(name: NsName, words: &[&str]) -> Service {
    let kind = match value(words, "external") {
        Some(alias) => ServiceKind::ExternalName(alias.into()),
        None if words.contains(&"headless") => ServiceKind::Headless,
        None => ServiceKind::ClusterIp,
    };
    let ports = words.iter().filter(|word| word.starts_with(|c: char| c.is_ascii_digit())).map(|word| {
        let (port, name) = word.split_once('/').unwrap_or((word, ""));
        ServicePort::new(name, port.parse().expect("a port"))
    });
    let ips = words.iter().filter_map(|word| word.strip_prefix("ip="));
    Service {
        created: Default::default(),
        name,
        kind,
        cluster_ips: ips.map(|ip| ip.parse().expect("an address")).collect(),
        selector: LabelSet::default(),
        ports: ports.collect(),
        local_traffic_only: words.contains(&"local"),
        multi_cluster_marker: words.contains(&"marker").then_some("multicluster.linkerd.io/remote-discovery"),
        opaque_ports: None,
    }
}

#[track_caller]
fn slice(name: &NsName, service: Option<&Name>, words: &[&str]) -> EndpointSlice {
    let (endpoints, ports): (Vec<&str>, Vec<&str>) =
        words.iter().partition(|word| word.starts_with(|c: char| c.is_ascii_uppercase()));
    let named =
        |(name, port): (&str, &str)| EndpointPort { name: name.into(), port: port.parse().expect("a port") };
    let ports = match ports[..] {
        [] => Some(vec![EndpointPort { name: "".into(), port: 80 }]),
        ["noports"] => None,
        ref ports => Some(ports.iter().map(|word| named(word.split_once('=').expect("name=port"))).collect()),
    };
    let endpoints = endpoints.into_iter().flat_map(|word| endpoint(word, &name.namespace)).collect();
    EndpointSlice {
        name: name.clone(),
        service: service.cloned(),
        mirror: None,
        subsets: vec![Subset { ports, endpoints }],
    }
}

/// An endpoint or a range of them, with what is in parentheses.
#[track_caller]
fn endpoint(word: &str, namespace: &Name) -> Vec<Endpoint> {
    let (addresses, more) = word.split_once('(').unwrap_or((word, ""));
    let more: Vec<_> = more.trim_end_matches(')').split(',').filter(|word| !word.is_empty()).collect();
    let target = match value(&more, "pod") {
        Some(pod) => TargetRef::Pod(NsName { namespace: namespace.clone(), name: pod.into() }),
        None if more.contains(&"other") => TargetRef::Other("Gadget".into()),
        None => TargetRef::None,
    };
    let hints = value(&more, "hint").into_iter().flat_map(|zones| zones.split('+'));
    let endpoint = Endpoint {
        address: Ipv4Addr::UNSPECIFIED.into(),
        ready: !more.contains(&"off"),
        hostname: value(&more, "host").map(Name::from),
        node: value(&more, "node").map(Name::from),
        zone: value(&more, "zone").map(Name::from),
        hint_zones: hints.map(Name::from).collect(),
        target,
    };
    range(addresses).into_iter().map(|address| Endpoint { address, ..endpoint.clone() }).collect()
}

/// `W1`, `W1v6`, or `W1..W9`.
#[track_caller]
pub(crate) fn range(word: &str) -> Vec<IpAddr> {
    match word.split_once("..") {
        None => vec![address(word)],
        Some((first, last)) => {
            let letter = &first[..1];
            let number = |word: &str| word[1..].parse::<u16>().expect("a letter and a number");
            (number(first)..=number(last)).map(|number| address(&format!("{letter}{number}"))).collect()
        }
    }
}

#[track_caller]
fn address(word: &str) -> IpAddr {
    let (plain, v6) = word.strip_suffix("v6").map_or((word, false), |plain| (plain, true));
    let letter = plain.as_bytes()[0] - b'A' + 1;
    let number: u16 = plain[1..].parse().unwrap_or_else(|_| panic!("not an endpoint: {word:?}"));
    let [high, low] = number.to_be_bytes();
    if v6 {
        Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, letter.into(), number).into()
    } else {
        Ipv4Addr::new(10, letter, high, low).into()
    }
}

/// The endpoint as a word.
pub(crate) fn word(ip: IpAddr) -> String {
    let name = |letter: u8, number: u16| format!("{}{number}", char::from(b'A' + letter - 1));
    match ip {
        IpAddr::V4(v4) => {
            let [_, letter, high, low] = v4.octets();
            name(letter, u16::from_be_bytes([high, low]))
        }
        IpAddr::V6(v6) => {
            let [.., letter, number] = v6.segments();
            format!("{}v6", name(u8::try_from(letter).expect("an address of ours"), number))
        }
    }
}

#[track_caller]
fn split(apex: &NsName, words: &[&str]) -> TrafficSplit {
    let name =
        NsName { namespace: apex.namespace.clone(), name: value(words, "name").unwrap_or("split").into() };
    let seconds = value(words, "at").map_or(0, |at| at.parse().expect("seconds"));
    let age = jiff::Timestamp::from_second(seconds).expect("a time");
    let weighted = words.iter().filter_map(|word| word.split_once('='));
    let weighted = weighted.filter(|(key, _)| !["name", "at"].contains(key)).enumerate();
    let backend = |(index, (service, weight)): (usize, (&str, &str))| Backend {
        service: service.into(),
        weight: Milli::parse(weight).unwrap_or_else(|_| panic!("not a weight: {weight:?}")).milli,
        index,
    };
    TrafficSplit {
        name,
        created: (!words.contains(&"noage")).then_some(age),
        apex: (*apex.name.as_str()).into(),
        backends: weighted.map(backend).collect(),
        has_matches: words.contains(&"matches"),
        problems: Vec::new(),
    }
}

#[track_caller]
fn profile(service: &NsName, words: &[&str]) -> ServiceProfile {
    let namespace = value(words, "in").map_or_else(|| service.namespace.clone(), Name::from);
    let fqdn = format!("{}.{}.svc.{DOMAIN}", service.name, service.namespace);
    let overrides = words.iter().filter_map(|word| word.strip_prefix("to:")?.split_once('='));
    let overrides = overrides.map(|(authority, weight)| ProfileOverride {
        authority: authority.into(),
        weight: Milli::parse(weight).unwrap_or_else(|_| panic!("not a weight: {weight:?}")).milli,
        index: 0,
    });
    let route = |name: &str| Route {
        metrics_labels: [("route".to_owned(), name.to_owned())].into(),
        ..Route::default()
    };
    ServiceProfile {
        name: NsName { namespace, name: fqdn.into() },
        routes: value(words, "route").into_iter().map(route).collect(),
        retry_budget: None,
        dst_overrides: overrides.collect(),
        problems: words.iter().filter(|word| **word == "problem").map(|_| problem()).collect(),
    }
}

/// What a source may have found in a ServiceProfile.
fn problem() -> Problem {
    Problem { reason: Reason::BadProfile, path: "spec.routes[0]".to_owned(), message: "it is odd".to_owned() }
}
