//! The program, serving a folder that a test edits.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
};

use tempfile::TempDir;

/// A server that runs. Dropping it ends it.
pub(crate) struct Server {
    child: Child,
    folder: TempDir,
    /// Where it serves gRPC.
    pub(crate) grpc: String,
    /// Where it serves the page, without the slash at the end.
    pub(crate) url: String,
}

impl Server {
    /// Serves a folder on free ports of this machine.
    pub(crate) fn of(folder: TempDir, flags: &[&str]) -> Self {
        Self::at(folder, "127.0.0.1:0", flags)
    }

    /// Serves a folder, the page at this address.
    pub(crate) fn at(folder: TempDir, admin: &str, flags: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchyard"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SWITCHYARD_")) {
            command.env_remove(name);
        }
        let mut child = command
            .args(["serve", "--addr", "127.0.0.1:0", "--metrics-addr", admin, "--manifests"])
            .arg(folder.path())
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut banner = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut said = |name: &str| loop {
            let line = banner.next().expect("it says where it listens").expect("text");
            if let Some(rest) = line.trim().strip_prefix(name) {
                return rest.trim().split(' ').next().expect("an address").to_owned();
            }
        };
        let (grpc, url) = (said("gRPC"), said("admin"));
        // What else it prints must find a reader.
        thread::spawn(move || banner.for_each(drop));
        Self { child, folder, grpc, url }
    }

    /// Serves the example.
    pub(crate) fn of_bookinfo() -> Self {
        Self::of(bookinfo(), &[])
    }

    /// Writes a file in one step.
    pub(crate) fn write(&self, name: &str, text: &str) {
        write(self.folder.path(), name, text);
    }

    /// Gives the two backends of the example these weights.
    pub(crate) fn weigh(&self, v2: u32, v3: u32) {
        self.write("split.yaml", &split("reviews", "reviews", &[("reviews-v2", v2), ("reviews-v3", v3)]));
    }

    /// Stops it where it is, as one that hangs: its connections stay open and nothing comes.
    pub(crate) fn hang(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(status.expect("kill is there").success(), "{name}");
    }

    /// Ends it and keeps its folder.
    pub(crate) fn end(mut self) -> TempDir {
        let kept = tempfile::tempdir().expect("a temporary folder");
        std::mem::replace(&mut self.folder, kept)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// A stream of `Get` that stays open until it is dropped.
pub(crate) struct Stream(Child);

impl Stream {
    pub(crate) fn open(server: &Server, authority: &str) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_switchyard"))
            .args(["get", authority, "--addr", &server.grpc])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("the program starts"))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// A copy of the example, with even weights.
pub(crate) fn bookinfo() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bookinfo");
    for entry in fs::read_dir(source).expect("the example is there") {
        let entry = entry.expect("readable");
        fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copied");
    }
    folder
}

/// Writes a file so that nobody sees a half of it.
pub(crate) fn write(folder: &Path, name: &str, text: &str) {
    let made = folder.join(format!(".{name}.new"));
    fs::write(&made, text).expect("written");
    fs::rename(made, folder.join(name)).expect("in its place");
}

/// A TrafficSplit.
pub(crate) fn split(name: &str, apex: &str, backends: &[(&str, u32)]) -> String {
    let quoted = |text: &str| serde_json::to_string(text).expect("text");
    let backends: String = backends
        .iter()
        .map(|(service, weight)| format!("  - {{ service: {}, weight: {weight} }}\n", quoted(service)))
        .collect();
    format!(
        "apiVersion: split.smi-spec.io/v1alpha2\nkind: TrafficSplit\nmetadata: {{ name: {} }}\nspec:\n  service: {}\n  backends:\n{backends}",
        quoted(name),
        quoted(apex),
    )
}
