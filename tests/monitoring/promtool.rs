//! What promtool says of `/metrics`, of the rules, and of when they fire.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::{
    rules,
    server::{Binary, copy_of_bookinfo},
};

/// Runs promtool in a folder, with this input.
fn promtool(folder: &Path, args: &[&str], input: &str) -> Output {
    let mut child = Command::new("promtool")
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("it reads");
    child.wait_with_output().expect("it ends")
}

#[track_caller]
fn check_silent(output: &Output) {
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    assert!(
        output.status.success() && said.is_empty(),
        "{}: {}",
        output.status,
        String::from_utf8_lossy(&said)
    );
}

#[tokio::test]
#[ignore = "needs promtool: apt-get install prometheus"]
async fn the_page_of_a_server_is_nothing_to_complain_of() {
    let manifests = copy_of_bookinfo();
    let server = Binary::serve(manifests.path()).await;
    let (code, page) = server.admin("/metrics").await;
    assert_eq!(code, 200);
    check_silent(&promtool(manifests.path(), &["check", "metrics"], &page));

    // It would say so if there were.
    let odd = promtool(manifests.path(), &["check", "metrics"], "# TYPE odd counter\nodd 1\n");
    assert!(!odd.status.success());
}

#[test]
#[ignore = "needs promtool: apt-get install prometheus"]
fn alerts_fire_when_they_should_and_not_before() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("rules.yaml"), rules()).expect("written");
    fs::write(folder.path().join("alerts.yaml"), include_str!("alerts.yaml")).expect("written");

    let checked = promtool(folder.path(), &["check", "rules", "rules.yaml"], "");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let tested = promtool(folder.path(), &["test", "rules", "alerts.yaml"], "");
    let said = [&tested.stdout[..], &tested.stderr[..]].concat();
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn every_alert_is_tested_and_says_what_to_do() {
    let (rules, tests) = (rules(), include_str!("alerts.yaml"));
    let names: Vec<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(names.len() > 5, "{names:?}");
    for name in &names {
        assert!(tests.contains(&format!("alertname=\"{name}\"")), "alerts.yaml does not test {name}");
    }
    for field in ["summary: ", "description: >-", "severity: ", "for: "] {
        assert_eq!(rules.matches(field).count(), names.len(), "{field}");
    }
}
