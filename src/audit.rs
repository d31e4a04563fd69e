//! What an audit finds: an answer that was published, beside one in which nothing that was kept has any part.
//!
//! Answers are kept current from the ones before them. That this comes out as if each were made from scratch is a law
//! of the tests; an audit looks whether it is so in the server that runs, and a [`Divergence`] says in which endpoints
//! or fields it is not. Both are made from the objects as the server knows them: that the source has missed something
//! is not seen here (the age of its kinds shows it), nor that an index over the objects is wrong.
//!
//! Nothing here has a clock or a channel. Which view is looked at when, and what follows: see `controller`.

use std::fmt;

use prost::Message;

use crate::{
    pb::destination as pb,
    resolve::{Answer, Profile},
    view::{Entry, View},
    wire,
};

/// So many endpoints are named of each way to differ, the others are counted: a line of a log has room for them.
const NAMED: usize = 3;

/// How an answer that was published differs from what is true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Divergence {
    /// Nothing was published.
    Silence,
    /// Endpoints were published in the place of a profile, or a profile in the place of endpoints.
    Form,
    /// Endpoints differ.
    Endpoints(Box<Endpoints>),
    /// These fields of a profile differ.
    Profile(Vec<&'static str>),
}

/// How the endpoints that were published differ from the true ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// What was published of the service's existence, if it is wrong.
    exists: Option<bool>,
    labels: bool,
    missing: Few,
    extra: Few,
    weight: Few,
    metadata: Few,
}

/// Endpoints of which the same is wrong: the first of them in words, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Few {
    count: usize,
    first: Vec<String>,
}

impl Divergence {
    /// How what was published differs from the truth, if it does.
    #[must_use]
    pub fn of(published: Option<&Answer>, truth: &Answer) -> Option<Self> {
        match (published, truth) {
            (None, _) => Some(Self::Silence),
            (Some(Answer::Endpoints(published)), Answer::Endpoints(truth)) => {
                (published != truth).then(|| Self::Endpoints(Box::new(Endpoints::of(published, truth))))
            }
            (Some(Answer::Profile(published)), Answer::Profile(truth)) => {
                (published != truth).then(|| Self::Profile(wrong_fields(published, truth)))
            }
            (Some(_), _) => Some(Self::Form),
        }
    }
}

impl Endpoints {
    fn of(published: &View, truth: &View) -> Self {
        let mut all = Self {
            exists: (published.exists() != truth.exists()).then_some(published.exists()),
            labels: published.labels() != truth.labels(),
            ..Self::default()
        };
        for pair in published.entries().differences(truth.entries()) {
            match pair {
                (Some(said), Some(is)) if said == is => {}
                (Some(said), Some(is)) => {
                    if said.weight != is.weight {
                        all.weight.add(|| format!("{} ({} for {})", is.addr, said.weight, is.weight));
                    }
                    if said.meta != is.meta {
                        all.metadata.add(|| format!("{} ({})", is.addr, wrong_metadata(said, is).join(", ")));
                    }
                }
                (None, Some(is)) => all.missing.add(|| is.addr.to_string()),
                (Some(said), None) => all.extra.add(|| said.addr.to_string()),
                (None, None) => {}
            }
        }
        all
    }
}

impl Few {
    fn add(&mut self, in_words: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(in_words());
        }
    }
}

/// The fields of an endpoint that differ, by their names in the API.
fn wrong_metadata(said: &Entry, is: &Entry) -> Vec<&'static str> {
    let decode = |entry: &Entry| pb::WeightedAddr::decode(&*entry.meta.parts().map(|part| &**part).concat());
    let (Ok(said), Ok(is)) = (decode(said), decode(is)) else { return vec!["not readable"] };
    // A field that is added to the API is a line that does not compile.
    let pb::WeightedAddr {
        addr: _,
        weight: _,
        metric_labels,
        tls_identity,
        protocol_hint,
        authority_override,
        http2,
        resource_ref,
    } = is;
    names([
        ("metric_labels", said.metric_labels != metric_labels),
        ("tls_identity", said.tls_identity != tls_identity),
        ("protocol_hint", said.protocol_hint != protocol_hint),
        ("authority_override", said.authority_override != authority_override),
        ("http2", said.http2 != http2),
        ("resource_ref", said.resource_ref != resource_ref),
    ])
}

/// The fields of a profile that differ, by their names in the API; and those that decide how long it is held back.
fn wrong_fields(said: &Profile, is: &Profile) -> Vec<&'static str> {
    let holding = ("backends that are ready", (&said.ready, &said.empty) != (&is.ready, &is.empty));
    let decode = |profile: &Profile| {
        pb::DestinationProfile::decode(profile.message.bytes.get(wire::PREFIX..).unwrap_or_default())
    };
    let (Ok(said), Ok(is)) = (decode(said), decode(is)) else { return vec!["not readable"] };
    let pb::DestinationProfile {
        routes,
        retry_budget,
        dst_overrides,
        opaque_protocol,
        fully_qualified_name,
        endpoint,
        parent_ref,
        profile_ref,
    } = is;
    names([
        ("fully_qualified_name", said.fully_qualified_name != fully_qualified_name),
        ("dst_overrides", said.dst_overrides != dst_overrides),
        ("routes", said.routes != routes),
        ("retry_budget", said.retry_budget != retry_budget),
        ("opaque_protocol", said.opaque_protocol != opaque_protocol),
        ("endpoint", said.endpoint != endpoint),
        ("parent_ref", said.parent_ref != parent_ref),
        ("profile_ref", said.profile_ref != profile_ref),
        holding,
    ])
}

fn names<const N: usize>(fields: [(&'static str, bool); N]) -> Vec<&'static str> {
    let names: Vec<_> = fields.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect();
    // Equal messages in other bytes: a proxy that compares bytes sees a difference, too.
    if names.is_empty() { vec!["the encoding alone"] } else { names }
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silence => f.write_str("nothing was published"),
            Self::Form => f.write_str("endpoints and a profile were taken for one another"),
            Self::Endpoints(endpoints) => endpoints.fmt(f),
            Self::Profile(fields) => write!(f, "of the profile differs: {}", fields.join(", ")),
        }
    }
}

impl fmt::Display for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        match self.exists {
            Some(true) => parts.push("a service that does not exist was said to exist".to_owned()),
            Some(false) => parts.push("a service that exists was said not to".to_owned()),
            None => {}
        }
        if self.labels {
            parts.push("labels of the set differ".to_owned());
        }
        let few = [
            (&self.missing, "missing"),
            (&self.extra, "too many"),
            (&self.weight, "with another weight"),
            (&self.metadata, "with other metadata"),
        ];
        for (Few { count, first }, what) in few.into_iter().filter(|(few, _)| few.count > 0) {
            let more = if *count > first.len() { ", ..." } else { "" };
            parts.push(format!("{count} {what}: {}{more}", first.join(", ")));
        }
        f.write_str(&parts.join("; "))
    }
}

#[cfg(test)]
mod tests;
