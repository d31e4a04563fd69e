//! Which Pods run on which Nodes.

use super::*;
use crate::{
    model::{Kind, Object},
    source::{convert::convert, manifests::yaml},
};

fn value(text: &str) -> serde_json::Value {
    let document = yaml::parse(text.as_bytes()).next().expect("a document");
    document.unwrap_or_else(|error| panic!("{text}: {error:?}")).value
}

/// Why Pods with this `spec` do not run on a Node `n1` with these fields.
#[track_caller]
fn unfit(of_daemon_set: bool, pod: &str, node: &str) -> Option<String> {
    let node = value(&format!("{{apiVersion: v1, kind: Node, metadata: {{name: n1, {node}"));
    let Ok(Object::Node(read)) = convert(Kind::Node, &node) else { panic!("{node}") };
    let spec = NodeSpec::read(&At::root(&node));
    let constraints = Constraints::read(&At::root(&value(&format!("{{{pod}}}"))), of_daemon_set);
    constraints.check(&read, &spec).err().map(|unfit| unfit.to_string())
}

const PLAIN: &str = "labels: {}}}";
const SSD: &str = "labels: {disk: ssd, cpus: '8', kubernetes.io/arch: arm64}}}";

fn required(terms: &str) -> String {
    format!(
        "affinity: {{nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: {terms}}}}}}}"
    )
}

#[test]
fn node_fits_if_it_has_every_label_of_the_node_selector() {
    let lacks = |label: &str| Some(format!("without label {label} of nodeSelector"));
    for (selector, node, expect) in [
        ("{}", PLAIN, None),
        ("{disk: ssd}", SSD, None),
        ("{disk: ssd, cpus: '4'}", SSD, lacks("cpus=4")),
        ("{disk: hdd}", SSD, lacks("disk=hdd")),
        ("{disk: ssd}", PLAIN, lacks("disk=ssd")),
        // A kubelet adds these, whatever the manifest of the Node has.
        ("{kubernetes.io/hostname: n1, kubernetes.io/os: linux, kubernetes.io/arch: amd64}", PLAIN, None),
        ("{beta.kubernetes.io/os: linux, beta.kubernetes.io/arch: arm64}", PLAIN, None),
        ("{kubernetes.io/os: windows}", PLAIN, lacks("kubernetes.io/os=windows")),
        ("{kubernetes.io/hostname: n2}", PLAIN, lacks("kubernetes.io/hostname=n2")),
        ("{kubernetes.io/arch: amd64}", SSD, lacks("kubernetes.io/arch=amd64")),
        ("{kubernetes.io/os: windows}", "labels: {kubernetes.io/os: windows}}}", None),
    ] {
        assert_eq!(unfit(false, &format!("nodeSelector: {selector}"), node), expect, "{selector} on {node}");
    }
}

#[test]
fn node_fits_if_one_term_of_the_required_affinity_holds() {
    for (terms, node, fits) in [
        ("[{matchExpressions: [{key: disk, operator: In, values: [hdd, ssd]}]}]", SSD, true),
        ("[{matchExpressions: [{key: disk, operator: In, values: [hdd]}]}]", SSD, false),
        ("[{matchExpressions: [{key: disk, operator: In, values: [ssd]}]}]", PLAIN, false),
        ("[{matchExpressions: [{key: disk, operator: NotIn, values: [hdd]}]}]", PLAIN, true),
        ("[{matchExpressions: [{key: disk, operator: NotIn, values: [ssd]}]}]", SSD, false),
        ("[{matchExpressions: [{key: disk, operator: Exists}]}]", SSD, true),
        ("[{matchExpressions: [{key: disk, operator: Exists}]}]", PLAIN, false),
        ("[{matchExpressions: [{key: disk, operator: DoesNotExist}]}]", PLAIN, true),
        ("[{matchExpressions: [{key: disk, operator: DoesNotExist}]}]", SSD, false),
        ("[{matchExpressions: [{key: cpus, operator: Gt, values: ['7']}]}]", SSD, true),
        ("[{matchExpressions: [{key: cpus, operator: Gt, values: ['8']}]}]", SSD, false),
        ("[{matchExpressions: [{key: cpus, operator: Lt, values: ['10']}]}]", SSD, true),
        ("[{matchExpressions: [{key: cpus, operator: Lt, values: ['10']}]}]", PLAIN, false),
        ("[{matchFields: [{key: metadata.name, operator: In, values: [n1]}]}]", PLAIN, true),
        ("[{matchFields: [{key: metadata.name, operator: NotIn, values: [n1]}]}]", PLAIN, false),
        (
            "[{matchExpressions: [{key: disk, operator: Exists}, {key: cpus, operator: DoesNotExist}]}]",
            SSD,
            false,
        ),
        (
            "[{matchExpressions: [{key: gpu, operator: Exists}]}, {matchExpressions: [{key: disk, operator: Exists}]}]",
            SSD,
            true,
        ),
        ("[{}]", SSD, false),
    ] {
        let expect = (!fits).then(|| "outside the required nodeAffinity".to_owned());
        assert_eq!(unfit(false, &required(terms), node), expect, "{terms} on {node}");
    }
    let preferred = "affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, preference: \
                     {matchExpressions: [{key: gpu, operator: Exists}]}}]}}";
    assert_eq!(unfit(false, preferred, PLAIN), None);
}

#[test]
fn node_fits_if_the_pods_tolerate_its_taints() {
    let tainted = |taint: &str| format!("}}, spec: {{taints: [{taint}]}}}}");
    let with = |taint: &str| Some(format!("with taint {taint}, which the Pods do not tolerate"));
    let db = "{key: for, value: db, effect: NoSchedule}";
    for (tolerations, taint, expect) in [
        ("", db, with("for=db:NoSchedule")),
        ("", "{key: for, effect: NoExecute}", with("for:NoExecute")),
        ("", "{key: for, value: db, effect: PreferNoSchedule}", None),
        ("{key: for, value: db, effect: NoSchedule}", db, None),
        ("{key: for, operator: Equal, value: db}", db, None),
        ("{key: for, value: web}", db, with("for=db:NoSchedule")),
        ("{key: for, operator: Exists}", db, None),
        ("{operator: Exists}", db, None),
        ("{key: other, operator: Exists}", db, with("for=db:NoSchedule")),
        ("{key: for, operator: Exists, effect: NoExecute}", db, with("for=db:NoSchedule")),
        ("{key: for, operator: Exists, effect: PreferNoSchedule}", db, with("for=db:NoSchedule")),
        ("{key: sla, operator: Gt, value: '950'}", "{key: sla, value: '980', effect: NoSchedule}", None),
        (
            "{key: sla, operator: Lt, value: '950'}",
            "{key: sla, value: '980', effect: NoSchedule}",
            with("sla=980:NoSchedule"),
        ),
        ("{key: for, value: db}", "{key: for, effect: NoSchedule}", with("for:NoSchedule")),
    ] {
        let pod = format!("tolerations: [{tolerations}]");
        assert_eq!(unfit(false, &pod, &tainted(taint)), expect, "{tolerations} on {taint}");
    }
}

#[test]
fn unschedulable_node_fits_daemon_sets_and_pods_that_tolerate_it() {
    let node = "}, spec: {unschedulable: true}}";
    let taint = "node.kubernetes.io/unschedulable";
    assert_eq!(unfit(false, "", node).as_deref(), Some("unschedulable"));
    assert_eq!(unfit(false, &format!("tolerations: [{{key: {taint}, operator: Exists}}]"), node), None);
    assert_eq!(unfit(true, "", node), None);
    let not_ready = "}, spec: {taints: [{key: node.kubernetes.io/not-ready, effect: NoExecute}]}}";
    assert!(unfit(false, "", not_ready).is_some());
    assert_eq!(unfit(true, "", not_ready), None);
    assert!(unfit(true, "", "}, spec: {taints: [{key: for, effect: NoSchedule}]}}").is_some());
}

#[test]
fn node_name_admits_one_node_and_passes_the_scheduler() {
    let (here, elsewhere) = ("nodeName: n1", "nodeName: n2");
    let tainted = |effect: &str| format!("}}, spec: {{taints: [{{key: for, effect: {effect}}}]}}}}");
    assert_eq!(unfit(false, elsewhere, PLAIN).as_deref(), Some("not named by nodeName"));
    assert_eq!(unfit(false, here, PLAIN), None);
    assert_eq!(unfit(false, here, &tainted("NoSchedule")), None);
    assert!(unfit(false, here, &tainted("NoExecute")).is_some());
    assert!(unfit(true, here, &tainted("NoSchedule")).is_some(), "Pods of a DaemonSet do not");
    assert!(unfit(false, &format!("{here}, nodeSelector: {{disk: ssd}}"), PLAIN).is_some());
}
