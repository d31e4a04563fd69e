//! Linkerd's Destination service case by case, from part 7 of the page on it, and every defect of it that the
//! page marks to be beaten. Each test is a folder of YAML, a request and the messages that must come:
//!
//! ```ignore
//! let mut case = given(&[service("name1", "8989"), slice("name1", "8989", "172.17.0.12")].concat());
//! let mut name1 = case.get("name1.ns.svc.mycluster.local:8989", "");
//! name1.expect("add {namespace=ns service=name1} 172.17.0.12:8989 10000 {zone_locality=unknown}");
//! case.edit(&service("name1", "8989"));
//! name1.expect("no_endpoints exists=true");
//! ```
//!
//! The YAML is read from a folder by the manifests source, as `serve --manifests` reads it. Messages are
//! compared as [`text`], whole, but for white space. What is not expected before a stream is dropped fails its
//! test, and every stream is held to what [`crate::mesh::streams`] insists on.

use std::{fs, sync::Arc};

use switchyard::{
    authority::{Authority, Host},
    context::Context,
    model::{Name, PortRanges, Reason},
    resolve::{Client, MeshOptions, Options, Query, Target},
    source::{Batch, manifests::Manifests},
};

use crate::mesh::{self, Mesh, Settings};

mod fixtures;
mod identity_and_hints;
mod labels;
mod live;
mod mirrored;
mod opaque;
mod profiles_by_address;
mod profiles_by_hostname;
mod profiles_by_service;
mod recomputation;
mod routes;
mod slices;
mod text;
mod workloads;
mod zones;

/// The domain of the fixture.
const DOMAIN: &str = "mycluster.local";

/// A cluster that is read from YAML.
pub(crate) struct Case {
    mesh: Mesh,
}

/// A cluster with these objects and the options of the fixture.
#[track_caller]
pub(crate) fn given(yaml: &str) -> Case {
    given_with(|_| {}, yaml)
}

/// The same with other options.
#[track_caller]
fn given_with(choose: impl FnOnce(&mut MeshOptions), yaml: &str) -> Case {
    let settings = Settings { options: options(choose), domain: DOMAIN, ..Settings::default() };
    let mut case = Case { mesh: Mesh::unsynced(settings) };
    case.edit(yaml);
    case
}

/// The options of the fixture, but for what a case chooses.
fn options(choose: impl FnOnce(&mut MeshOptions)) -> Options {
    let mut mesh = MeshOptions {
        controller_namespace: "linkerd".into(),
        trust_domain: "trust.domain".into(),
        h2_upgrade: true,
        transport_header: false,
        opaque_ports: PortRanges::parse("25,443,587,3306,5432,11211", |_| Vec::new()).0,
        http2: None,
        zone_weights: false,
    };
    choose(&mut mesh);
    Options { ipv6: true, apex_override: true, mesh: Arc::new(mesh) }
}

/// What the manifests source makes of a folder with this text: all there is of every kind.
#[track_caller]
fn read(yaml: &str) -> Batch {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // Literals are indented with the test that they stand in; what parts documents must not be.
    let lines =
        yaml.lines().map(|line| if line.trim() == "---" { "---\n".to_owned() } else { format!("{line}\n") });
    fs::write(folder.path().join("objects.yaml"), lines.collect::<String>()).expect("written");
    let (_, batch) = Manifests::open(folder.path()).expect("a folder that can be read");
    // A slip in the YAML must not pass for an empty cluster.
    let slips = [Reason::UnreadableFile, Reason::InvalidObject, Reason::DuplicateObject];
    let findings = batch.report.iter().flat_map(|report| &report.findings);
    let findings: Vec<_> = findings.filter(|finding| slips.contains(&finding.reason)).collect();
    assert!(findings.is_empty(), "{findings:#?} in\n{yaml}");
    batch
}

/// What a request asks for, as the server makes it out.
#[track_caller]
fn target(path: &str, token: &str, profile: bool) -> Target {
    let Authority { host, port } = Authority::parse(path, &Name::from(DOMAIN)).expect("a valid authority");
    let Context { reading, namespace, node, .. } = Context::parse(token);
    let (service, instance) = match host {
        Host::Service(service) => (service, None),
        Host::Instance(instance, service) => (service, Some(instance)),
        Host::Ip(ip) => {
            assert!(profile, "Get takes no address: {ip}");
            let client = Client { node: None, namespace };
            return Target { query: Query::AddressProfile { ip, port }, client };
        }
    };
    if profile {
        let client = Client { node: None, namespace };
        Target { query: Query::ServiceProfile { service, instance, port }, client }
    } else {
        let client = Client { node, namespace: None };
        Target { query: Query::Endpoints { service, instance, port, reading }, client }
    }
}

impl Case {
    /// The messages of the warnings about an object, written `Kind namespace/name`, with their reasons.
    pub(crate) fn warnings_of(&self, object: &str) -> Vec<String> {
        let warnings = self.mesh.warnings();
        let of = warnings.iter().filter(|w| w.object.as_deref() == Some(object));
        of.map(|w| format!("{}: {}", w.reason, w.message)).collect()
    }

    /// The folder now holds this, all of it in one step.
    #[track_caller]
    pub(crate) fn edit(&mut self, yaml: &str) {
        self.mesh.feed(read(yaml));
        self.mesh.settle();
    }

    /// A stream of `Get`.
    #[track_caller]
    pub(crate) fn get(&self, path: &str, token: &str) -> Get {
        let target = target(path, token, false);
        Get(mesh::Get::new(self.mesh.cursor(&target), self.mesh.directory.clone(), target))
    }

    /// A stream of `GetProfile`.
    #[track_caller]
    pub(crate) fn profile(&self, path: &str, token: &str) -> GetProfile {
        let target = target(path, token, true);
        let port = path.rsplit_once(':').expect("a port").1.parse().expect("a port");
        GetProfile(mesh::GetProfile::new(self.mesh.cursor(&target), port))
    }

    /// The operator is warned of these objects, each written `Kind namespace/name`, and of no others.
    #[track_caller]
    pub(crate) fn expect_warnings(&self, objects: &[&str]) {
        let warnings = self.mesh.warnings();
        let mut got: Vec<_> = warnings.iter().map(|w| w.object.clone().unwrap_or_default()).collect();
        got.sort();
        got.dedup();
        assert_eq!(got, objects, "the warnings are {warnings:#?}");
    }

    /// The operator is warned of something that has to do with this object, `namespace/name`, or not.
    #[track_caller]
    pub(crate) fn expect_warned_of(&self, object: &str, expect: bool) {
        let warnings = self.mesh.warnings();
        let names = |text: &str| text.contains(object);
        let warned = warnings.iter().any(|w| names(&w.message) || w.object.as_deref().is_some_and(names));
        assert_eq!(warned, expect, "the warnings are {warnings:#?}");
    }
}

/// A stream of `Get`.
pub(crate) struct Get(mesh::Get);

impl Get {
    /// What was said since the last time.
    pub(crate) fn said(&mut self) -> String {
        self.0.take_updates().iter().map(|(_, update)| text::update(update)).collect()
    }

    /// What was said since the last time is exactly this.
    #[track_caller]
    pub(crate) fn expect(&mut self, expect: &str) {
        let said = self.said();
        compare(&said, expect);
    }
}

/// A stream of `GetProfile`.
pub(crate) struct GetProfile(mesh::GetProfile);

impl GetProfile {
    /// Takes what was said since the last time, whatever it is.
    pub(crate) fn ignore(&mut self) {
        self.said();
    }

    /// What was said since the last time.
    pub(crate) fn said(&mut self) -> String {
        self.0.take_profiles().iter().map(text::profile).collect()
    }

    /// What was said since the last time is exactly this.
    #[track_caller]
    pub(crate) fn expect(&mut self, expect: &str) {
        let said = self.said();
        compare(&said, expect);
    }
}

#[track_caller]
fn compare(said: &str, expect: &str) {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    assert!(words(said) == words(expect), "expected\n{}\nsaid\n{}", words(expect), said);
}
