//! `switchyard check` on manifests that are written here: what it reports, what it does not, and the exit code.

use std::fs;

use crate::server::switchyard;

mod alone;
mod no_endpoints;
mod reasons;
mod yaml;

/// Checks one file with this content; returns the exit code and what was printed, without the folder of the file.
pub(crate) async fn check(yaml: &str) -> (i32, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.yaml");
    fs::write(&file, yaml).expect("written");
    let mut command = switchyard(&["check", "a.yaml"]);
    let output = command.current_dir(folder.path()).output().await.expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    (output.status.code().expect("it ends by itself"), text)
}
