//! A process seen from outside: what the system says of it.

use std::{fs, path::Path};

use tokio::{process::Command, time::timeout};

use crate::server::PATIENCE;

/// A process of this machine.
pub(crate) struct Process {
    id: u32,
}

impl Process {
    /// This one.
    pub(crate) fn own() -> Self {
        Self { id: std::process::id() }
    }

    /// Finds the one that was started with this folder, which is temporary and so no other's.
    pub(crate) fn serving(folder: &Path) -> Self {
        let folder = folder.to_str().expect("a test's path is text").as_bytes();
        let serves = |id: &u32| {
            // Processes come and go while they are listed.
            let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).any(|arg| arg == folder)
        };
        let all = fs::read_dir("/proc").expect("Linux").filter_map(Result::ok);
        let mut ids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        Self { id: ids.find(serves).expect("the server runs") }
    }

    /// What it has in memory, in KiB.
    pub(crate) fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id)).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it is there");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// How many sockets it has open.
    pub(crate) fn sockets(&self) -> usize {
        let open = fs::read_dir(format!("/proc/{}/fd", self.id)).expect("it runs").filter_map(Result::ok);
        let targets = open.filter_map(|entry| fs::read_link(entry.path()).ok());
        targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
    }
}

/// Runs an ignored test of this binary in a process of its own, for it measures its process: how many KiB it says
/// it grew by.
pub(crate) async fn growth_of(test: &str) -> u64 {
    let this = std::env::current_exe().expect("a test has a path");
    let output = Command::new(this).args([test, "--exact", "--ignored", "--nocapture"]).output();
    let output = timeout(6 * PATIENCE, output).await.expect("in time").expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let grown = text.split("grew by ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
    grown.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}
