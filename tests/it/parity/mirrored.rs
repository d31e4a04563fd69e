//! Services of other clusters. Mirrored by gateways: cases 34 and 35, rules 1.3.2 and 2.9. By remote discovery and
//! federation, which are not supported and say so: case 71 as D5 has it.

use switchyard::pb::destination::{Http2ClientParams, http2_client_params};

use super::{
    fixtures::{annotated_service, service, slice, slice_with, split},
    given, given_with,
};

const REMOTE: &str = "name1-remote.ns.svc.mycluster.local:8989";

/// Where the mirrored service lives.
const FROM_WEST: &str =
    "labels: {kubernetes.io/service-name: name1-remote, mirror.linkerd.io/cluster-name: west}";

/// The slice of a mirrored service: gateways on port 9999, with these annotations.
fn gateways(annotations: &str) -> String {
    let metadata = format!("name: name1-remote, namespace: ns, {FROM_WEST}, annotations: {{{annotations}}}");
    slice_with(&metadata, "9999", "172.17.0.12")
}

fn mirrored(annotations: &str) -> String {
    service("name1-remote", "8989") + &gateways(annotations)
}

const IDENTITY: &str = "mirror.linkerd.io/remote-gateway-identity: gateway.id";
const FQ_NAME: &str = "mirror.linkerd.io/remote-svc-fq-name: name1-remote-fq";

#[test]
fn case_34_a_gateway_has_its_identity_and_is_asked_for_the_remote_service_on_the_requested_port() {
    let case = given(&mirrored(&format!("{IDENTITY}, {FQ_NAME}")));
    case.get(REMOTE, "").expect(
        "add {namespace=ns service=name1-remote target_cluster=west}
           172.17.0.12:9999 10000 h2 tls=gateway.id authority=name1-remote-fq:8989 {zone_locality=unknown}",
    );
}

#[test]
fn case_34_without_an_identity_there_is_no_tls_and_no_hint() {
    for identity in ["", "mirror.linkerd.io/remote-gateway-identity: '', "] {
        let case = given(&mirrored(&format!("{identity}{FQ_NAME}")));
        case.get(REMOTE, "").expect(
            "add {namespace=ns service=name1-remote target_cluster=west}
               172.17.0.12:9999 10000 authority=name1-remote-fq:8989 {zone_locality=unknown}",
        );
    }
}

#[test]
fn rule_1_3_a_mirrored_set_says_which_service_of_which_cluster_it_is() {
    let name = "mirror.linkerd.io/remote-svc-fq-name: name1.far.svc.west.local";
    given(&mirrored(name)).get(REMOTE, "").expect(
        "add {namespace=ns service=name1-remote
              target_cluster=west target_service=name1 target_service_namespace=far}
           172.17.0.12:9999 10000 authority=name1.far.svc.west.local:8989 {zone_locality=unknown}",
    );
    let local = mirrored(name).replace(", mirror.linkerd.io/cluster-name: west", "");
    given(&local).get(REMOTE, "").expect(
        "add {namespace=ns service=name1-remote}
           172.17.0.12:9999 10000 authority=name1.far.svc.west.local:8989 {zone_locality=unknown}",
    );
}

#[test]
fn rule_1_3_of_several_slices_the_first_by_name_that_is_mirrored_names_the_cluster() {
    let slice = |name: &str, cluster: &str, endpoint: &str| {
        let labels = format!("kubernetes.io/service-name: name1-remote{cluster}");
        slice_with(&format!("name: {name}, namespace: ns, labels: {{{labels}}}"), "9999", endpoint)
    };
    let (west, east) = (", mirror.linkerd.io/cluster-name: west", ", mirror.linkerd.io/cluster-name: east");
    let objects = |of_b: &str, of_c: &str| {
        let slices =
            [slice("c", of_c, "172.17.0.3"), slice("b", of_b, "172.17.0.2"), slice("a", "", "172.17.0.1")];
        service("name1-remote", "8989") + &slices.concat()
    };
    let all = |cluster: &str| {
        format!(
            "add {{namespace=ns service=name1-remote target_cluster={cluster}}}
               172.17.0.1:9999 10000 {{zone_locality=unknown}}
               172.17.0.2:9999 10000 {{zone_locality=unknown}}
               172.17.0.3:9999 10000 {{zone_locality=unknown}}"
        )
    };
    let mut case = given(&objects(west, east));
    let mut remote = case.get(REMOTE, "");
    remote.expect(&all("west"));
    case.edit(&objects("", east));
    remote.expect(&all("east"));
}

#[test]
fn rule_2_9_endpoints_objects_are_mirrored_as_slices_are() {
    let endpoints = format!(
        "{{apiVersion: v1, kind: Endpoints, metadata: {{name: name1-remote, namespace: ns,
           labels: {{mirror.linkerd.io/cluster-name: west}}, annotations: {{{IDENTITY}, {FQ_NAME}}}}},
           subsets: [{{addresses: [{{ip: 172.17.0.12}}], ports: [{{port: 9999}}]}}]}}"
    );
    given(&(service("name1-remote", "8989") + &endpoints)).get(REMOTE, "").expect(
        "add {namespace=ns service=name1-remote target_cluster=west}
           172.17.0.12:9999 10000 h2 tls=gateway.id authority=name1-remote-fq:8989 {zone_locality=unknown}",
    );
}

#[test]
fn rule_1_6_a_gateway_is_never_told_a_transport_and_always_the_http2_parameters() {
    let keep_alive = http2_client_params::KeepAlive { interval: None, timeout: None, while_idle: true };
    let choose = |mesh: &mut switchyard::resolve::MeshOptions| {
        mesh.transport_header = true;
        mesh.http2 = Some(Http2ClientParams { keep_alive: Some(keep_alive), ..Http2ClientParams::default() });
    };
    given_with(choose, &mirrored(IDENTITY)).get(REMOTE, "").expect(
        "add {namespace=ns service=name1-remote target_cluster=west}
           172.17.0.12:9999 10000 h2 tls=gateway.id http2(ping=none/none/true) {zone_locality=unknown}",
    );
}

#[test]
fn case_35_a_new_identity_of_the_gateway_is_said_and_an_equal_one_is_not() {
    let mut case = given(&mirrored(IDENTITY));
    let mut remote = case.get(REMOTE, "");
    let is = |tls: &str| {
        format!(
            "add {{namespace=ns service=name1-remote target_cluster=west}}
               172.17.0.12:9999 10000 {tls} {{zone_locality=unknown}}"
        )
    };
    remote.expect(&is("h2 tls=gateway.id"));
    case.edit(&mirrored(&format!("{IDENTITY}, unrelated: x")));
    remote.expect("");
    case.edit(&mirrored("mirror.linkerd.io/remote-gateway-identity: other.id"));
    remote.expect(&is("h2 tls=other.id"));
    case.edit(&mirrored(""));
    remote.expect(&is(""));
}

#[test]
fn d7_in_a_merged_answer_the_addresses_of_a_mirrored_backend_say_where_they_lead() {
    let name = "mirror.linkerd.io/remote-svc-fq-name: name1.far.svc.west.local";
    let objects = [
        service("name1", "8989"),
        service("local", "8989"),
        slice("local", "8989", "172.17.0.20"),
        mirrored(&format!("{IDENTITY}, {name}")),
        split("name1", "local=1 name1-remote=1"),
    ];
    given(&objects.concat()).get("name1.ns.svc.mycluster.local:8989", "").expect(
        "add {namespace=ns service=name1}
           172.17.0.12:9999 500000000 h2 tls=gateway.id authority=name1.far.svc.west.local:8989
             {service=name1-remote target_cluster=west target_service=name1 target_service_namespace=far
              zone_locality=unknown}
           172.17.0.20:8989 500000000 {service=local zone_locality=unknown}",
    );
}

#[test]
fn case_71_a_service_of_several_clusters_exists_and_is_empty_with_a_warning_until_it_is_a_usual_one() {
    let slice = slice("bb", "8080", "172.17.0.12");
    let federated =
        annotated_service("bb", "8080", "{multicluster.linkerd.io/remote-discovery: 'bb@west,bb@east'}");
    let local = annotated_service("bb", "8080", "{multicluster.linkerd.io/local-discovery: bb}");
    let remote = service("bb", "8080").replace(
        "namespace: ns,",
        "namespace: ns, labels: {multicluster.linkerd.io/remote-discovery: west, \
         multicluster.linkerd.io/remote-service: bb},",
    );
    for marked in [federated, local, remote] {
        let mut case = given(&(marked.clone() + &slice));
        let mut bb = case.get("bb.ns.svc.mycluster.local:8080", "");
        bb.expect("no_endpoints exists=true");
        case.expect_warnings(&["Service ns/bb"]);
        case.edit(&(service("bb", "8080") + &slice));
        bb.expect("add {namespace=ns service=bb} 172.17.0.12:8080 10000 {zone_locality=unknown}");
        case.expect_warnings(&[]);
        case.edit(&(marked + &slice));
        bb.expect("no_endpoints exists=true");
    }
}
