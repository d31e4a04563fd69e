//! Generates `switchyard::pb` from `proto/`, with a compiler written in Rust: no `protoc` is needed. Records the commit
//! and the date of the build, and the targets that a log filter can name.

use std::{
    env,
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use prost::Message;
use protox::Compiler;

const PROTO_DIR: &str = "proto";

/// The service; the other files come with it as imports.
const ROOT: &str = "io/linkerd/proxy/destination.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={PROTO_DIR}");
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);

    // Source info carries the comments, into the documentation and to clients of server reflection.
    let descriptors = Compiler::new([PROTO_DIR])?
        .include_imports(true)
        .include_source_info(true)
        .open_file(ROOT)?
        .file_descriptor_set();
    fs::write(out_dir.join("switchyard_descriptor.bin"), descriptors.encode_to_vec())?;

    tonic_prost_build::configure()
        // Sorted maps: equal messages have equal bytes.
        .btree_map(".")
        .compile_fds(descriptors)?;

    record_version();
    fs::write(out_dir.join("log_targets.txt"), log_targets()?.join("\n"))?;
    Ok(())
}

/// Sets the commit and the date: from the environment, else from git, else `unknown`.
fn record_version() {
    let set = |name: &str| {
        println!("cargo:rerun-if-env-changed={name}");
        env::var(name).ok().filter(|value| !value.is_empty())
    };
    let (commit, date) = (set("SWITCHYARD_COMMIT"), set("SOURCE_DATE_EPOCH"));
    let is_own = is_own_repository();
    if is_own {
        // A commit and a checkout write to these, in a linked work tree too. A path that is missing would run this again
        // at every build.
        let paths = ["HEAD", "logs/HEAD", "packed-refs"].map(str::to_owned);
        let branch = git(&["symbolic-ref", "-q", "HEAD"]);
        for path in paths.into_iter().chain(branch) {
            let path = git(&["rev-parse", "--git-path", &path]).filter(|path| Path::new(path).exists());
            path.iter().for_each(|path| println!("cargo:rerun-if-changed={path}"));
        }
    }
    let git = |arguments: &[&str]| if is_own { git(arguments) } else { None };
    let commit = commit.or_else(|| git(&["rev-parse", "--short=12", "HEAD"]));
    let date = date.or_else(|| git(&["show", "-s", "--format=%ct", "HEAD"]));
    let date = date.and_then(|seconds| seconds.parse().ok()).map(rfc3339);
    let or_unknown = |value: Option<String>| value.unwrap_or_else(|| "unknown".to_owned());
    println!("cargo:rustc-env=SWITCHYARD_BUILD_COMMIT={}", or_unknown(commit));
    println!("cargo:rustc-env=SWITCHYARD_BUILD_DATE={}", or_unknown(date));
}

/// Returns whether the git repository around is that of this package, and not one that has a copy of it somewhere.
fn is_own_repository() -> bool {
    let top = git(&["rev-parse", "--show-toplevel"]).and_then(|top| fs::canonicalize(top).ok());
    let here = env::var("CARGO_MANIFEST_DIR").ok().and_then(|here| fs::canonicalize(here).ok());
    top.is_some() && top == here
}

fn git(arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Writes seconds since 1970 as RFC 3339 in UTC.
fn rfc3339(seconds: u64) -> String {
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    // Years begin in March here, so that the leap day is their last; an era has 400 of them.
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", time / 3600, time / 60 % 60, time % 60)
}

/// Returns the names of all packages, as targets write them, and of all modules of this one.
fn log_targets() -> io::Result<Vec<String>> {
    println!("cargo:rerun-if-changed=Cargo.lock");
    println!("cargo:rerun-if-changed=src");
    let lock = fs::read_to_string("Cargo.lock").unwrap_or_default();
    let packages = lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    let mut targets: Vec<_> = packages.map(|name| name.replace('-', "_")).collect();
    modules(Path::new("src"), "switchyard", &mut targets)?;
    targets.sort();
    targets.dedup();
    Ok(targets)
}

fn modules(folder: &Path, parent: &str, targets: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(name) = path.file_stem().and_then(|name| name.to_str()) else { continue };
        let module = format!("{parent}::{name}");
        if path.is_dir() {
            modules(&path, &module, targets)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            targets.push(module);
        }
    }
    Ok(())
}
