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
    Output, WhyArgs, WhyTarget,
    exit::{Exit, Failure},
    watch::interrupted,
};
use crate::{
    authority,
    client::AdminError,
    context,
    engine::Engine,
    model::NsName,
    resolve::explain::{Explanation, Question, Rpc, authority_of_split, explain},
    source::manifests::Manifests,
    status::Notice,
};

pub(super) async fn run(args: WhyArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let explanation = match &args.manifests {
        Some(_) => here(&args)?,
        None => tokio::select! {
            told = told(&args) => told?,
            () = interrupted() => return Err(Failure::Interrupted),
        },
    };
    match args.output.format {
        Output::Table => text::tree(&explanation).write(out)?,
        Output::Json => {
            serde_json::to_writer(&mut *out, &explanation).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(if explanation.leads_somewhere() { Exit::Success } else { Exit::Attention })
}

/// A target whose explanation is asked for.
enum Asked {
    Authority(String),
    /// The apex of this split, on this port or its first one.
    Split(NsName, Option<u16>),
}

fn asked(args: &WhyArgs) -> Asked {
    match &args.target {
        WhyTarget::Split { namespace, name, port } => {
            let namespace = namespace.as_ref().unwrap_or(&args.namespace);
            Asked::Split(NsName::new(namespace.as_str(), name.as_str()), *port)
        }
        WhyTarget::Other(target) => {
            Asked::Authority(target.authority(&args.namespace, &args.answers.cluster_domain))
        }
    }
}

/// What a server explains.
async fn told(args: &WhyArgs) -> Result<Explanation, Failure> {
    let server = args.admin.open()?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    // What is too long is still too long when it is cut; as it is it might not fit into a request.
    match asked(args) {
        Asked::Authority(authority) => {
            query.append_pair("authority", cut(&authority, authority::MAX_LENGTH));
        }
        Asked::Split(split, port) => {
            query.append_pair("split", cut(&split.to_string(), authority::MAX_LENGTH));
            query.extend_pairs(port.map(|port| ("port", port.to_string())));
        }
    }
    query.append_pair("token", cut(args.asker.token(), context::MAX_LENGTH));
    query.extend_pairs(args.address.map(|spot| ("address", spot.to_string())));
    let answer = server.get(&format!("/debug/why?{}", query.finish())).await?;
    serde_json::from_slice(&answer).map_err(|error| {
        let why = format!("it is no explanation ({error}); is that a Switchyard of this version?");
        AdminError::Broken { addr: server.addr().clone(), why }.into()
    })
}

/// The text if it has at most so many bytes, else a part of it that has more.
fn cut(text: &str, most: usize) -> &str {
    let end = (most + 1..text.len()).find(|end| text.is_char_boundary(*end));
    end.map_or(text, |end| &text[..end])
}

/// What a server would explain that serves these manifests.
fn here(args: &WhyArgs) -> Result<Explanation, Failure> {
    let (domain, options) = args.answers.clone().into_parts();
    let question = |authority: &str| {
        Question::parse(authority, args.asker.token(), Rpc::Both, args.address, &domain)
            .map_err(|error| Failure::Usage(error.to_string()))
    };
    let asked = match asked(args) {
        // A wrong target fails before the manifests are read.
        Asked::Authority(authority) => Ok(question(&authority)?),
        Asked::Split(split, port) => Err((split, port)),
    };
    let path = args.manifests.as_deref().unwrap_or(".".as_ref());
    let (_, batch) = Manifests::open(path)?;
    let mut engine = Engine::new(domain.clone(), options.clone());
    engine.apply(batch.events);
    let question = match asked {
        Ok(question) => question,
        Err((split, port)) => {
            question(&authority_of_split(engine.cluster(), &split, port).map_err(Failure::Usage)?)?
        }
    };
    let mut explanation = explain(engine.cluster(), &options, &question);
    let report = batch.report.unwrap_or_default();
    let findings = report.findings.iter().map(Notice::of_finding);
    explanation.add_of_source(findings.filter(Notice::is_of_source).map(|notice| notice.oddity()));
    Ok(explanation)
}

#[cfg(test)]
mod tests;
