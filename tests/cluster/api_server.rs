//! The fixtures of `tests/data/api-server`, decided by an API server: it refuses and accepts the same objects.

use std::{fmt::Write, fs};

use crate::control_plane::ControlPlane;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// An object of the fixtures, and how Switchyard decides.
struct Fixture {
    title: String,
    text: String,
    is_refused: bool,
    /// Switchyard decides otherwise, for a reason that the fixture gives.
    differs: bool,
}

fn fixtures() -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for entry in fs::read_dir(format!("{ROOT}/tests/data/api-server")).expect("the fixtures") {
        let path = entry.expect("a file").path();
        let file = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("a fixture");
        fixtures.extend(text.split("\n---\n").skip(1).map(|document| Fixture {
            title: format!("{file}: {}", document.lines().next().unwrap_or_default()),
            text: document.to_owned(),
            is_refused: document.lines().any(|line| line.starts_with("#   ")),
            differs: document.lines().any(|line| line.starts_with("# differs: ")),
        }));
    }
    fixtures
}

#[test]
#[ignore = "needs Kubernetes' own programs: tests/cluster/assets/build.sh"]
fn fixtures_are_refused_and_accepted_as_an_api_server_does() {
    let cluster = ControlPlane::start();
    cluster.kubectl(&["apply", "--kustomize", &format!("{ROOT}/deploy/crds")], "");
    let linkerd = format!("{ROOT}/src/source/manifests/schema/linkerd.yaml");
    cluster.kubectl(&["apply", "--filename", &linkerd], "");
    cluster.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"], "");

    let fixtures = fixtures();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let name = |index: usize| format!("fixture-{index:04}.yaml");
    for (index, fixture) in fixtures.iter().enumerate() {
        fs::write(folder.path().join(name(index)), &fixture.text).expect("written");
    }
    let path = folder.path().to_str().expect("a test's path is text");
    // A file for each object: what kubectl cannot read ends the file that it is in.
    let apply = ["apply", "--validate=strict", "--dry-run=server", "--filename", path];
    let errors = cluster.try_kubectl(&apply, "").expect_err("some are refused");

    let mut different = String::new();
    for (index, fixture) in fixtures.iter().enumerate() {
        let error = errors.lines().find(|line| line.contains(&name(index)));
        if (error.is_some() == fixture.is_refused) == fixture.differs {
            let decision = error.unwrap_or("accepted");
            writeln!(different, "{}\n  {decision}", fixture.title).expect("a string");
        }
    }
    assert!(
        different.is_empty(),
        "the API server decides otherwise, or as well where a row says not:\n{different}"
    );
}
