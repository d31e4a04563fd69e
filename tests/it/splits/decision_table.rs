//! Every odd split of the decisions' table (D3), as YAML in a folder: the merged answer of `Get`, its leaf reading, the
//! overrides of `GetProfile`, and the warnings.

use std::fs;

use switchyard::source::manifests::Manifests;

use crate::mesh::{Mesh, Settings, row};

struct Row {
    name: &'static str,
    /// The splits and what else differs from [`services`]; namespace `d` and `apiVersion` are added.
    yaml: &'static str,
    merged: &'static str,
    leaf: &'static str,
    profile: &'static str,
    warnings: &'static str,
}

const OWN: &str = "add W1=10k";

const fn row_of(
    name: &'static str,
    yaml: &'static str,
    merged: &'static str,
    profile: &'static str,
    warnings: &'static str,
) -> Row {
    Row { name, yaml, merged, leaf: OWN, profile, warnings }
}

const ROWS: &[Row] = &[
    row_of(
        "weights as declared",
        "- {kind: TrafficSplit, metadata: {name: split}, spec: {service: web, backends: [{service: a, weight: 1}, {service: b, weight: 3}]}}",
        "add A1=250M B1=750M",
        "a=10000 b=30000",
        "",
    ),
    row_of(
        "all weights 0",
        "- {kind: TrafficSplit, metadata: {name: split}, spec: {service: web, backends: [{service: a, weight: 0}, {service: b, weight: 0}]}}",
        OWN,
        "web=10000",
        "split nothing_weighted",
    ),
    row_of(
        "no backends",
        "- {kind: TrafficSplit, metadata: {name: split}, spec: {service: web, backends: []}}",
        OWN,
        "web=10000",
        "split nothing_weighted",
    ),
    row_of(
        "missing backend",
        "- {kind: TrafficSplit, metadata: {name: split}, spec: {service: web, backends: [{service: a, weight: 1}, {service: z, weight: 1}]}}",
        "add A1=500M",
        "a=10000 z=0",
        "split backend_missing",
    ),
    row_of(
        "backend without ready endpoints",
        "- {kind: TrafficSplit, metadata: {name: split}, spec: {service: web, backends: [{service: a, weight: 1}, {service: idle, weight: 1}]}}",
        "add A1=500M",
        "a=10000 idle=0",
        "split backend_empty",
    ),
    row_of(
        "every backend of positive weight is empty",
        "- {kind: TrafficSplit, metadata: {name: split}, spec: {service: web, backends: [{service: a, weight: 0}, {service: idle, weight: 1}, {service: z, weight: 2}]}}",
        "empty",
        "a=0 idle=10000 z=20000",
        "split backend_empty; split backend_missing",
    ),
    row_of(
        "negative weight",
        "- {kind: TrafficSplit, metadata: {name: split}, spec: {service: web, backends: [{service: a, weight: -1}]}}",
        OWN,
        "web=10000",
        "split invalid_object",
    ),
    row_of(
        "weight that is no number",
        "- {kind: TrafficSplit, metadata: {name: split}, spec: {service: web, backends: [{service: a, weight: 50%}]}}",
        OWN,
        "web=10000",
        "split invalid_object",
    ),
    row_of(
        "backends missing",
        "- {kind: TrafficSplit, metadata: {name: split}, spec: {service: web}}",
        OWN,
        "web=10000",
        "split invalid_object",
    ),
    row_of(
        "backends that are no list",
        "- {kind: TrafficSplit, metadata: {name: split}, spec: {service: web, backends: {service: a, weight: 1}}}",
        OWN,
        "web=10000",
        "split invalid_object",
    ),
    row_of(
        "unknown field",
        "- {kind: TrafficSplit, metadata: {name: split}, spec: {service: web, backends: [{service: a, weight: 1, wieght: 2}]}}",
        OWN,
        "web=10000",
        "split invalid_object",
    ),
    row_of(
        "absent weight",
        "- {kind: TrafficSplit, metadata: {name: split}, spec: {service: web, backends: [{service: a, weight: 1}, {service: b}]}}",
        OWN,
        "web=10000",
        "split invalid_object",
    ),
    row_of(
        "backend that lacks the port",
        "- {kind: TrafficSplit, metadata: {name: split}, spec: {service: web, backends: [{service: a, weight: 1}, {service: other, weight: 1}]}}",
        "add A1=500M",
        "a=10000",
        "split port_missing",
    ),
    row_of(
        "every backend of positive weight lacks the port",
        "- {kind: TrafficSplit, metadata: {name: split}, spec: {service: web, backends: [{service: a, weight: 0}, {service: other, weight: 1}]}}",
        "empty",
        "a=0 other=10000",
        "split port_missing; split port_missing",
    ),
    row_of(
        "apex that lists itself",
        "- {kind: TrafficSplit, metadata: {name: split}, spec: {service: web, backends: [{service: web, weight: 1}, {service: b, weight: 3}]}}",
        "add W1=250M B1=750M",
        "web=10000 b=30000",
        "",
    ),
    row_of(
        "backend that is the apex of another split",
        "- {kind: TrafficSplit, metadata: {name: split}, spec: {service: web, backends: [{service: a, weight: 1}]}}\n\
         - {kind: TrafficSplit, metadata: {name: next}, spec: {service: a, backends: [{service: b, weight: 1}]}}",
        "add A1=1000M",
        "a=10000",
        "",
    ),
    row_of(
        "duplicate backend",
        "- {kind: TrafficSplit, metadata: {name: split}, spec: {service: web, backends: [{service: a, weight: 1}, {service: b, weight: 2}, {service: a.d, weight: 1}]}}",
        "add A1=500M B1=500M",
        "a=20000 b=20000",
        "split duplicate_backend",
    ),
    row_of(
        "several splits, the oldest first",
        "- {kind: TrafficSplit, metadata: {name: a, creationTimestamp: '2026-01-02T00:00:00Z'}, spec: {service: web, backends: [{service: a, weight: 1}]}}\n\
         - {kind: TrafficSplit, metadata: {name: b, creationTimestamp: '2026-01-01T00:00:00Z'}, spec: {service: web, backends: [{service: b, weight: 1}]}}",
        "add B1=1000M",
        "b=10000",
        "a split_conflict",
    ),
    row_of(
        "several splits of one age, the first by name",
        "- {kind: TrafficSplit, metadata: {name: b}, spec: {service: web, backends: [{service: b, weight: 1}]}}\n\
         - {kind: TrafficSplit, metadata: {name: a}, spec: {service: web.d.svc, backends: [{service: a, weight: 1}]}}",
        "add A1=1000M",
        "a=10000",
        "b split_conflict",
    ),
    row_of(
        "matches",
        "- {apiVersion: split.smi-spec.io/v1alpha4, kind: TrafficSplit, metadata: {name: split}, spec: {service: web, matches: [{kind: HTTPRouteGroup, name: x}], backends: [{service: a, weight: 1}]}}",
        OWN,
        "web=10000",
        "split matches_unsupported",
    ),
    row_of(
        "apex and backend with their namespace",
        "- {kind: TrafficSplit, metadata: {name: split}, spec: {service: web.d.svc.cluster.local., backends: [{service: a.d.svc.cluster.local, weight: 1}]}}",
        "add A1=1000M",
        "a=10000",
        "",
    ),
    row_of(
        "backend of another namespace",
        "- {kind: TrafficSplit, metadata: {name: split}, spec: {service: web, backends: [{service: a, weight: 1}, {service: b.e, weight: 1}]}}",
        "add A1=1000M",
        "a=10000",
        "split foreign_reference",
    ),
    row_of(
        "apex of another namespace",
        "- {kind: TrafficSplit, metadata: {name: split}, spec: {service: web.e, backends: [{service: a, weight: 1}]}}",
        OWN,
        "web=10000",
        "split foreign_reference",
    ),
    Row {
        name: "missing apex",
        yaml: "- {kind: TrafficSplit, metadata: {name: split}, spec: {service: gone, backends: [{service: a, weight: 1}]}}",
        merged: "absent",
        leaf: "absent",
        profile: "unknown",
        warnings: "split apex_missing",
    },
];

/// Services `web`, `a`, `b`, `idle` (no endpoint is ready) and `other` (another port), in namespace `d`.
fn services() -> String {
    let service = |name: &str, port: u16| {
        format!(
            "- {{kind: Service, metadata: {{name: {name}}}, spec: {{ports: [{{port: {port}, targetPort: 80}}]}}}}\n"
        )
    };
    let slice = |name: &str, letter: u8, ready: bool| {
        let letter = letter - b'A' + 1;
        format!(
            "- {{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {{name: {name}, labels: \
             {{kubernetes.io/service-name: {name}}}}}, addressType: IPv4, ports: [{{port: 80}}], endpoints: [{{addresses: \
             [10.{letter}.0.1], conditions: {{ready: {ready}}}}}]}}\n"
        )
    };
    [
        service("web", 80) + &slice("web", b'W', true),
        service("a", 80) + &slice("a", b'A', true),
        service("b", 80) + &slice("b", b'B', true),
        service("idle", 80) + &slice("idle", b'I', false),
        service("other", 81) + &slice("other", b'O', true),
    ]
    .concat()
}

/// A list of objects as documents of a file, each with its namespace and `apiVersion`.
fn documents(list: &str) -> String {
    let version = |line: &str| match line {
        _ if line.contains("apiVersion") => "",
        _ if line.contains("kind: TrafficSplit") => "apiVersion: split.smi-spec.io/v1alpha2, ",
        _ => "apiVersion: v1, ",
    };
    let document = |line: &str| {
        let object = line.trim_start_matches("- {").replacen("metadata: {", "metadata: {namespace: d, ", 1);
        format!("{{{}{object}\n---\n", version(line))
    };
    list.lines().map(document).collect()
}

#[test]
fn every_odd_split_is_answered_and_reported_as_decided() {
    for Row { name, yaml, merged, leaf, profile, warnings } in ROWS {
        row(name);
        let folder = tempfile::tempdir().expect("a folder");
        let text = documents(&(services() + yaml));
        fs::write(folder.path().join("a.yaml"), text).expect("written");
        let (_, batch) = Manifests::open(folder.path()).expect("it can be read");
        let mut mesh = Mesh::unsynced(Settings::default());
        mesh.feed(batch);
        mesh.settle();
        let apex = if *profile == "unknown" { "gone" } else { "web" };
        mesh.watch(apex).expect(merged, leaf, profile);
        mesh.expect_warnings(warnings);
        if warnings.starts_with("split port_missing; ") {
            mesh.leaf("other").expect("empty");
        }
    }
}
