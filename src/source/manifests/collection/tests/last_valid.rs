//! Which version of an object is in force while its newest one is invalid or in an unreadable document.

use super::*;

/// A Service, or one that is invalid.
fn service(name: &str, port: u16) -> String {
    headless(name, port)
}

fn invalid(name: &str) -> String {
    headless(name, 1).replace("port: 1", "port: eighty")
}

/// The ports of all Services that are known, by name, after the batches so far.
#[derive(Default)]
struct Known(BTreeMap<String, u16>);

impl Known {
    /// Changes one file, or deletes it, and returns what is known then.
    #[track_caller]
    fn after(&mut self, collection: &mut Collection, files: &[(&str, Option<&str>)]) -> String {
        let change = |(path, text): &(&str, Option<&str>)| {
            let change = text.map_or(Change::Gone, |text| Change::Content(text.as_bytes().to_vec()));
            (Arc::from(Path::new(path)), change)
        };
        let batch = apply(collection, files.iter().map(change).collect());
        for event in batch.events {
            match event {
                Event::Upsert(object) => self.insert(&object),
                Event::Remove(id) => _ = self.0.remove(id.name.name.as_str()),
                Event::Folder(_) => {}
                Event::Replace(_, objects) => objects.iter().for_each(|object| self.insert(object)),
                Event::ReplaceExcept(..) => panic!("a folder knows all of its objects"),
            }
        }
        let known: Vec<_> = self.0.iter().map(|(name, port)| format!("{name}={port}")).collect();
        known.join(" ")
    }

    fn insert(&mut self, object: &Object) {
        if let Object::Service(service) = object {
            self.0.insert(service.name.name.to_string(), service.ports[0].port);
        }
    }
}

/// Contents of files, `None` for one that is deleted, and what is known then.
type Step<'s> = (&'s [(&'s str, Option<&'s str>)], &'s str);

/// Contents of files, one step after the other, and what is known after each.
#[track_caller]
fn check(steps: &[Step<'_>]) {
    let (mut collection, mut known) = (Collection::default(), Known::default());
    for (index, (files, expect)) in steps.iter().enumerate() {
        assert_eq!(known.after(&mut collection, files), *expect, "step {index}");
    }
}

#[test]
fn object_that_moves_to_another_file_and_becomes_invalid_there_keeps_its_version() {
    check(&[
        (&[("a.yaml", Some(&service("web", 80))), ("b.yaml", Some(&service("api", 1)))], "api=1 web=80"),
        (&[("a.yaml", Some("")), ("b.yaml", Some(&(service("api", 2) + &invalid("web"))))], "api=2 web=80"),
        (&[("b.yaml", Some(&(service("api", 2) + &service("web", 81))))], "api=2 web=81"),
    ]);
}

#[test]
fn object_that_moves_out_of_a_file_with_an_unreadable_document_follows_the_file_it_moved_to() {
    let kept = service("db", 1) + BROKEN;
    for (from, to) in [("a.yaml", "b.yaml"), ("b.yaml", "a.yaml")] {
        let both = service("db", 1) + &service("web", 80);
        check(&[
            (&[(from, Some(&both))], "db=1 web=80"),
            (&[(from, Some(&kept))], "db=1 web=80"),
            (&[(to, Some(&service("web", 81)))], "db=1 web=81"),
            (&[(to, Some(&service("web", 82)))], "db=1 web=82"),
            (&[(to, None)], "db=1"),
        ]);
        check(&[
            (&[(from, Some(&both))], "db=1 web=80"),
            (&[(from, Some(&kept)), (to, Some(&service("web", 81)))], "db=1 web=81"),
        ]);
    }
}

#[test]
fn object_deleted_while_invalid_is_gone_and_another_invalid_one_of_its_name_is_ignored() {
    check(&[
        (&[("a.yaml", Some(&(service("web", 80) + &service("api", 1))))], "api=1 web=80"),
        (&[("a.yaml", Some(&(invalid("web") + &service("api", 1))))], "api=1 web=80"),
        (&[("a.yaml", Some(&service("api", 1)))], "api=1"),
        (&[("a.yaml", Some(&(invalid("web") + &service("api", 1))))], "api=1"),
        (&[("a.yaml", Some(&(service("web", 81) + &service("api", 1))))], "api=1 web=81"),
    ]);
}

#[test]
fn object_renamed_while_invalid_is_deleted_under_its_old_name() {
    check(&[
        (&[("a.yaml", Some(&service("web", 80)))], "web=80"),
        (&[("a.yaml", Some(&invalid("new")))], ""),
        (&[("a.yaml", Some(&service("new", 81)))], "new=81"),
    ]);
}

#[test]
fn name_that_cannot_be_read_keeps_the_object_that_may_be_meant() {
    let nameless = service("web", 80).replace("name: web", "nmae: web");
    check(&[
        (&[("a.yaml", Some(&service("web", 80)))], "web=80"),
        (&[("a.yaml", Some(&nameless))], "web=80"),
        (&[("a.yaml", Some(&service("api", 1)))], "api=1"),
    ]);
}

#[test]
fn generated_name_keeps_nothing_because_no_existing_object_is_meant() {
    let generated = "apiVersion: v1\nkind: Pod\nmetadata: { generateName: p- }\nspec: {}\n---\n";
    let mut collection = holding(&[("a.yaml", &service("web", 80))]);
    let batch = put(&mut collection, "a.yaml", &(generated.to_owned() + &service("api", 1)));
    assert_eq!(events(&batch), ["+ Service default/api", "- Service default/web"]);
    let message = "expected metadata.name, found metadata.generateName, which kubectl apply refuses; the object is left \
                   out, the others are not affected";
    assert_eq!(findings(&batch), [format!("a.yaml:1 invalid_object Pod p-*: {message}")]);
}

#[test]
fn file_deleted_while_a_document_of_it_is_unreadable_takes_its_objects_with_it() {
    check(&[
        (&[("a.yaml", Some(&(service("web", 80) + &service("db", 1))))], "db=1 web=80"),
        (&[("a.yaml", Some(&(service("db", 2) + BROKEN)))], "db=2 web=80"),
        (&[("a.yaml", None)], ""),
    ]);
}

#[test]
fn file_emptied_after_a_document_of_it_was_unreadable_has_no_objects() {
    check(&[
        (&[("a.yaml", Some(&service("web", 80)))], "web=80"),
        (&[("a.yaml", Some(BROKEN))], "web=80"),
        (&[("a.yaml", Some(BROKEN))], "web=80"),
        (&[("a.yaml", Some(""))], ""),
    ]);
}

#[test]
fn object_in_two_files_keeps_the_version_of_the_last_one_while_that_is_invalid_or_unreadable() {
    for bad in [invalid("web"), BROKEN.to_owned()] {
        check(&[
            (&[("a.yaml", Some(&service("web", 80))), ("b.yaml", Some(&service("web", 81)))], "web=81"),
            (&[("b.yaml", Some(&bad))], "web=81"),
            (&[("a.yaml", Some(&service("web", 82)))], "web=81"),
            (&[("b.yaml", None)], "web=82"),
        ]);
    }
}

#[test]
fn invalid_object_in_a_later_file_does_not_stop_the_file_that_is_in_force() {
    check(&[
        (&[("a.yaml", Some(&service("web", 80)))], "web=80"),
        (&[("b.yaml", Some(&invalid("web")))], "web=80"),
        (&[("a.yaml", Some(&service("web", 81)))], "web=81"),
        (&[("a.yaml", Some(&invalid("web")))], "web=81"),
        (&[("b.yaml", Some(&service("web", 82)))], "web=82"),
    ]);
}

#[test]
fn warning_keeps_the_time_at_which_the_version_in_force_was_read() {
    let path = || Arc::from(Path::new("a.yaml"));
    let content = |text: &str| vec![(path(), Change::Content(text.as_bytes().to_vec()))];
    let mut collection = Collection::default();
    apply_at(&mut collection, content(&service("web", 80)), "2026-11-28T05:00:00Z");
    let again = service("web", 80) + "# a comment\n";
    apply_at(&mut collection, content(&again), "2026-11-28T05:01:00Z");
    let batch = apply_at(&mut collection, content(&invalid("web")), "2026-11-28T05:02:00Z");
    let [finding] = &findings(&batch)[..] else { panic!("{batch:?}") };
    let end = "found \"eighty\"; its last valid version, read at 2026-11-28T05:00:00Z, stays in force; a server that \
               starts now has none and ignores the object";
    assert!(finding.ends_with(end), "{finding}");
    let batch = apply_at(&mut collection, content(&invalid("web")), "2026-11-28T05:03:00Z");
    assert_eq!(batch.report, None, "the same warning again is no news");

    let mut first = Collection::default();
    let batch = apply_at(&mut first, content(&invalid("web")), "2026-11-28T05:04:00Z");
    let [finding] = &findings(&batch)[..] else { panic!("{batch:?}") };
    let end = "; no earlier valid version is known, so the object is ignored: clients get no endpoints of the Service; a \
               server that has read a valid version keeps that one in force";
    assert!(finding.ends_with(end), "{finding}");
}

#[test]
fn warning_about_an_unreadable_document_names_what_stays_in_force() {
    let all: String = (0..12).map(|i| service(&format!("s{i:02}"), 80)).collect();
    let mut collection = holding(&[("a.yaml", &all)]);
    let batch = put(&mut collection, "a.yaml", &(service("s00", 80) + BROKEN));
    let [finding] = &findings(&batch)[..] else { panic!("{batch:?}") };
    let start =
        "may be in this one: Service default/s01 (read at 2026-11-28T05:00:00Z), Service default/s02 (";
    assert!(finding.contains(start) && finding.ends_with(", and 1 more"), "{finding}");

    let batch = put(&mut Collection::default(), "a.yaml", BROKEN);
    let [finding] = &findings(&batch)[..] else { panic!("{batch:?}") };
    assert!(finding.ends_with("found the end of the document"), "{finding}");
}

fn at_address(name: &str, ip: &str) -> String {
    service(name, 80).replace("None", ip)
}

#[test]
fn second_service_with_a_cluster_ip_in_use_is_refused_wherever_it_stands() {
    let mut collection = holding(&[("b.yaml", &at_address("web", "10.96.5.5"))]);
    let batch = put(&mut collection, "a.yaml", &at_address("api", "10.96.5.5"));
    assert_eq!(events(&batch), [""; 0]);
    let [finding] = &findings(&batch)[..] else { panic!("{batch:?}") };
    assert!(finding.starts_with("a.yaml:"), "{finding}");
    let message = "Service default/api: spec.clusterIP: expected an address of its own, found 10.96.5.5, which is the one of \
                   Service default/web (b.yaml:1)";
    assert!(finding.contains(message), "{finding}");

    let batch = put(&mut collection, "a.yaml", &at_address("api", "10.96.5.6"));
    assert_eq!(events(&batch), ["+ Service default/api"]);
    let batch = put(&mut collection, "b.yaml", &at_address("web", "10.96.5.6"));
    assert_eq!(events(&batch), [""; 0]);
    let [finding] = &findings(&batch)[..] else { panic!("{batch:?}") };
    assert!(finding.contains("its last valid version, read at "), "{finding}");
}
