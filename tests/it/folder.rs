//! What a folder of manifests is read as, and what is simulated of a cluster, through the commands.

use std::{fs, path::Path, process::Stdio};

use serde_json::Value;
use tempfile::TempDir;

mod endpoints;
mod families;
mod nodes;
mod rendered;
mod standard_input;
mod unsimulated;
mod workloads;

/// A folder with these files, each as its path and text.
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a file in the folder")).expect("a writable folder");
        fs::write(path, text).expect("a writable folder");
    }
    folder
}

/// Exit code and both outputs of a command that was run in a folder.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs `switchyard` in the folder with nothing on its standard input.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Ran {
    run_with(folder, arguments, "")
}

/// Runs `switchyard` in the folder with this text on its standard input.
pub(crate) fn run_with(folder: &Path, arguments: &[&str], input: &str) -> Ran {
    use std::io::Write;
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_switchyard"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // A command that reads no input closes it.
    _ = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// The endpoints that `why` finds for an authority, each as its Pod or other object and its address, sorted.
#[track_caller]
pub(crate) fn endpoints(folder: &Path, authority: &str) -> Vec<(String, String)> {
    let ran = run(folder, &["why", authority, "--manifests", ".", "-o", "json"]);
    let value: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
    let mut found = Vec::new();
    let mut open = vec![&value];
    while let Some(value) = open.pop() {
        if let (Some(target), Some(address)) = (value.get("target"), value["address"].as_str()) {
            found.push((target.as_str().unwrap_or_default().to_owned(), address.to_owned()));
        }
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(fields) => open.extend(fields.values()),
            _ => {}
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The Service `web` of the default namespace, as a client asks for it.
const AUTHORITY: &str = "web.default.svc.cluster.local:80";

/// A Service `web` on port 80 that selects `app: web`.
pub(crate) const WEB: &str = "
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
---
";
