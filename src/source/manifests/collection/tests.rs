//! Changes of files -> what is said of objects.

use std::collections::BTreeSet;

use super::*;
use crate::model::{NsName, ObjectId};

/// Changes one file.
fn put(collection: &mut Collection, path: &str, text: &str) -> Batch {
    take(collection, &[(path, text)])
}

fn take(collection: &mut Collection, files: &[(&str, &str)]) -> Batch {
    let content =
        |(path, text): &(&str, &str)| (Arc::from(Path::new(path)), Change::Content(text.as_bytes().into()));
    apply(collection, files.iter().map(content).collect())
}

/// Applies changes of files, read at 05:00.
fn apply(collection: &mut Collection, changes: Vec<(Arc<Path>, Change)>) -> Batch {
    apply_at(collection, changes, "2026-11-28T05:00:00.123Z")
}

fn apply_at(collection: &mut Collection, changes: Vec<(Arc<Path>, Change)>, time: &str) -> Batch {
    collection.take(changes, vec![], Some(time.parse().expect("a time")))
}

/// A collection of these files, that has said what is in them.
fn holding(files: &[(&str, &str)]) -> Collection {
    let mut collection = Collection::default();
    take(&mut collection, files);
    collection
}

/// Every event as `+ Kind namespace/name`, `- Kind ..` or `= Kind count`.
fn events(batch: &Batch) -> Vec<String> {
    let show = |event: &Event| match event {
        Event::Upsert(object) => format!("+ {}", object.id()),
        Event::Remove(id) => format!("- {id}"),
        Event::Replace(kind, objects) | Event::ReplaceExcept(kind, objects, _) => {
            format!("= {kind} {}", objects.len())
        }
        Event::Folder(_) => unreachable!("it is left out"),
    };
    batch.events.iter().filter(|event| !matches!(event, Event::Folder(_))).map(show).collect()
}

/// The same of a first batch, without the kinds of which there are none.
fn not_empty(batch: &Batch) -> Vec<String> {
    events(batch).into_iter().filter(|event| !event.ends_with(" 0")).collect()
}

/// Every finding as `place reason object: message`.
#[track_caller]
fn findings(batch: &Batch) -> Vec<String> {
    let report = batch.report.as_ref().expect("something to report");
    let show = |f: &Finding| {
        format!("{} {} {}: {}", f.location, f.reason, f.object.as_deref().unwrap_or("-"), f.message)
    };
    report.findings.iter().map(show).collect()
}

fn headless(name: &str, port: u16) -> String {
    let spec = format!("clusterIP: None, ports: [{{ port: {port} }}]");
    format!("apiVersion: v1\nkind: Service\nmetadata: {{ name: {name} }}\nspec: {{ {spec} }}\n---\n")
}

mod last_valid;
mod law;

const BROKEN: &str = "a: [1,\n";

#[test]
fn the_first_batch_speaks_of_every_kind() {
    let batch = put(&mut Collection::default(), "a.yaml", &headless("web", 80));
    let expected = Kind::ALL.map(|kind| format!("= {kind} {}", u8::from(kind == Kind::Service)));
    assert_eq!(events(&batch), expected);
    let batch = take(&mut Collection::default(), &[]);
    assert_eq!(events(&batch), Kind::ALL.map(|kind| format!("= {kind} 0")));
    let reasons: Vec<_> =
        batch.report.expect("a first batch reports").findings.iter().map(|f| f.reason).collect();
    assert_eq!(reasons, [Reason::NoManifests], "an empty folder is served, and said");
}

#[test]
fn later_batches_say_what_differs_and_nothing_else() {
    let mut collection =
        holding(&[("a.yaml", &(headless("a", 80) + &headless("b", 80))), ("c.yaml", &headless("c", 80))]);
    let batch = put(&mut collection, "a.yaml", &(headless("b", 81) + &headless("d", 80)));
    assert_eq!(events(&batch), ["+ Service default/b", "+ Service default/d", "- Service default/a"]);
    let batch = put(&mut collection, "a.yaml", &(headless("b", 81) + &headless("d", 80)));
    assert_eq!((events(&batch).len(), batch.report), (0, None), "the same again is no news");
    let batch = put(&mut collection, "a.yaml", &(headless("d", 80) + "# a comment\n" + &headless("b", 81)));
    assert_eq!(events(&batch).len(), 0);
    assert!(batch.report.is_some(), "the lines have changed");
    let batch = apply(&mut collection, vec![(Arc::from(Path::new("c.yaml")), Change::Gone)]);
    assert_eq!(events(&batch), ["- Service default/c"]);
}

#[test]
fn an_object_that_moves_to_another_file_is_no_news() {
    let mut collection = holding(&[("a.yaml", &headless("web", 80))]);
    let changes = vec![
        (Arc::from(Path::new("a.yaml")), Change::Gone),
        (Arc::from(Path::new("b.yaml")), Change::Content(headless("web", 80).into())),
    ];
    assert_eq!(events(&apply(&mut collection, changes)).len(), 0);
}

#[test]
fn objects_missing_from_a_file_with_an_unreadable_document_are_kept_and_the_others_follow_it() {
    let mut collection = holding(&[("a.yaml", &(headless("db", 80) + &headless("web", 80)))]);
    for (port, broken) in (81..).zip([BROKEN, "a: 1\n", "kind: Service\n", "- 1\n"]) {
        let batch = put(&mut collection, "a.yaml", &(headless("web", port) + broken));
        assert_eq!(events(&batch), ["+ Service default/web"], "{broken}");
        assert_eq!(findings(&batch).len(), 1, "{broken}");
    }
    let batch = put(&mut collection, "a.yaml", BROKEN);
    let message = "expected a value in the { or [ that begins on line 1, found the end of the document";
    let kept = "; what the file defined before and no document of it defines now stays in force, as it may be in this \
                one: Service default/db (read at 2026-11-28T05:00:00Z), Service default/web (read at \
                2026-11-28T05:00:00Z)";
    assert_eq!(findings(&batch), [format!("a.yaml:2 unreadable_file -: {message}{kept}")]);
    let batch = put(&mut collection, "a.yaml", &headless("web", 86));
    assert_eq!(events(&batch), ["+ Service default/web", "- Service default/db"]);
    assert_eq!(findings(&batch).len(), 0);
}

#[test]
fn bytes_that_are_no_text_and_files_that_cannot_be_read_change_nothing_either() {
    let mut collection = holding(&[("a.yaml", &headless("web", 80))]);
    let path = || Arc::from(Path::new("a.yaml"));
    let batch = apply(&mut collection, vec![(path(), Change::Content(b"a: 1\nb: \xff\n".to_vec()))]);
    assert_eq!(events(&batch).len(), 0);
    let [finding] = &findings(&batch)[..] else { panic!("{batch:?}") };
    let message = "expected text in UTF-8, found other bytes; what the file defined";
    assert!(finding.starts_with(&format!("a.yaml:2 unreadable_file -: {message}")), "{finding}");
    let batch = apply(&mut collection, vec![(path(), Change::Unreadable("cannot be read: no".into()))]);
    assert_eq!(events(&batch).len(), 0);
    let kept = "; its last readable content (read at 2026-11-28T05:00:00Z) stays in force, and a server that starts \
                now has none";
    assert_eq!(findings(&batch), [format!("a.yaml unreadable_file -: cannot be read: no{kept}")]);
}

#[test]
fn a_file_that_was_never_good_holds_nothing_up() {
    let batch = take(&mut Collection::default(), &[("a.yaml", BROKEN), ("b.yaml", &headless("web", 80))]);
    assert!(events(&batch).contains(&"= Service 1".to_owned()));
    assert_eq!(findings(&batch).len(), 1);
}

#[test]
fn an_object_of_no_use_keeps_its_last_good_version_while_it_is_there() {
    let both = |port| headless("web", port) + &headless("api", port);
    let bad = headless("web", 80).replace("port: 80", "port: eighty") + &headless("api", 81);
    let mut collection = holding(&[("a.yaml", &both(80))]);
    let batch = put(&mut collection, "a.yaml", &bad);
    assert_eq!(events(&batch), ["+ Service default/api"], "the rest of the file is taken");
    let message = "spec.ports[0].port: expected a port number from 1 to 65535, found \"eighty\"";
    let [finding] = &findings(&batch)[..] else { panic!("{batch:?}") };
    let start = format!("a.yaml:4 invalid_object Service default/web: {message}; its last valid version, ");
    assert!(finding.starts_with(&start), "{finding}");
    let batch = put(&mut collection, "a.yaml", &headless("api", 81));
    assert_eq!(events(&batch), ["- Service default/web"]);
    let batch = put(&mut collection, "a.yaml", &bad);
    assert_eq!(events(&batch).len(), 0, "what is gone is forgotten");
    let [finding] = &findings(&batch)[..] else { panic!("{batch:?}") };
    assert!(finding.contains(&format!("{message}; no earlier valid version is known")), "{finding}");
}

#[test]
fn of_two_objects_with_one_name_the_last_is_used() {
    let mut collection = Collection::default();
    let batch = take(
        &mut collection,
        &[("a.yaml", &(headless("web", 1) + &headless("web", 2))), ("b.yaml", &headless("web", 3))],
    );
    let port = |batch: &Batch| {
        batch.events.iter().find_map(|event| match event {
            Event::Replace(Kind::Service, services) => services.first().cloned(),
            Event::Upsert(object) => Some(object.clone()),
            _ => None,
        })
    };
    let ports = |batch: &Batch| match port(batch) {
        Some(Object::Service(service)) => service.ports.iter().map(|p| p.port).collect(),
        _ => vec![],
    };
    assert_eq!(ports(&batch), [3]);
    let message = "expected one Service default/web, found it again at b.yaml:1, which is used";
    let expected =
        [1, 6].map(|line| format!("a.yaml:{line} duplicate_object Service default/web: {message}"));
    assert_eq!(findings(&batch), expected);
    let id = ObjectId { kind: Kind::Service, name: NsName::new("default", "web") };
    assert_eq!(collection.report.origins[&id].location.to_string(), "b.yaml:1");

    // The last becomes useless: it stays as it was, rather than jump to another.
    let batch = put(&mut collection, "b.yaml", &headless("web", 3).replace('3', "x"));
    assert_eq!(events(&batch).len(), 0);
    let batch = put(&mut collection, "b.yaml", "");
    assert_eq!(ports(&batch), [2]);
    assert_eq!(findings(&batch).len(), 1);
}

#[test]
fn at_first_sight_a_useless_object_does_not_hide_a_good_one() {
    let text = headless("web", 1) + &headless("web", 2).replace('2', "x");
    let batch = put(&mut Collection::default(), "a.yaml", &text);
    assert!(events(&batch).contains(&"= Service 1".to_owned()));
    let reasons: Vec<_> = batch.report.expect("a report").findings.iter().map(|f| f.reason).collect();
    assert_eq!(reasons, [Reason::InvalidObject]);
}

#[test]
fn a_slip_in_the_kind_keeps_the_object_and_says_what_is_right() {
    let split = "apiVersion: split.smi-spec.io/v1alpha2\nkind: TrafficSplit\nmetadata: { name: web }\n\
                 spec: { service: web, backends: [] }\n";
    for (right, wrong, message) in [
        (
            "kind: T",
            "kind: t",
            "a.yaml:2 invalid_object TrafficSplit default/web: kind: expected TrafficSplit",
        ),
        (
            "spec.io",
            "sepc.io",
            "a.yaml:1 invalid_object TrafficSplit default/web: apiVersion: expected split.smi",
        ),
    ] {
        let mut collection = holding(&[("a.yaml", split)]);
        let batch = put(&mut collection, "a.yaml", &split.replace(right, wrong));
        assert_eq!(events(&batch).len(), 0, "{wrong}");
        let [finding] = &findings(&batch)[..] else { panic!("{batch:?}") };
        assert!(finding.starts_with(message) && finding.contains("stays in force"), "{finding}");
    }
}

#[test]
fn what_may_be_of_somebody_else_gives_way_to_what_is_ours() {
    let server = |group: &str, port: u16| {
        format!(
            "apiVersion: {group}/v1beta3\nkind: Server\nmetadata: {{ name: s }}\n\
             spec: {{ podSelector: {{}}, port: {port}, proxyProtocol: opaque }}\n"
        )
    };
    let mut collection =
        holding(&[("a.yaml", &server("policy.linkerd.io", 80)), ("b.yaml", &server("example.com", 80))]);
    let batch = put(&mut collection, "a.yaml", &server("policy.linkerd.io", 81));
    assert_eq!(events(&batch), ["+ Server default/s"]);
}

#[test]
fn objects_that_go_with_their_file_are_counted_and_those_that_moved_are_not() {
    let two = headless("a", 80) + &headless("b", 80);
    let mut collection = holding(&[("a.yaml", &two), ("c.yaml", &headless("c", 80))]);
    let gone = |collection: &mut Collection| -> Vec<_> {
        let show = |gone: Gone| (gone.file.display().to_string(), gone.objects, gone.is_there);
        collection.take_gone().into_iter().map(show).collect()
    };
    assert_eq!(gone(&mut collection), []);
    put(&mut collection, "c.yaml", "");
    assert_eq!(gone(&mut collection), [("c.yaml".to_owned(), 1, true)]);
    put(&mut collection, "c.yaml", "");
    assert_eq!(gone(&mut collection), [], "it is said once");
    put(&mut collection, "a.yaml", &headless("a", 80));
    assert_eq!(gone(&mut collection), [], "a file that has others is being edited");

    let change = |path: &str, change| (Arc::from(Path::new(path)), change);
    let moved = Change::Content(headless("a", 80).into_bytes());
    apply(&mut collection, vec![change("a.yaml", Change::Gone), change("d.yaml", moved)]);
    assert_eq!(gone(&mut collection), []);
    apply(&mut collection, vec![change("d.yaml", Change::Gone)]);
    assert_eq!(gone(&mut collection), [("d.yaml".to_owned(), 1, false)]);
}

#[test]
fn the_report_counts_and_knows_where_things_are() {
    let text = "
apiVersion: split.smi-spec.io/v1alpha1
kind: TrafficSplit
metadata: { name: web }
spec:
  service: web
  backends:
  - service: web-a
    weight: 1
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: x }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: x }
spec:
  replicas: 0
  selector: { matchLabels: { app: web } }
  template: { metadata: { labels: { app: web } }, spec: { containers: [{ name: web, image: x }] } }
";
    let batch = take(&mut Collection::default(), &[("dir/a.yaml", text), ("b.yaml", "")]);
    let report = batch.report.expect("a report");
    assert_eq!((report.files, report.workloads), (2, 1));
    assert_eq!(report.skipped, BTreeMap::from([("ServiceAccount".to_owned(), 1)]));
    let id = ObjectId { kind: Kind::TrafficSplit, name: NsName::new("default", "web") };
    assert_eq!(report.origins.keys().collect::<Vec<_>>(), [&id]);
    let place = report.origins[&id].locate("spec.backends[0].weight");
    assert_eq!(place.to_string(), "dir/a.yaml:9");
    assert_eq!(report.findings, [], "what is wrong in an object is the object's");
}

#[test]
fn trouble_with_the_folder_is_reported_until_it_is_over() {
    let mut collection = holding(&[("a.yaml", &headless("web", 80))]);
    let trouble = Finding {
        reason: Reason::UnreadableFile,
        object: None,
        location: Location { file: Path::new("sub").into(), line: 0 },
        message: "cannot be read".into(),
    };
    let batch = collection.take(vec![], vec![trouble], None);
    assert_eq!(
        (events(&batch).len(), findings(&batch)),
        (0, vec!["sub unreadable_file -: cannot be read".to_owned()])
    );
    let batch = apply(&mut collection, vec![]);
    assert_eq!(findings(&batch).len(), 0);
}

#[test]
fn bookinfo_as_istio_ships_it_is_served_whole() {
    let bookinfo = include_str!("../../../../tests/data/istio-bookinfo/bookinfo.yaml");
    let versions = include_str!("../../../../tests/data/istio-bookinfo/bookinfo-versions.yaml");
    let mut collection = Collection::default();
    let batch = take(&mut collection, &[("bookinfo.yaml", bookinfo)]);
    assert_eq!(
        not_empty(&batch),
        ["Service 4", "EndpointSlice 4", "Pod 6"].map(|count| format!("= {count}"))
    );
    let report = batch.report.expect("a report");
    assert_eq!(report.skipped, BTreeMap::from([("ServiceAccount".to_owned(), 4)]));
    assert_eq!((report.workloads, report.findings.len()), (6, 0));
    let batch = put(&mut collection, "bookinfo-versions.yaml", versions);
    let added: BTreeSet<_> = batch
        .events
        .iter()
        .map(|e| match e {
            Event::Upsert(object) => object.kind(),
            _ => panic!("{e:?}"),
        })
        .collect();
    assert_eq!(added, BTreeSet::from([Kind::Service, Kind::EndpointSlice]), "nothing else has moved");
    assert_eq!(batch.events.len(), 12);
}

#[test]
fn our_own_bookinfo_has_a_split_and_no_findings() {
    let files = [
        ("details.yaml", include_str!("../../../../examples/bookinfo/details.yaml")),
        ("productpage.yaml", include_str!("../../../../examples/bookinfo/productpage.yaml")),
        ("ratings.yaml", include_str!("../../../../examples/bookinfo/ratings.yaml")),
        ("reviews.yaml", include_str!("../../../../examples/bookinfo/reviews.yaml")),
        ("split.yaml", include_str!("../../../../examples/bookinfo/split.yaml")),
    ];
    let batch = take(&mut Collection::default(), &files);
    assert_eq!(
        not_empty(&batch),
        ["Service 6", "EndpointSlice 6", "Pod 6", "TrafficSplit 1"].map(|count| format!("= {count}"))
    );
    assert_eq!(findings(&batch).len(), 0);
}
