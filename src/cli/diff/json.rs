//! What servers answer as JSON: one object, with each way to answer and who answers so.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{
    Replica,
    ways::{Way, Ways},
};
use crate::{cli::json, client::Known};

pub(super) fn write(
    out: &mut dyn Write,
    authority: &str,
    ways: &Ways<'_>,
    failed: &[Replica],
) -> io::Result<()> {
    let failures = failed.iter().filter_map(|replica| {
        let why = replica.answers.as_ref().err()?;
        Some(json!({ "replica": replica.addr.to_string(), "error": why.to_string() }))
    });
    let value = json!({
        "authority": authority,
        // Whoever did not answer is not known to be equal, and one alone is equal to nobody.
        "equal": !ways.differ() && failed.is_empty() && ways.replicas() > 1,
        "ways": ways.0.iter().map(way).collect::<Value>(),
        "failed": failures.collect::<Value>(),
    });
    writeln!(out, "{value}")
}

fn way(way: &Way<'_>) -> Value {
    let endpoints = way.answers.endpoints.as_ref().map(|endpoints| {
        let addrs = endpoints.iter().map(|endpoint| json::addr_value(&endpoint.message));
        json!({
            "exists": endpoints.known() != Known::NoEndpoints { exists: false },
            "metric_labels": endpoints.labels(),
            "addrs": addrs.collect::<Value>(),
        })
    });
    json!({
        "replicas": way.replicas.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "endpoints": endpoints,
        "profile": json::profile_value(&way.answers.profile),
    })
}
