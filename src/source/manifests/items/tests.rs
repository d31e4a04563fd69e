//! Texts of files -> items, and files that cannot be taken.

use super::*;

/// Every item as `line Kind namespace/name`, with the path that is wrong if one is.
#[track_caller]
fn items(text: &str) -> Vec<String> {
    let read = read(text.as_bytes());
    assert_eq!(read.unreadable, []);
    let show = |item: &Item| match &item.content {
        Ok(_) => format!("{} {}", item.line, item.key),
        Err(rejections) => {
            let paths: Vec<_> = rejections.iter().map(|rejection| rejection.path.as_str()).collect();
            format!("{} {} !{}", item.line, item.key, paths.join(" !"))
        }
    };
    read.items.iter().map(show).collect()
}

#[track_caller]
fn refused(text: &str, line: u32, part: &str) {
    let read = read(text.as_bytes());
    let [error] = &read.unreadable[..] else { panic!("{text}: {:?}", read.unreadable) };
    assert_eq!(error.line, line, "{error:?}");
    assert!(error.message.contains(part), "{error:?}");
}

#[test]
fn objects_are_told_by_kind_namespace_and_name() {
    let text = "
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { ports: [{ port: 80 }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec: { selector: { matchLabels: { app: web } }, template: { metadata: { labels: { app: web } }, spec: { containers: [{ name: web, image: x }] } } }
---
apiVersion: v1
kind: Node
metadata: { name: n1, namespace: ignored }
";
    assert_eq!(items(text), ["2 Service default/web", "7 Deployment shop/web", "12 Node n1"]);
}

#[test]
fn lists_are_flattened_even_in_one_another() {
    let text = "
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
  metadata: { name: a }
  spec: { clusterIP: None }
- apiVersion: v1
  kind: PodList
  items:
  - metadata: { name: b }
    spec: { containers: [{ name: b, image: x }] }
  - metadata: { name: c }
    spec: { containers: [{ name: c, image: x }] }
- apiVersion: split.smi-spec.io/v1alpha2
  kind: TrafficSplitList
  items:
  - metadata: { name: d }
    spec: { service: a, backends: [{ service: b, weight: 1.5 }] }
---
apiVersion: v1
kind: ServiceAccountList
items:
- metadata: { name: e }
---
apiVersion: v1
kind: List
items:
";
    let expected =
        ["5 Service default/a", "12 Pod default/b", "14 Pod default/c", "19 TrafficSplit default/d"];
    assert_eq!(items(text), expected);
    let read = read(text.as_bytes());
    assert_eq!(read.skipped, BTreeMap::from([("ServiceAccount".to_owned(), 1)]));
    assert_eq!(read.items[3].lines.get("spec.backends[0].weight"), Some(&20));
    let Ok(Content::Other(Object::TrafficSplit(split))) = &read.items[3].content else { panic!() };
    assert_eq!(split.problems.len(), 1, "the version of the list is that of its items");
}

#[test]
fn kinds_of_no_concern_are_counted() {
    let object = |api_version: &str, kind: &str| {
        format!("---\napiVersion: {api_version}\nkind: {kind}\nmetadata: {{ name: x }}\n")
    };
    let text = [
        object("v1", "ServiceAccount"),
        object("v1", "ServiceAccount"),
        object("batch/v1", "CronJob"),
        object("serving.knative.dev/v1", "Service"),
        object("example.com/v1", "AllowList"),
        // To a Job without a name nothing can belong yet.
        "---\napiVersion: batch/v1\nkind: Job\nmetadata: { generateName: x- }\n".to_owned(),
        // What does not concern us need not even have a name.
        "---\napiVersion: v1\nkind: Secret\nmetadata: { generateName: x- }\n".to_owned(),
    ]
    .concat();
    let read = read(text.as_bytes());
    let skipped: Vec<_> = read.skipped.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    assert_eq!(
        skipped,
        [("AllowList", 1), ("CronJob", 1), ("Job", 1), ("Secret", 1), ("ServiceAccount", 2),]
    );
    let unsimulated: Vec<_> =
        read.unsimulated.iter().map(|object| format!("{} {}", object.kind, object.name)).collect();
    assert_eq!(unsimulated, ["Service.serving.knative.dev default/x"]);
    assert_eq!(read.items.len(), 0);
}

#[test]
fn objects_of_no_use_are_told_with_what_is_wrong() {
    let text = "
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { ports: [{ port: 0 }] }
---
apiVersion: v1
kind: Service
metadata: { name: web2 }
spec: { selector: { app: 1 } }
---
apiVersion: v1
kind: Pod
metadata: { name: p, labels: [] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: d }
spec: { replicas: many, template: {} }
---
apiVersion: split.smi-spec.io/v1
kind: TrafficSplit
metadata: { name: s }
---
apiVersion: v1
kind: Pod
metadata: { name: p2, namespace: Upper }
---
apiVersion: policy.linkerd.io/v1beta3
kind: Server
metadata: { name: s }
spec: { podSelector: {}, proxyProtocol: opaque, port: 0 }
---
apiVersion: policy.linkerd.io/v2
kind: Server
metadata: { name: s2 }
---
apiVersion: workload.linkerd.io/v1
kind: ExternalWorkload
metadata: { name: w }
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: { name: r, ownerReferences: 1 }
spec: { template: {} }
";
    let expected = [
        "2 Service default/web !spec.ports[0].port",
        "7 Service default/web2 !spec.selector.app !spec.ports",
        "12 Pod default/p !metadata.labels !spec.containers",
        "16 Deployment default/d !spec.replicas !spec.selector !spec.template.spec.containers",
        "21 TrafficSplit default/s !apiVersion",
        "25 Pod Upper/p2 !metadata.namespace !spec.containers",
        "29 Server default/s !spec.port",
        "34 Server default/s2 !apiVersion",
        "38 ExternalWorkload default/w !apiVersion",
        "42 ReplicaSet default/r !metadata.ownerReferences !spec.selector !spec.template.spec.containers",
    ];
    assert_eq!(items(text), expected);
    let read = read(text.as_bytes());
    assert_eq!(
        read.items[3].lines.get("spec.replicas"),
        Some(&19),
        "lines are kept where something is wrong"
    );
}

#[test]
fn a_document_without_kind_version_or_name_is_unreadable() {
    refused("- a\n", 1, "mapping");
    refused("just text\n", 1, "mapping");
    refused("a: 1\n", 1, "kind");
    refused("apiVersion: v1\nkind: Service\nmetadata: { name: a }\n---\nkind: Service\n", 5, "apiVersion");
    refused("apiVersion: v1\nkind: Service\n", 1, "metadata.name");
    refused("apiVersion: v1\nkind: Service\nmetadata: { name: '' }\n", 1, "metadata.name");
    refused("apiVersion: v1\nkind: Service\nmetadata: { name: 5 }\n", 1, "metadata.name, found 5");
    refused("apiVersion: v1\nkind: Service\nmetadata: { name: on }\n", 1, "metadata.name, found true");
    refused("apiVersion: v1\nkind: Service\nmetadata: { generateName: 5 }\n", 1, "metadata.name");
    refused("apiVersion: v1\nkind: Service\nmetadata: { name: a, namespace: [] }\n", 1, "namespace");
    refused("apiVersion: v1\nkind: List\nitems: {}\n", 1, "items");
    refused("apiVersion: v1\nkind: List\nitems:\n- 5\n", 4, "mapping");
    refused("apiVersion: v1\nkind: List\nitems:\n- kind: Service\n", 4, "apiVersion");
    refused("apiVersion: v1\n kind: Service\n", 2, "expected");
}

#[test]
fn unreadable_documents_leave_the_others_of_their_file_alone() {
    let named = |name: &str| format!("apiVersion: v1\nkind: Service\nmetadata: {{ name: {name} }}\n");
    let broken = "a: [1\n";
    let nameless = "apiVersion: v1\nkind: List\nitems:\n- { apiVersion: v1, kind: Pod }\n- ";
    let listed = "{ apiVersion: v1, kind: Pod, metadata: { name: c } }\n";
    let text = [&*named("a"), broken, &named("b"), nameless].join("---\n") + listed;
    let read = read(&[text.as_bytes(), b"---\n\xff\n---\n", named("d").as_bytes()].concat());
    let names: Vec<_> = read.items.iter().map(|item| format!("{} {}", item.line, item.key)).collect();
    assert_eq!(
        names,
        ["1 Service default/a", "7 Service default/b", "15 Pod default/c", "19 Service default/d"]
    );
    let lines: Vec<_> = read.unreadable.iter().map(|error| error.line).collect();
    assert_eq!(lines, [6, 14, 17], "{:?}", read.unreadable);
}

#[test]
fn warnings_name_the_object_and_the_line() {
    let text = "
apiVersion: v1
kind: Pod
metadata: { generateName: x- }
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: c
  labels:
    app: x
    app: y
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop, name: api }
...
more
";
    let read = read(text.as_bytes());
    assert_eq!(read.unreadable, []);
    let show = |w: &Warning| format!("{} {} {}", w.what.line, w.reason, w.object.as_deref().unwrap_or("-"));
    let warnings: Vec<_> = read.warnings.iter().map(show).collect();
    let expected = [
        "2 invalid_object Pod x-*",
        "12 repeated_key ConfigMap c",
        "16 repeated_key Service shop/api",
        "18 ignored_content Service shop/api",
    ];
    assert_eq!(warnings, expected);
    let names: Vec<_> = read.items.iter().map(|item| item.key.to_string()).collect();
    assert_eq!(names, ["Service shop/api"]);
    assert_eq!(read.skipped.keys().collect::<Vec<_>>(), ["ConfigMap", "Pod"]);
}
