//! Where the programs are: in the folder of `KUBEBUILDER_ASSETS`, as envtest has it, or where our script
//! leaves them.

use std::{
    env,
    path::{Path, PathBuf},
};

/// All that a folder must have to be used; `assets/build.sh` has the same list.
const FILES: [&str; 8] = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubectl",
    "kwok",
    "flagger",
    "flagger-crd.yaml",
];

/// Where the script leaves them.
const BUILT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/cluster-assets");

/// A folder that has them all.
pub(crate) struct Assets(PathBuf);

impl Assets {
    /// The folder that the environment names if it is complete, else the one that the script fills. Programs
    /// of two folders are never mixed: they may differ in version.
    pub(crate) fn find() -> Result<Self, String> {
        let named = env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
        let folders: Vec<_> = named.into_iter().chain([PathBuf::from(BUILT)]).collect();
        if let Some(folder) = folders.iter().find(|folder| missing(folder).is_empty()) {
            return Ok(Self(folder.clone()));
        }
        let lacking =
            |folder: &PathBuf| format!("{} lacks {}\n", folder.display(), missing(folder).join(", "));
        Err(folders.iter().map(lacking).collect::<String>() + "build them: tests/cluster/assets/build.sh")
    }

    /// The path of one of them.
    pub(crate) fn path(&self, file: &'static str) -> PathBuf {
        assert!(FILES.contains(&file), "{file} is not on the list");
        self.0.join(file)
    }
}

fn missing(folder: &Path) -> Vec<&'static str> {
    FILES.into_iter().filter(|file| !folder.join(file).is_file()).collect()
}
