//! Authorities and tokens of any text.

use std::{cell::RefCell, net::IpAddr};

use proptest::{
    collection::vec,
    prelude::{Strategy, any, prop_assert, prop_assert_eq, prop_oneof},
    sample::select,
    test_runner::{TestCaseError, TestCaseResult},
};
use serde_json::{Map, Value, json};
use switchyard::{
    authority::{Authority, Host, local_reference},
    context::{Context, Reading},
    engine::Engine,
    model::{Kind, Name},
    resolve::{Client, Options, Query, Target},
    source::Event,
};

use super::{fuzz, specimens::DOMAIN};

const SEEDS: &str = "proptest-regressions/it/fuzz/requests.txt";

/// No answer to a bad authority is longer, in bytes: a part of it is repeated, with escapes.
const LONGEST_ERROR: usize = 2_000;

/// Domains that a cluster may be given, and what looks like one.
const DOMAINS: [&str; 6] =
    ["cluster.local", "c", "Mesh.Example.ORG", "svc", "a.svc.b", "xn--bcher-kva.example"];

/// Good authorities, and those that nearly are: `~` is the domain.
const AUTHORITIES: [&str; 40] = [
    "web.shop.svc.~:80",
    "web.shop.svc.~",
    "web.shop.svc.~.",
    "web.shop.svc.~.:80",
    "WEB.Shop.SVC.~:80",
    "web_1.shop.svc.~:65535",
    "db-0.db.shop.svc.~:5432",
    "10.0.0.1:80",
    "10.0.0.1",
    "[fd00::1]:80",
    "[::ffff:10.0.0.1]:80",
    "[10.0.0.1]:80",
    "[web.shop.svc.~]:80",
    "",
    ".",
    ":",
    ":80",
    "[",
    "[]:80",
    "[]",
    "]:80",
    "[::1]",
    "[::1]]:80",
    "[::1]x:80",
    "[fe80::1%eth0]:80",
    "010.0.0.1:80",
    "10.0.0.1.:80",
    "~:80",
    "svc.~:80",
    ".svc.~:80",
    "shop.svc.~:80",
    "..svc.~:80",
    "a.b.c.d.svc.~:80",
    "web.shop.svc.~:+80",
    "web.shop.svc.~:0x50",
    "web.shop.svc.~:00000000000000000080",
    "web.shop.svc.~:٨٠",
    "web.shop.svc.~ :80",
    "web.shop.svc.~:80\0",
    "\u{212a}.shop.svc.~:80",
];

const TOKENS: [&str; 22] = [
    r#"{"ns":"shop","nodeName":"n1","pod":"web-1"}"#,
    "{\"ns\":\"shop\",\"nodeName\":\"n1\",\"pod\":\"web-1\"}\n",
    r#"{"split":"leaf"}"#,
    r#"{"split":"merged","ns":"shop"}"#,
    r#"{"split":null,"ns":null,"nodeName":[{}],"pod":1e999}"#,
    r#"{"ns":"a","ns":"b"}"#,
    r#"{"ns":"\ud83e\udd80\u0000"}"#,
    r#"{"ns":"\ud83e"}"#,
    r#"{"ns":""}"#,
    r#"{"ns":"shop"}}"#,
    r#"{"ns":"shop",}"#,
    r#"{"NS":"shop"}"#,
    "ns:shop",
    "ns:",
    "ns::",
    "ns",
    "",
    "{",
    "{}",
    "[]",
    "\u{feff}{}",
    "\0",
];

/// One slip of the keyboard, or of whoever cuts the text out of another.
#[derive(Clone, Debug)]
enum Slip {
    Insert(usize, char),
    Replace(usize, char),
    Delete(usize),
    /// What is between two places is there twice.
    Twice(usize, usize),
    /// The text ends here.
    End(usize),
}

fn slip() -> impl Strategy<Value = Slip> {
    let odd: Vec<char> =
        ".:[]{}\"',\\-_+%@/?# \t\n019azAZ\u{0}ñ٣ß\u{212a}\u{feff}\u{1f980}".chars().collect();
    let char = prop_oneof![4 => select(odd), 1 => any::<char>()];
    let place = 0..64usize;
    prop_oneof![
        3 => (place.clone(), char.clone()).prop_map(|(at, c)| Slip::Insert(at, c)),
        3 => (place.clone(), char).prop_map(|(at, c)| Slip::Replace(at, c)),
        2 => place.clone().prop_map(Slip::Delete),
        1 => (place.clone(), place.clone()).prop_map(|(a, b)| Slip::Twice(a.min(b), a.max(b))),
        1 => place.prop_map(Slip::End),
    ]
}

fn slipped(text: &str, slips: &[Slip]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for slip in slips {
        let end = chars.len();
        match *slip {
            Slip::Insert(at, c) => chars.insert(at.min(end), c),
            Slip::Replace(at, c) => chars.iter_mut().skip(at).take(1).for_each(|old| *old = c),
            Slip::Delete(at) if at < end => _ = chars.remove(at),
            Slip::Delete(_) => {}
            Slip::Twice(from, to) => {
                let part = chars[from.min(end)..to.min(end)].to_vec();
                chars.splice(to.min(end)..to.min(end), part);
            }
            Slip::End(at) => chars.truncate(at),
        }
    }
    chars.into_iter().collect()
}

/// A good text with slips in it, or any text at all.
fn text(good: &'static [&'static str]) -> impl Strategy<Value = String> {
    let near = (select(good), vec(slip(), 0..4)).prop_map(|(good, slips)| slipped(good, &slips));
    let long = (select(good), 0..20_000usize).prop_map(|(good, n)| good.repeat(1 + n / good.len().max(1)));
    prop_oneof![6 => near, 2 => any::<String>(), 1 => "[a-z0-9.:\\[\\]_-]{0,80}", 1 => long]
}

/// An authority as it is written best.
fn spelled(authority: &Authority, domain: &str) -> String {
    let Authority { host, port } = authority;
    match host {
        Host::Service(name) => format!("{}.{}.svc.{domain}:{port}", name.name, name.namespace),
        Host::Instance(instance, name) => {
            format!("{instance}.{}.{}.svc.{domain}:{port}", name.name, name.namespace)
        }
        Host::Ip(IpAddr::V4(ip)) => format!("{ip}:{port}"),
        Host::Ip(IpAddr::V6(ip)) => format!("[{ip}]:{port}"),
    }
}

fn is_lower_case_label(label: &Name) -> bool {
    let label = label.as_str();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    (1..=63).contains(&label.len()) && label.chars().all(plain)
}

/// An authority names something that can exist, however it is written, or the error says what would.
fn authority_is_understood_or_explained(text: &str, domain: &str) -> TestCaseResult {
    let cluster_domain = Name::from(domain);
    let parsed = Authority::parse(text, &cluster_domain);
    for other in [text.to_ascii_uppercase(), text.to_ascii_lowercase()] {
        prop_assert_eq!(Authority::parse(&other, &cluster_domain).ok(), parsed.clone().ok(), "{:?}", other);
    }
    match parsed {
        Ok(authority) => {
            prop_assert!(authority.port > 0);
            let labels = match &authority.host {
                Host::Service(name) => vec![&name.name, &name.namespace],
                Host::Instance(instance, name) => vec![instance, &name.name, &name.namespace],
                Host::Ip(_) => vec![],
            };
            prop_assert!(labels.into_iter().all(is_lower_case_label), "{:?}", authority);
            prop_assert_eq!(
                Authority::parse(&spelled(&authority, domain), &cluster_domain),
                Ok(authority.clone())
            );
            let port = text.rsplit_once(':').and_then(|(_, port)| port.parse::<u32>().ok());
            prop_assert_eq!(u32::from(authority.port), port.unwrap_or(80));
        }
        Err(error) => {
            let error = error.to_string();
            prop_assert!(error.contains(&format!("<service>.<namespace>.svc.{domain}:<port>")), "{}", error);
            prop_assert!(error.len() < LONGEST_ERROR, "{}", error);
            prop_assert!(!error.contains(char::is_control), "a header of the answer holds it: {:?}", error);
        }
    }
    if let Ok(name) = local_reference(text, &"shop".into(), &cluster_domain) {
        prop_assert!(is_lower_case_label(&name), "{:?}", name);
        for same in [format!("{name}.shop"), format!("{name}.shop.svc.{domain}.")] {
            prop_assert_eq!(local_reference(&same, &"shop".into(), &cluster_domain), Ok(name.clone()));
        }
    }
    Ok(())
}

fn in_domain(text: &str, domain: &str) -> String {
    text.replace('~', domain)
}

#[test]
fn any_authority_is_understood_or_explained() {
    for (text, domain) in AUTHORITIES.iter().flat_map(|text| DOMAINS.map(|domain| (text, domain))) {
        let text = in_domain(text, domain);
        authority_is_understood_or_explained(&text, domain)
            .unwrap_or_else(|error| panic!("{error} with {text:?} in {domain}"));
    }
    let strategy = (text(&AUTHORITIES), select(&DOMAINS[..]));
    fuzz("authorities", SEEDS, 2_000, &strategy, |(text, domain)| {
        authority_is_understood_or_explained(&in_domain(&text, domain), domain)
    });
}

/// A token is never refused, and what is taken from it is what is written there.
fn token_is_taken(token: &str) -> TestCaseResult {
    let context = Context::parse(token);
    let Context { reading, namespace, node, pod } = &context;
    for name in namespace.iter().chain(node).chain(pod) {
        prop_assert!((1..=253).contains(&name.as_str().len()), "no name is so long: {:?}", name);
    }
    if *reading == Reading::Merged && serde_json::from_str::<Map<String, Value>>(token).is_err() {
        prop_assert!(
            namespace.is_none() && node.is_none() && pod.is_none(),
            "nothing is guessed: {:?}",
            context
        );
    }
    let split = if *reading == Reading::Merged { "merged" } else { "leaf" };
    let name = |name: &Option<Name>| name.as_ref().map(Name::to_string);
    let written = json!({ "split": split, "ns": name(namespace), "nodeName": name(node), "pod": name(pod), "more": [1] });
    for token in [written.to_string(), format!("{written:#}\n")] {
        prop_assert_eq!(&Context::parse(&token), &context);
    }
    Ok(())
}

#[test]
fn any_token_is_taken() {
    let deep = format!(r#"{{"ns":{}"#, "[".repeat(16_000));
    let names = [253, 254, 20_000].map(|n| format!(r#"{{"nodeName":"{}"}}"#, "x".repeat(n)));
    for token in TOKENS.into_iter().chain([deep.as_str()]).chain(names.iter().map(String::as_str)) {
        token_is_taken(token).unwrap_or_else(|error| panic!("{error} with {token:?}"));
    }
    fuzz("tokens", SEEDS, 2_000, &text(&TOKENS), |token| token_is_taken(&token));
}

/// What a request asks of the engine.
fn targets(authority: &Authority, context: &Context) -> Vec<Target> {
    let port = authority.port;
    let (service, instance) = match &authority.host {
        Host::Service(name) => (name.clone(), None),
        Host::Instance(instance, name) => (name.clone(), Some(instance.clone())),
        Host::Ip(ip) => {
            let query = Query::AddressProfile { ip: *ip, port };
            return vec![Target { query, client: client(context) }];
        }
    };
    let reading = context.reading;
    let get = Query::Endpoints { service: service.clone(), instance: instance.clone(), port, reading };
    let get_profile = Query::ServiceProfile { service, instance, port };
    [get, get_profile].map(|query| Target { query, client: client(context) }).into()
}

fn client(context: &Context) -> Client {
    Client { node: context.node.clone(), namespace: context.namespace.clone() }
}

#[test]
fn any_request_is_answered() {
    let mut engine = Engine::new(DOMAIN.into(), Options::default());
    engine.apply(
        Kind::ALL.into_iter().map(|kind| Event::Replace(kind, super::objects::of_kind(kind))).collect(),
    );
    let engine = RefCell::new(engine);
    fuzz("requests", SEEDS, 500, &(text(&AUTHORITIES), text(&TOKENS)), |(authority, token)| {
        let authority = in_domain(&authority.replace("shop", "spared"), DOMAIN);
        let Ok(authority) = Authority::parse(&authority, &DOMAIN.into()) else { return Ok(()) };
        let mut engine = engine.borrow_mut();
        for target in targets(&authority, &Context::parse(&token)) {
            let answer = engine.watch(&target).ok_or_else(|| TestCaseError::fail("no answer"))?;
            let told = [(target.clone(), super::objects::bytes(&answer))].into();
            super::objects::check_readable(&told)?;
            engine.unwatch(&target);
            prop_assert!(engine.answer(&target).is_none());
        }
        Ok(())
    });
}
