//! Mistakes from public bug reports, each a small folder below `tests/data/field-cases` whose `case.txt` has its source and
//! what is expected. The whole output of each command is compared with `tests/data/golden/field-cases`.

use std::{collections::BTreeSet, fs, path::Path};

use crate::golden;

/// A folder, or a file in it, its question for `why`, and the exit codes of `check` and `why`.
struct Case {
    path: &'static str,
    question: &'static str,
    check: u8,
    why: u8,
}

const WEB: &str = "web.default.svc.cluster.local:80";

const fn case(path: &'static str, check: u8, why: u8) -> Case {
    Case { path, question: WEB, check, why }
}

const CASES: [Case; 22] = [
    case("bom-at-a-later-document", 0, 0),
    case("deployment-selects-others", 1, 3),
    case("duplicate-label-in-a-configmap", 1, 0),
    case("empty-selector-typo", 1, 3),
    case("empty-targetport-name", 1, 3),
    case("endpoints-beside-selector", 1, 0),
    case("flow-map-closed-at-column-0", 0, 0),
    case("generatename-pod", 1, 0),
    case("kustomize-patch-delete", 1, 0),
    case("label-no", 1, 3),
    case("leading-zero-weight", 0, 0),
    case("plan-takes-last-endpoint/a.yaml", 0, 0),
    case("profile-bad-regex", 1, 0),
    case("profile-hides-split", 1, 0),
    case("profile-short-name", 1, 0),
    case("tab-after-colon", 0, 0),
    case("tab-line-number", 1, 3),
    case("two-merge-keys", 1, 0),
    Case { path: "two-services-one-ip", question: "10.96.5.5:80", check: 1, why: 0 },
    case("why-none-for-this-client", 1, 3),
    case("workload-replicationcontroller", 0, 0),
    Case { path: "workload-rollout", question: "root.default.svc.cluster.local:80", check: 0, why: 0 },
];

fn in_cases(path: &str) -> String {
    format!("tests/data/field-cases/{path}")
}

/// The folder of a case, which is its name.
fn name(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}

#[tokio::test]
async fn check_and_why_of_each_case_print_what_is_expected() {
    for Case { path, question, check, why } in CASES {
        let (name, path) = (name(path), in_cases(path));
        let checked = golden::run(&["check", &path], "").await;
        let explained = golden::run(&["why", question, "--manifests", &path], "").await;
        golden::check(&format!("field-cases/{name}"), &format!("{checked}{explained}"));
        assert!(checked.ends_with(&format!("[exit code {check}]\n")), "{checked}");
        assert!(explained.ends_with(&format!("[exit code {why}]\n")), "{explained}");
    }
}

#[tokio::test]
async fn plan_of_an_edit_that_takes_the_last_endpoint_exits_3() {
    let folder = in_cases("plan-takes-last-endpoint");
    let (before, edit) = (format!("{folder}/a.yaml"), format!("{folder}/edit/edit.yaml"));
    let planned = golden::run(&["plan", "--manifests", &before, "-f", &edit], "").await;
    golden::check("field-cases/plan-takes-last-endpoint-edit", &planned);
    assert!(planned.ends_with("[exit code 3]\n"), "{planned}");
}

#[test]
fn every_folder_has_a_case() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/field-cases");
    let entries = fs::read_dir(root).expect("a folder of cases");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text"));
    let known: BTreeSet<String> = CASES.iter().map(|case| name(case.path).to_owned()).collect();
    assert_eq!(names.collect::<BTreeSet<_>>(), known);
}
