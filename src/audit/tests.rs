use std::sync::Arc;

use super::*;
use crate::{blocks::Blocks, view::Meta, wire::endpoint_labels};

/// `"1:5 2:7z"` is endpoint 10.0.0.1 with weight 5, and 10.0.0.2 with weight 7 and a label of its own.
fn answer(text: &str) -> Answer {
    if text == "absent" {
        return Answer::Endpoints(View::absent());
    }
    let nothing: Arc<[u8]> = Arc::new([]);
    let entry = |word: &str| {
        let (host, weight) = word.split_once(':').expect("host:weight");
        let own = if weight.ends_with('z') { endpoint_labels(&[("pod", "z")]) } else { nothing.clone() };
        Entry {
            addr: ([10, 0, 0, host.parse().expect("a number")], 80).into(),
            weight: weight.trim_end_matches('z').parse().expect("a number"),
            meta: Meta { own, class: nothing.clone(), place: nothing.clone() },
        }
    };
    let entries = text.split_whitespace().map(entry).collect();
    Answer::Endpoints(View::new(Arc::new([]), Blocks::of_sorted(entries)))
}

fn profile(edit: impl FnOnce(&mut pb::DestinationProfile)) -> Profile {
    let mut message = pb::DestinationProfile { fully_qualified_name: "web".to_owned(), ..Default::default() };
    edit(&mut message);
    Profile { message: wire::profile(&message), ready: Default::default(), empty: Default::default() }
}

#[track_caller]
fn check(published: Option<&Answer>, truth: &Answer, expect: Option<&str>) {
    assert_eq!(Divergence::of(published, truth).map(|d| d.to_string()).as_deref(), expect);
}

#[test]
fn it_is_said_which_endpoints_differ_and_in_what() {
    for (published, truth, expect) in [
        ("1:5 2:5", "1:5 2:5", None),
        ("1:5", "1:5 2:5", Some("1 missing: 10.0.0.2:80")),
        ("1:5 2:5", "2:5", Some("1 too many: 10.0.0.1:80")),
        ("1:5", "1:6", Some("1 with another weight: 10.0.0.1:80 (5 for 6)")),
        ("1:5z", "1:5", Some("1 with other metadata: 10.0.0.1:80 (metric_labels)")),
        ("absent", "", Some("a service that exists was said not to")),
        ("", "absent", Some("a service that does not exist was said to exist")),
        (
            "1:5 2:5",
            "1:7z 3:5",
            Some(
                "1 missing: 10.0.0.3:80; 1 too many: 10.0.0.2:80; 1 with another weight: 10.0.0.1:80 (5 for 7); \
                 1 with other metadata: 10.0.0.1:80 (metric_labels)",
            ),
        ),
    ] {
        check(Some(&answer(published)), &answer(truth), expect);
    }
}

#[test]
fn a_few_endpoints_are_named_and_all_are_counted() {
    let many: Vec<_> = (1..=200).map(|host| format!("{host}:1")).collect();
    let truth = answer(&many.join(" "));
    check(Some(&answer("")), &truth, Some("200 missing: 10.0.0.1:80, 10.0.0.2:80, 10.0.0.3:80, ..."));
}

#[test]
fn it_is_said_which_fields_of_a_profile_differ() {
    let truth = Answer::Profile(profile(|_| {}));
    check(Some(&truth), &truth, None);
    let opaque = Answer::Profile(profile(|message| message.opaque_protocol = true));
    check(Some(&opaque), &truth, Some("of the profile differs: opaque_protocol"));
    let split = Answer::Profile(profile(|message| message.dst_overrides.push(Default::default())));
    check(Some(&split), &truth, Some("of the profile differs: dst_overrides"));
    let ready = [crate::model::NsName::new("d", "a")].into();
    let held = Answer::Profile(Profile { ready, ..profile(|_| {}) });
    check(Some(&held), &truth, Some("of the profile differs: backends that are ready"));
}

#[test]
fn silence_and_an_answer_of_the_other_form_are_divergences() {
    let profile = Answer::Profile(profile(|_| {}));
    check(None, &profile, Some("nothing was published"));
    check(Some(&answer("1:5")), &profile, Some("endpoints and a profile were taken for one another"));
}
