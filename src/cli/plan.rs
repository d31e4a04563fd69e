//! `switchyard plan`: what an edit would change, and nothing of it done.

mod json;
mod markdown;
mod read;
mod rows;
mod text;

use std::io::Write;

pub(super) use self::read::Unplanned;
use super::{
    PlanArgs, PlanOutput,
    exit::{Exit, Failure},
};
use crate::{
    plan::Plan,
    source::manifests::{EditFile, is_standard_input},
};

/// What is shown: the plan, and what it leaves out.
struct Shown {
    plan: Plan,
    /// What cannot be planned, as sentences.
    notes: Vec<String>,
}

pub(super) async fn run(args: PlanArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    if args.manifests.as_deref().is_some_and(is_standard_input) && args.filename.contains(&EditFile::Stdin) {
        return Err(Failure::Usage(
            "standard input can be read once: --manifests - and -f - cannot be used together; write one of them to a \
             file"
                .to_owned(),
        ));
    }
    let (output, exit_code) = (args.output, args.exit_code);
    let shown = read::read(args).await.map_err(|error| Failure::Plan(Box::new(error)))?;
    match output {
        PlanOutput::Table => text::write(out, &shown),
        PlanOutput::Markdown => markdown::write(out, &shown),
        PlanOutput::Json => json::write(out, &shown),
    }?;
    Ok(match &shown.plan {
        plan if !plan.brought.is_empty() => Exit::Attention,
        plan if exit_code && !plan.destinations.is_empty() => Exit::Changed,
        _ => Exit::Success,
    })
}

#[cfg(test)]
mod tests;
