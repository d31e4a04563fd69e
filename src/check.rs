//! `switchyard check`: reads manifests as `serve` does, and says everything odd about them.

use std::io::{self, Write};

use serde_json::json;

use crate::{
    cli::{CheckArgs, Output, OutputArgs},
    engine::Engine,
    model::{Kind, Name},
    plan::ask_for_everything,
    resolve::{Options, unknown::unknown},
    source::{Report, by_kind, manifests::Snapshot},
    status::{Notice, Status},
    tame::tame,
};

/// Exit codes, as `--help` says them.
const NOTHING_ODD: u8 = 0;
const SOMETHING_ODD: u8 = 1;

/// Checks the manifests; what is odd goes to `out`, why they could not be read to `err`. Returns the exit
/// code.
pub fn run(args: CheckArgs, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let CheckArgs { path, cluster_domain, output: OutputArgs { format } } = args;
    let (_, batch) = match Snapshot::open(&path) {
        Ok(opened) => opened,
        Err(error) => {
            _ = writeln!(err, "error: {error}");
            return SOMETHING_ODD;
        }
    };
    let mut engine = Engine::new(Name::from(cluster_domain), Options::default());
    engine.apply(batch.events);
    ask_for_everything(&mut engine);
    let report = batch.report.unwrap_or_default();
    let status = Status::new(&engine, &report);
    let unknown = unknown(engine.cluster(), &Options::default());
    // A reader that left has seen what it wanted; the exit code still says what was found.
    _ = match format {
        Output::Table => print_table(out, &engine, &report, &status.warnings, &unknown),
        Output::Json => print_json(out, &report, &status, &unknown),
    };
    if status.warnings.is_empty() { NOTHING_ODD } else { SOMETHING_ODD }
}

fn print_table(
    out: &mut dyn Write,
    engine: &Engine,
    report: &Report,
    warnings: &[Notice],
    unknown: &[String],
) -> io::Result<()> {
    for warning in warnings {
        writeln!(out, "{warning} [{}]", warning.reason)?;
    }
    let count = |kind| engine.cluster().count(kind);
    let counted = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    let read = format!(
        "{}: {}, {}",
        counted(report.files, "file"),
        counted(count(Kind::Service), "Service"),
        counted(count(Kind::TrafficSplit), "TrafficSplit")
    );
    match warnings.len() {
        0 => writeln!(out, "nothing odd in {read}"),
        1 => writeln!(out, "1 thing to look at in {read}"),
        n => writeln!(out, "{n} things to look at in {read}"),
    }?;
    unknown.iter().try_for_each(|sentence| writeln!(out, "{}", tame(sentence)))?;
    if !report.skipped.is_empty() {
        writeln!(out, "skipped, as no answer depends on them: {}", by_kind(&report.skipped))?;
    }
    let not_simulated = report.not_simulated();
    if !not_simulated.is_empty() {
        let kinds = by_kind(&not_simulated);
        writeln!(out, "not simulated, so their Pods are not known in a folder: {kinds}")?;
    }
    Ok(())
}

fn print_json(out: &mut dyn Write, report: &Report, status: &Status, unknown: &[String]) -> io::Result<()> {
    let value = json!({
        "files": report.files,
        "objects": status.objects,
        "skipped": report.skipped,
        "unknown": unknown,
        "not_simulated": report.not_simulated(),
        "warnings": status.warnings,
    });
    writeln!(out, "{value}")
}
