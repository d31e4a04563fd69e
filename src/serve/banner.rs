//! What `serve` says when it starts: where it listens, what it read, how traffic is split, what to try.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    net::SocketAddr,
    path::Path,
};

use super::split_lines::{self, Splitted, splits};
use crate::{
    engine::Engine,
    model::{Kind, NsName},
    resolve::Options,
    source::{Report, by_kind, manifests::is_standard_input},
    status::Status,
    tame::tame,
    version::LONG,
};

/// How many splits are listed; the others are counted.
const SPLITS_SHOWN: usize = 10;

/// Where the server is reached.
pub(super) struct Bound {
    pub(super) grpc: SocketAddr,
    /// A URL.
    pub(super) admin: String,
}

impl Bound {
    fn lines(&self) -> [(&'static str, String); 2] {
        let Self { grpc, admin } = self;
        [
            ("gRPC", grpc.to_string()),
            ("admin", format!("{admin} (a page to look at; /ready /metrics /debug)")),
        ]
    }
}

/// The lines, ready to print.
pub(super) struct Banner(String);

impl Banner {
    /// Describes what a source has read first.
    pub(super) fn of_manifests(
        manifests: &Path,
        bound: &Bound,
        engine: &Engine,
        report: &Report,
        options: &Options,
        tls: bool,
    ) -> Self {
        let grpc = bound.grpc;
        let domain = engine.cluster().domain();
        let warnings = Status::new(engine, report).warnings;

        // As the reader started us: `cargo run` puts nobody on the path.
        let program = std::env::args().next().unwrap_or_else(|| "switchyard".to_owned());
        let is_stream = is_standard_input(manifests);
        let what = if is_stream { "standard input".to_owned() } else { manifests.display().to_string() };
        let mut text = format!("switchyard {LONG} serves {what}\n");
        let mut line = |name: &str, value: String| _ = writeln!(text, "  {name:<9} {}", tame(&value));
        bound.lines().into_iter().for_each(|(name, value)| line(name, value));
        line("read", read(engine, report));
        if is_stream {
            line("edits", "are not followed: standard input was read once, to its end".to_owned());
        }
        if !report.skipped.is_empty() {
            line("skipped", by_kind(&report.skipped));
        }
        let unknown = report.not_simulated();
        if !unknown.is_empty() {
            let kinds = by_kind(&unknown);
            line("unknown", format!("the Pods of {kinds}, which are not simulated in a folder"));
        }
        let splits = splits(engine, options);
        let mut of_splits = split_lines::lines(engine, &splits);
        of_splits.by_ref().take(SPLITS_SHOWN).for_each(|text| line("split", text));
        let more = of_splits.count();
        if more > 0 {
            line("", format!("and {more} more"));
        }
        if !warnings.is_empty() {
            let s = if warnings.len() == 1 { "" } else { "s" };
            line(
                "warnings",
                format!("{} thing{s} to look at: {program} check {}", warnings.len(), manifests.display()),
            );
        }
        if let Some((service, port)) = example(engine, &splits) {
            let authority = format!("{}.{}.svc.{domain}:{port}", service.name, service.namespace);
            let addr = if grpc.port() == 8086 { String::new() } else { format!(" --addr {grpc}") };
            let (ours, theirs) = if tls { (" --tls-ca FILE", "-cacert FILE") } else { ("", "-plaintext") };
            _ = writeln!(text, "Try, in another terminal:\n  {program} get {authority}{addr}{ours}");
            _ = writeln!(
                text,
                "  grpcurl {theirs} -d '{{\"path\":\"{authority}\"}}' {grpc} \
                 io.linkerd.proxy.destination.Destination/Get"
            );
        }
        Self(text)
    }

    /// Says which cluster is watched. What is in it is not known yet.
    pub(super) fn of_cluster(url: &str, bound: &Bound) -> Self {
        let mut text = format!("switchyard {LONG} watches {url}\n");
        let mut line = |name: &str, value: String| _ = writeln!(text, "  {name:<9} {}", tame(&value));
        bound.lines().into_iter().for_each(|(name, value)| line(name, value));
        Self(text)
    }

    /// Prints the lines. A closed standard output is no reason not to serve.
    pub(super) fn print(&self) {
        let mut out = io::stdout().lock();
        _ = out.write_all(self.0.as_bytes()).and_then(|()| out.flush());
    }
}

fn read(engine: &Engine, report: &Report) -> String {
    let count = |kind| engine.cluster().count(kind);
    let counted = |kind: Kind, noun: &str| match count(kind) {
        0 => None,
        1 => Some(format!("1 {noun}")),
        n => Some(format!("{n} {noun}s")),
    };
    let parts = [
        Some(format!("{} file{}", report.files, if report.files == 1 { "" } else { "s" })),
        counted(Kind::Service, "Service"),
        (report.workloads > 0).then(|| {
            format!("{} workload{}", report.workloads, if report.workloads == 1 { "" } else { "s" })
        }),
        counted(Kind::Pod, "Pod"),
        counted(Kind::EndpointSlice, "EndpointSlice"),
        counted(Kind::TrafficSplit, "TrafficSplit"),
        counted(Kind::ServiceProfile, "ServiceProfile"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Something to ask for: a split service if there is one.
fn example(engine: &Engine, splits: &[Splitted]) -> Option<(NsName, u16)> {
    let split = splits.first().map(|(name, port, _)| (name.clone(), *port));
    let with_port = |s: &std::sync::Arc<crate::model::Service>| Some((s.name.clone(), s.ports.first()?.port));
    split.or_else(|| engine.cluster().services().find_map(with_port))
}
