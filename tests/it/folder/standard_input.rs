//! `--manifests -`: manifests from standard input.

use super::{WEB, folder, run_with};

const POD: &str = "{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {app: web}}, spec: {containers: [{name: main, image: x}]}}\n";

#[test]
fn commands_read_standard_input_as_a_file() {
    let folder = folder(&[("edit.yaml", POD)]);
    let stream = format!("# Source: app/templates/web.yaml\n{WEB}{POD}");
    for arguments in [
        &["check", "-"][..],
        &["why", "web.default.svc.cluster.local:80", "--manifests", "-"],
        &["plan", "--manifests", "-", "-f", "edit.yaml"],
    ] {
        let ran = run_with(folder.path(), arguments, &stream);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn messages_name_standard_input_and_the_line() {
    let folder = folder(&[("a.yaml", WEB)]);
    let broken = "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: x}]}}\n";
    let checked = run_with(folder.path(), &["check", "-"], broken);
    assert!(checked.out.contains("standard input:1: Service default/a"), "{checked:?}");
    let planned = run_with(folder.path(), &["plan", "--manifests", ".", "-f", "-"], broken);
    assert!(planned.out.contains("standard input:1: Service default/a"), "{planned:?}");
}

#[test]
fn empty_input_is_a_warning() {
    let folder = folder(&[]);
    for input in ["", "\n", "# nothing is enabled\n---\n"] {
        let checked = run_with(folder.path(), &["check", "-"], input);
        assert_eq!(checked.code, Some(1), "{input:?}: {checked:?}");
        assert!(checked.out.contains("standard input: has no object"), "{input:?}: {checked:?}");
    }
}

#[test]
fn standard_input_is_read_by_one_flag_only() {
    let folder = folder(&[]);
    let planned = run_with(folder.path(), &["plan", "--manifests", "-", "-f", "-"], WEB);
    assert_eq!(planned.code, Some(2), "{planned:?}");
    assert!(planned.err.contains("--manifests - and -f - cannot be used together"), "{planned:?}");
}

#[test]
fn input_is_bounded_as_a_file_is() {
    let folder = folder(&[]);
    let long =
        "# 78 characters of a comment, so that many lines are needed for 16 MiB of them\n".repeat(220_000);
    let checked = run_with(folder.path(), &["check", "-"], &long);
    assert_eq!(checked.code, Some(1), "{:?}", checked.code);
    assert!(checked.err.contains("standard input has more than 16777216 bytes"), "{}", checked.err);
}
