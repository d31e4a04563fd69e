//! What may be asked, and how it is refused: cases 1 to 7, D1, over the real service without a network. The
//! client is that of the crate that proxies are built with.

use linkerd2_proxy_api::destination::{
    GetDestination, destination_client::DestinationClient, update::Update,
};
use switchyard::{
    authority::{Authority, Host},
    context::{Context, Reading},
    grpc::{
        destination::{Destination, Requests},
        drain::Drain,
    },
    metrics::Format,
    model::{Name, NsName},
};
use tokio::time::Duration;
use tonic::{Code, Status};

use crate::mesh::{DOMAIN, Mesh};

impl Mesh {
    /// A client of the real service, without a network.
    pub(crate) fn client(&self) -> DestinationClient<Destination> {
        let drain = Drain::new(Duration::from_secs(1), self.directory.topics().clone());
        let domain = Name::from(DOMAIN);
        DestinationClient::new(Destination::new(
            self.directory.clone(),
            domain,
            Requests { max_bytes: 1 << 20, time: Duration::from_secs(10) },
            drain,
            self.metrics.clone(),
        ))
    }

    /// The first message of `Get`.
    fn first(&self, path: &str, context_token: &str) -> Result<Update, Status> {
        let (path, context_token) = (path.to_owned(), context_token.to_owned());
        self.block_on(async {
            let request = GetDestination { path, context_token, ..GetDestination::default() };
            let mut updates = self.client().get(request).await?.into_inner();
            let update = updates.message().await?.expect("a message before the end");
            Ok(update.update.expect("not an empty update"))
        })
    }

    /// The overrides of the first message of `GetProfile`, by authority.
    fn first_profile(&self, path: &str) -> Result<Vec<(String, u32)>, Status> {
        let path = path.to_owned();
        self.block_on(async {
            let request = GetDestination { path, ..GetDestination::default() };
            let mut profiles = self.client().get_profile(request).await?.into_inner();
            let profile = profiles.message().await?.expect("a message before the end");
            Ok(profile.dst_overrides.into_iter().map(|dst| (dst.authority, dst.weight)).collect())
        })
    }
}

fn weights(update: &Update) -> Vec<u32> {
    match update {
        Update::Add(set) => set.addrs.iter().map(|addr| addr.weight).collect(),
        Update::Remove(_) | Update::NoEndpoints(_) => Vec::new(),
    }
}

#[track_caller]
fn check_refused(result: Result<impl std::fmt::Debug, Status>, path: &str) {
    let status = result.expect_err(path);
    assert_eq!(status.code(), Code::InvalidArgument, "{path}: {status}");
    let valid = "<service>.<namespace>.svc.cluster.local:<port>";
    assert!(status.message().contains(valid), "{path} is refused without saying what is valid: {status}");
    assert!(status.message().len() < 1000, "{path}: {} characters", status.message().len());
}

#[test]
fn case_1_and_3_what_names_nothing_is_an_invalid_argument_that_says_what_is_valid() {
    let mesh = Mesh::given("service name1 80");
    let long = "x".repeat(1 << 16);
    for path in [
        "linkerd.io",
        "linkerd.io:80",
        "name1.d.svc.cluster.local:0",
        "name1.d.svc.cluster.local:65536",
        "name1.d.svc.cluster.local:x",
        "name1.d.svc.cluster.local:",
        "name1.d.svc.cluster.local:-1",
        "name1.d.svc.cluster.local..:80",
        "name1.d.svc.mycluster.local:80",
        "name1.d.svc:80",
        "name1.d:80",
        "name1",
        "",
        ":",
        ":80",
        ".d.svc.cluster.local:80",
        "a.b.c.d.svc.cluster.local:80",
        "d.svc.cluster.local:80",
        "svc.cluster.local:80",
        "::1",
        "[::1]",
        "a:b:c",
        long.as_str(),
    ] {
        check_refused(mesh.first(path, ""), path);
        check_refused(mesh.first_profile(path), path);
    }
}

#[test]
fn case_2_get_takes_no_address_and_the_profile_does() {
    let mesh = Mesh::given("service name1 80 ip=10.96.0.1");
    for path in ["10.0.0.1:80", "10.0.0.1", "[::1]:80"] {
        check_refused(mesh.first(path, ""), path);
        assert_eq!(mesh.first_profile(path).expect("a profile"), []);
    }
    let itself = ("name1.d.svc.cluster.local:80".to_owned(), 10_000);
    assert_eq!(mesh.first_profile("10.96.0.1:80").expect("a profile"), [itself]);
}

#[test]
fn nothing_but_what_names_nothing_is_refused() {
    let mesh = Mesh::given("service name1 80; service alias 80 external=x.org; service mirror 80 marker");
    for path in [
        "name1.d.svc.cluster.local:80",
        "name1.d.svc.cluster.local:1",
        "name1.d.svc.cluster.local:65535",
        "unknown.d.svc.cluster.local:80",
        "name1.unknown.svc.cluster.local:80",
        "host.name1.d.svc.cluster.local:80",
        "alias.d.svc.cluster.local:80",
        "mirror.d.svc.cluster.local:80",
        "name1.d.svc.cluster.local.:80",
        "NAME1.D.SVC.CLUSTER.LOCAL:080",
    ] {
        assert!(matches!(mesh.first(path, ""), Ok(Update::NoEndpoints(_))), "{path}");
        mesh.first_profile(path).expect(path);
    }
}

#[test]
fn case_4_an_authority_without_a_port_means_port_80() {
    let mesh = Mesh::given("service name1 80; endpoints name1 E1");
    let without = mesh.first("name1.d.svc.cluster.local", "").expect("an add");
    assert_eq!(without, mesh.first("name1.d.svc.cluster.local:80", "").expect("an add"));
    assert_eq!(weights(&without), [10_000]);
    let mycluster = Name::from("mycluster.local");
    let parsed = Authority::parse("name1.ns.svc.mycluster.local", &mycluster);
    assert_eq!(parsed, Ok(Authority { host: Host::Service(NsName::new("ns", "name1")), port: 80 }));
}

#[test]
fn names_match_without_regard_to_case_and_one_dot() {
    let mesh = Mesh::given("service name1 80; endpoints name1 E1");
    for path in
        ["Name1.d.svc.cluster.local:80", "name1.d.SVC.Cluster.Local.:80", "name1.D.svc.cluster.local.:080"]
    {
        assert_eq!(weights(&mesh.first(path, "").expect("an add")), [10_000], "{path}");
    }
}

#[test]
fn case_7_tokens_in_linkerds_form_say_who_asks() {
    for (token, namespace, node) in [
        ("{\"ns\":\"ns-1\",\"nodeName\":\"node-1\"}\n", Some("ns-1"), Some("node-1")),
        ("ns:ns-2", Some("ns-2"), None),
        ("123fa-test", None, None),
        ("", None, None),
    ] {
        let context = Context::parse(token);
        let reading = if namespace.is_some() { Reading::Leaf } else { Reading::Merged };
        let expect =
            Context { reading, namespace: namespace.map(Name::from), node: node.map(Name::from), pod: None };
        assert_eq!(context, expect, "{token:?}");
    }
}

#[test]
fn the_token_decides_request_by_request_how_a_split_is_read() {
    let mesh = Mesh::given(
        "service web 80; endpoints web W1; split web a=1 b=1
         service a 80; service b 80; endpoints a A1; endpoints b B1",
    );
    let large = format!(r#"{{"ns":"{}"}}"#, "x".repeat(1 << 18));
    let merged = [500_000_000, 500_000_000];
    for token in
        ["", "?", "{}", "[]", r#"{"split":"merged","ns":"d"}"#, r#"{"split":"merged"}"#, "ns:a:b", &large]
    {
        assert_eq!(
            weights(&mesh.first("web.d.svc.cluster.local:80", token).expect("an add")),
            merged,
            "{token}"
        );
    }
    for token in [
        r#"{"ns":"d","nodeName":"n","pod":"p"}"#,
        r#" {"pod":"p"} "#,
        "ns:d",
        r#"{"split":"leaf"}"#,
        r#"{"split":"other","ns":"d"}"#,
        r#"{"ns":"","more":1}"#,
    ] {
        assert_eq!(
            weights(&mesh.first("web.d.svc.cluster.local:80", token).expect("an add")),
            [10_000],
            "{token}"
        );
    }
}

#[test]
fn case_6_an_unknown_service_is_a_stream_that_says_so() {
    let mesh = Mesh::given("");
    let first = mesh.first("web.d.svc.cluster.local:80", "").expect("a stream");
    assert!(matches!(first, Update::NoEndpoints(none) if !none.exists));
}

#[test]
fn no_metric_grows_with_what_is_asked() {
    let mesh = Mesh::given("service web 80; endpoints web W1");
    let ask = |n: u32| {
        mesh.first(&format!("web-{n}.d.svc.cluster.local:80"), "").expect("a stream");
        mesh.first_profile(&format!("10.0.0.{n}:80")).expect("a profile");
        mesh.first(&format!("linkerd-{n}.io"), "").expect_err("refused");
    };
    let registry = mesh.metrics.registry();
    let series = || Format::OpenMetrics.render(&registry).lines().count();
    ask(0);
    let before = series();
    (1..100).for_each(ask);
    assert_eq!(series(), before);
}
