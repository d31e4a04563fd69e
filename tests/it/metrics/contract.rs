//! Every family of `/metrics`, with its labels and all the values that these have: dashboards and alerts rely on the
//! names, and on every series being there before anything has happened.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
};

use futures::future::join_all;
use switchyard::version::{COMMIT, DATE, VERSION};
use tonic::Code;

use super::page::{self, Labels};
use crate::{
    server::{Binary, ask, client, copy_of_bookinfo},
    tls::authority::{Authority, Secret},
};

/// The values of a label.
type Values = &'static [&'static str];

const KINDS: Values = &[
    "Service",
    "EndpointSlice",
    "Endpoints",
    "Pod",
    "Node",
    "TrafficSplit",
    "ServiceProfile",
    "ReplicaSet",
    "Job",
    "Server",
    "ExternalWorkload",
];
const WARNINGS: Values = &[
    "unreadable_file",
    "repeated_key",
    "ignored_content",
    "no_manifests",
    "invalid_object",
    "duplicate_object",
    "addresses_used_up",
    "not_rendered",
    "endpoints_ignored",
    "shared_cluster_ip",
    "shared_address",
    "pods_unknown",
    "selector_matches_nothing",
    "no_endpoint_slice",
    "no_target_port",
    "no_replicas",
    "unschedulable",
    "no_ready_endpoint",
    "endpoints_excluded",
    "bad_weight",
    "odd_weight",
    "nothing_weighted",
    "duplicate_backend",
    "backend_missing",
    "backend_empty",
    "backend_unsuitable",
    "port_missing",
    "foreign_reference",
    "apex_missing",
    "apex_unsuitable",
    "split_conflict",
    "limit_exceeded",
    "matches_unsupported",
    "split_overridden",
    "bad_profile",
    "profile_unused",
    "server_unused",
    "server_conflict",
    "external_name",
    "multi_cluster_unsupported",
    "pod_unusable",
    "source_stale",
    "loss_doubted",
];
const CODES: Values = &[
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
];
const TROUBLES: Values = &[
    "broken",
    "silent",
    "garbled",
    "old",
    "lossy",
    "unauthorized",
    "forbidden",
    "not_found",
    "gone",
    "throttled",
    "server_error",
    "refused",
];
const TO_WIRE: Values = &[
    "0.0001", "0.00025", "0.0005", "0.001", "0.002", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5",
    "1.0", "2.5", "5.0", "10.0", "+Inf",
];
const LAG: Values = &["0.5", "1.0", "2.5", "5.0", "10.0", "25.0", "50.0", "100.0", "250.0", "1000.0", "+Inf"];
const HANDLING: Values = &["0.1", "1.0", "300.0", "3600.0", "+Inf"];

const NONE: &[(&str, Values)] = &[];
const RPC: &[(&str, Values)] = &[("rpc", &["get", "get_profile"])];
const KIND: &[(&str, Values)] = &[("kind", KINDS)];
const WARNING: &[(&str, Values)] = &[("reason", WARNINGS)];
const LOCAL: &[(&str, Values)] = &[("cluster", &["local"])];
const METHOD: &[(&str, Values)] = &[
    ("grpc_type", &["server_stream"]),
    ("grpc_service", &["io.linkerd.proxy.destination.Destination"]),
    ("grpc_method", &["Get", "GetProfile"]),
];
const METHOD_AND_CODE: &[(&str, Values)] = &[METHOD[0], METHOD[1], METHOD[2], ("grpc_code", CODES)];

/// Name without the suffix of a sample, type, unit, labels; and of a histogram its bounds.
type Row = (&'static str, &'static str, &'static str, &'static [(&'static str, Values)], Values);

/// What a server has that serves a folder without TLS.
const CONTRACT: &[Row] = &[
    // Ours.
    (
        "switchyard_build",
        "info",
        "",
        &[("version", &[VERSION]), ("commit", &[COMMIT]), ("date", &[DATE])],
        &[],
    ),
    ("switchyard_connections", "gauge", "", NONE, &[]),
    (
        "switchyard_connections_ended",
        "counter",
        "",
        &[(
            "reason",
            &[
                "by_client",
                "drained",
                "idle",
                "silent",
                "unreachable",
                "protocol",
                "tls",
                "flood",
                "refused",
                "failed",
            ],
        )],
        &[],
    ),
    (
        "switchyard_limits_hit",
        "counter",
        "",
        &[(
            "limit",
            &[
                "all_streams",
                "client_share",
                "connections",
                "streams",
                "stream_rate",
                "views",
                "waiting",
                "view_bytes",
                "request_bytes",
                "header_bytes",
                "log_queue",
                "log_rate",
                "request_time",
            ],
        )],
        &[],
    ),
    ("switchyard_event_to_wire_seconds", "histogram", "seconds", NONE, TO_WIRE),
    ("switchyard_streams", "gauge", "", RPC, &[]),
    ("switchyard_streams_started", "counter", "", RPC, &[]),
    (
        "switchyard_streams_ended",
        "counter",
        "",
        &[("reason", &["by_client", "drained", "unreachable", "protocol", "flood", "failed"])],
        &[],
    ),
    ("switchyard_messages_sent", "counter", "", RPC, &[]),
    ("switchyard_versions_skipped", "counter", "", RPC, &[]),
    ("switchyard_streams_behind", "gauge", "", NONE, &[]),
    ("switchyard_oldest_unsent_age_seconds", "gauge", "seconds", NONE, &[]),
    (
        "switchyard_requests_refused",
        "counter",
        "",
        &[(
            "reason",
            &[
                "invalid_argument",
                "unimplemented",
                "unavailable",
                "deadline_exceeded",
                "internal",
                "permission_denied",
                "resource_exhausted",
                "other",
            ],
        )],
        &[],
    ),
    ("switchyard_views", "gauge", "", NONE, &[]),
    ("switchyard_view_bytes", "gauge", "bytes", NONE, &[]),
    ("switchyard_resolutions", "counter", "", NONE, &[]),
    ("switchyard_audits", "counter", "", RPC, &[]),
    ("switchyard_audit_divergent_views", "gauge", "", RPC, &[]),
    ("switchyard_audit_divergences", "counter", "", RPC, &[]),
    ("switchyard_audit_round_seconds", "gauge", "seconds", NONE, &[]),
    ("switchyard_inspections_failed", "counter", "", NONE, &[]),
    ("switchyard_controller_stalled_seconds", "gauge", "seconds", NONE, &[]),
    ("switchyard_batches_applied", "counter", "", NONE, &[]),
    ("switchyard_objects", "gauge", "", KIND, &[]),
    ("switchyard_warnings", "gauge", "", WARNING, &[]),
    ("switchyard_warnings_raised", "counter", "", WARNING, &[]),
    ("switchyard_synced", "gauge", "", NONE, &[]),
    ("switchyard_watch_restarts", "counter", "", &[("kind", KINDS), ("reason", TROUBLES)], &[]),
    ("switchyard_stale", "gauge", "", KIND, &[]),
    ("switchyard_cache_age_seconds", "gauge", "seconds", KIND, &[]),
    ("switchyard_undecodable", "counter", "", KIND, &[]),
    // As every gRPC server has them.
    ("grpc_server_started", "counter", "", METHOD, &[]),
    ("grpc_server_handled", "counter", "", METHOD_AND_CODE, &[]),
    ("grpc_server_msg_received", "counter", "", METHOD, &[]),
    ("grpc_server_msg_sent", "counter", "", METHOD, &[]),
    ("grpc_server_handling_seconds", "histogram", "seconds", METHOD, HANDLING),
    // As Linkerd has them, though not for each service.
    ("endpoints_subscribers", "gauge", "", LOCAL, &[]),
    ("endpoints_updates", "unknown", "", LOCAL, &[]),
    ("endpoints_pods", "gauge", "", LOCAL, &[]),
    ("endpoints_exists", "gauge", "", LOCAL, &[]),
    ("profile_subscribers", "gauge", "", NONE, &[]),
    ("profile_updates", "unknown", "", NONE, &[]),
    ("service_cache_size", "gauge", "", LOCAL, &[]),
    ("endpointslices_cache_size", "gauge", "", LOCAL, &[]),
    ("endpoints_cache_size", "gauge", "", LOCAL, &[]),
    ("pod_cache_size", "gauge", "", LOCAL, &[]),
    ("node_cache_size", "gauge", "", LOCAL, &[]),
    ("trafficsplit_cache_size", "gauge", "", LOCAL, &[]),
    ("serviceprofile_cache_size", "gauge", "", LOCAL, &[]),
    ("replicaset_cache_size", "gauge", "", LOCAL, &[]),
    ("job_cache_size", "gauge", "", LOCAL, &[]),
    ("server_cache_size", "gauge", "", LOCAL, &[]),
    ("externalworkload_cache_size", "gauge", "", LOCAL, &[]),
    ("services_informer_lag_seconds", "histogram", "seconds", NONE, LAG),
    ("endpointslices_informer_lag_seconds", "histogram", "seconds", NONE, LAG),
    ("pods_informer_lag_seconds", "histogram", "seconds", NONE, LAG),
    ("servers_informer_lag_seconds", "histogram", "seconds", NONE, LAG),
    ("externalworkload_informer_lag_seconds", "histogram", "seconds", NONE, LAG),
    ("serviceprofiles_informer_lag_seconds", "histogram", "seconds", NONE, LAG),
    ("trafficsplits_informer_lag_seconds", "histogram", "seconds", NONE, LAG),
    // As every process has them.
    ("process_cpu_seconds", "counter", "", NONE, &[]),
    ("process_resident_memory_bytes", "gauge", "", NONE, &[]),
    ("process_virtual_memory_bytes", "gauge", "", NONE, &[]),
    ("process_threads", "gauge", "", NONE, &[]),
    ("process_open_fds", "gauge", "", NONE, &[]),
    ("process_max_fds", "gauge", "", NONE, &[]),
    ("process_start_time_seconds", "gauge", "", NONE, &[]),
];

/// What there is with TLS besides.
const WITH_TLS: &[Row] = &[
    ("switchyard_tls_certificate_expiry_timestamp_seconds", "gauge", "", NONE, &[]),
    ("switchyard_tls_files_refused", "gauge", "", NONE, &[]),
    ("switchyard_tls_reloads", "counter", "", NONE, &[]),
];

/// All sets of labels that have one of the values of each.
fn product(labels: &[(&str, Values)]) -> BTreeSet<Labels> {
    labels.iter().fold([Labels::new()].into(), |sets, (name, values)| {
        let with = |set: &Labels, value: &str| {
            let mut set = set.clone();
            set.insert((*name).to_owned(), value.to_owned());
            set
        };
        sets.iter().flat_map(|set| values.iter().map(move |value| with(set, value))).collect()
    })
}

/// The samples of a row of the table, by name.
fn samples((name, kind, _, labels, bounds): &Row) -> BTreeMap<String, BTreeSet<Labels>> {
    let of = |suffix: &str, labels: &[(&str, Values)]| (format!("{name}{suffix}"), product(labels));
    match *kind {
        "counter" => [of("_total", labels)].into(),
        "info" => [of("_info", labels)].into(),
        "histogram" => {
            let with_bounds = [*labels, &[("le", *bounds)]].concat();
            [of("_sum", labels), of("_count", labels), of("_bucket", &with_bounds)].into()
        }
        _ => [of("", labels)].into(),
    }
}

#[tokio::test]
async fn a_server_has_every_metric_of_the_contract_from_the_start_and_no_other() {
    let manifests = copy_of_bookinfo();
    let server = Binary::serve(manifests.path()).await;

    check(&server, CONTRACT.iter()).await;
}

#[tokio::test]
async fn with_tls_there_are_its_metrics_besides() {
    let manifests = copy_of_bookinfo();
    let secret = Secret::of(&Authority::new("a").server(), None);
    let files = ["--tls-cert", &secret.text("tls.crt"), "--tls-key", &secret.text("tls.key")];
    let server = Binary::serve_with(manifests.path(), &files).await;
    check(&server, CONTRACT.iter().chain(WITH_TLS)).await;
}

/// A server has these metrics and no other.
async fn check(server: &Binary, contract: impl Iterator<Item = &Row>) {
    let mut families = page::families(&page::of(server).await);
    for row in contract {
        let (name, kind, unit, ..) = row;
        let family = families.remove(*name).unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!((family.kind.as_str(), family.unit.as_str()), (*kind, *unit), "{name}");
        assert_eq!(family.samples, samples(row), "{name}");
    }
    assert!(families.is_empty(), "in no contract: {:?}", families.keys());
}

/// How many services the folder has, ports each of them, and streams that are asked for at once.
const SERVICES: usize = 50;
const PORTS: usize = 100;
const AT_ONCE: usize = 500;

fn services() -> String {
    (0..SERVICES).fold(String::new(), |mut text, service| {
        let ports = (1..=PORTS).map(|port| format!("{{name: p{port}, port: {port}}}"));
        let ports = ports.collect::<Vec<_>>().join(", ");
        _ = writeln!(
            text,
            "apiVersion: v1\nkind: Service\nmetadata: {{name: web-{service}}}\nspec: {{ports: [{ports}]}}\n---"
        );
        text
    })
}

#[tokio::test]
async fn ten_thousand_authorities_leave_the_number_of_series_as_it_was() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("services.yaml"), services()).expect("written");
    let server = Binary::serve(folder.path()).await;
    let before = page::families(&page::of(&server).await);

    let existing = (0..SERVICES * PORTS).map(|n| format!("web-{}:{}", n / PORTS, 1 + n % PORTS));
    let absent = (0..SERVICES * PORTS).map(|n| format!("absent-{n}:80"));
    let authorities: Vec<_> = existing.chain(absent).collect();
    assert_eq!(authorities.len(), 10_000);
    for authorities in authorities.chunks(AT_ONCE) {
        // One that asked for all of them, and went away from each, would be a flood to the server.
        let client = client(server.grpc).await;
        join_all(authorities.iter().map(|authority| {
            let (name, port) = authority.split_once(':').expect("written so");
            let (mut client, name) = (client.clone(), format!("{name}.default.svc.cluster.local:{port}"));
            async move {
                let stream = client.get(ask(&name, "")).await.expect("the stream opens");
                stream.into_inner().message().await.expect("no error").expect("an answer");
                client.get_profile(ask(&name, "")).await.expect("the stream opens");
                let error = client.get(ask(&format!("{name}.example.org"), "")).await.expect_err("refused");
                assert_eq!(error.code(), Code::InvalidArgument);
            }
        }))
        .await;
    }

    let after = page::families(&page::of(&server).await);
    let series = |families: &BTreeMap<String, page::Family>| -> BTreeMap<_, _> {
        families.iter().map(|(name, family)| (name.clone(), family.samples.clone())).collect()
    };
    assert_eq!(series(&after), series(&before));
    let asked = r#"grpc_server_started_total{grpc_type="server_stream",grpc_service="io.linkerd.proxy.destination.Destination",grpc_method="Get"}"#;
    assert_eq!(server.metric(asked).await, 20_000, "all of it was seen");
}
