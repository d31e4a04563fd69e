//! What watches the server, on the programs that do: promtool reads what it shows and the rules for it, and a real
//! Prometheus that scrapes it answers every query of the dashboard and of the alerts.
//!
//! Ignored where there is no Prometheus; Debian's package is enough:
//!
//! ```text
//! apt-get install prometheus
//! cargo test --test monitoring -- --include-ignored
//! ```

mod dashboard;
mod prometheus;
mod promtool;
#[path = "../it/server.rs"]
#[expect(dead_code, reason = "other tests need all of it")]
mod server;

/// The text of a file of the overlay that is deployed.
fn deployed(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/overlays/monitoring").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The groups of the PrometheusRule, as Prometheus reads them: what stands below its `spec`.
fn rules() -> String {
    let object = deployed("prometheusrule.yaml");
    let (_, spec) = object.split_once("\nspec:\n").expect("a spec, which is the end of it");
    spec.lines().map(|line| format!("{}\n", line.strip_prefix("  ").unwrap_or(line))).collect()
}
