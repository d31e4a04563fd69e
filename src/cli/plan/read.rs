//! The two states that a plan is between: as it is, and as it would be.

use std::sync::Arc;

use super::Shown;
use crate::{
    cli::PlanArgs,
    context::Context,
    metrics::Metrics,
    plan::{Asker, Plan, State},
    resolve::{Client, unknown::unknown},
    source::{
        Batch,
        kubernetes::{ConnectError, Kubernetes, NotRead},
        manifests::{BadEdit, Edit, OpenError, Snapshot},
    },
    status::Notice,
};

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum Unplanned {
    #[error("{0}")]
    Edit(#[from] BadEdit),
    #[error("{0}")]
    Manifests(#[from] OpenError),
    #[error("{0}")]
    Connect(#[from] ConnectError),
    #[error("{0}")]
    Cluster(#[from] NotRead),
}

pub(super) async fn read(args: PlanArgs) -> Result<Shown, Unplanned> {
    // A flag that nobody uses does not compile.
    let PlanArgs {
        filename,
        remove,
        manifests,
        kubeconfig,
        timeout: limit,
        namespace,
        token,
        output: _,
        exit_code: _,
        answers,
    } = args;
    let (domain, options) = answers.into_parts();
    let state = |batches: Vec<Batch>| State::new(domain.clone(), options.clone(), batches);
    let edit = Edit::open(&filename, &remove, &namespace.into())?;
    let mut notes = left_out(&edit);
    let (before, after) = match manifests {
        Some(path) => {
            let (snapshot, first) = Snapshot::open(&path)?;
            notes.extend(unread(&first));
            let then = snapshot.edited(edit)?;
            let after = state(vec![first.clone(), then]);
            notes.extend(unknown(after.cluster(), &options));
            (state(vec![first]), after)
        }
        None => {
            let source = Kubernetes::open(kubeconfig, Metrics::default()).await?;
            let batches = source.read_once(limit).await?;
            let before = state(batches.clone());
            let foreseen = edit.in_cluster(before.cluster())?;
            notes.extend(foreseen.notes);
            let known = batches.iter().rev().find_map(|batch| batch.report.as_deref());
            let mut report = known.cloned().unwrap_or_default();
            report.findings.extend(foreseen.findings);
            let report = Some(Arc::new(report));
            let then = Batch { events: foreseen.events, report, ..Batch::default() };
            (before, state(batches.into_iter().chain([then]).collect()))
        }
    };
    let asker = token.map_or(Asker::Everybody, |token| {
        let Context { node, namespace, .. } = Context::parse(&token);
        Asker::One(Client { node, namespace })
    });
    let plan = Plan::between(&before, &after, &options, &asker);
    Ok(Shown { plan, notes })
}

/// What of the folder could not be read, and so is in no answer, before or after.
fn unread(batch: &Batch) -> Vec<String> {
    let findings = batch.report.iter().flat_map(|report| &report.findings).map(Notice::of_finding);
    findings.filter(Notice::is_of_source).map(|notice| notice.to_string()).collect()
}

/// What of the edit has no part in the plan.
fn left_out(edit: &Edit) -> Vec<String> {
    let skipped = edit.skipped();
    let counted: Vec<_> = skipped.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let counted = (!counted.is_empty()).then(|| format!("no answer depends on {}", counted.join(", ")));
    let unknown = edit.not_simulated().into_iter().map(|object| {
        format!("{object}: its Pods are not simulated, so what becomes of them is not planned")
    });
    counted.into_iter().chain(unknown).collect()
}
