//! `switchyard why`: the derivation of an answer as a tree, or as JSON.
//!
//! The explanation is a server's, of what it holds; or, with `--manifests`, one that is worked out here from what
//! such a server would read. Either way it is the same value, drawn by the same code.

mod address;
mod endpoints;
mod text;
mod tree;

use std::io::Write;

use super::{
    Output, WhyArgs,
    exit::{Exit, Failure},
};
use crate::{
    engine::Engine,
    model::Name,
    resolve::explain::{Explanation, Question, Rpc, explain},
    source::manifests::Manifests,
};

pub(super) async fn run(args: WhyArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let explanation = match &args.local.manifests {
        Some(_) => here(&args)?,
        None => return Err(Failure::Usage("say --manifests PATH".to_owned())),
    };
    match args.output.format {
        Output::Table => text::tree(&explanation).write(out)?,
        Output::Json => {
            serde_json::to_writer(&mut *out, &explanation).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(if explanation.leads_somewhere() { Exit::Fine } else { Exit::Nothing })
}

/// What a server would explain that serves these manifests.
fn here(args: &WhyArgs) -> Result<Explanation, Failure> {
    let domain = Name::from(args.local.cluster_domain.as_str());
    let question = Question::parse(&args.authority, args.token(), Rpc::Both, args.address, &domain)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let path = args.local.manifests.as_deref().unwrap_or(".".as_ref());
    let (_, batch) = Manifests::open(path)?;
    let options = args.local.options();
    let mut engine = Engine::new(domain, options.clone());
    engine.apply(batch.events);
    Ok(explain(engine.cluster(), &options, &question))
}

#[cfg(test)]
mod tests;
