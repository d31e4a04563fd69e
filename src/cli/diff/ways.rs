//! The ways in which servers answer, and where these differ.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    net::SocketAddr,
};

use super::{Answers, Replica};
use crate::{
    cli::{json, percent::percent},
    client::{Endpoint, Endpoints, HostPort, Known},
    pb::destination::DestinationProfile,
};

/// Servers by what they answer, those that answer the same together; in the order in which they were named.
pub(super) struct Ways<'a>(pub(super) Vec<Way<'a>>);

/// One answer, and who gives it.
pub(super) struct Way<'a> {
    pub(super) replicas: Vec<&'a HostPort>,
    pub(super) answers: &'a Answers,
}

/// Something that is said in several ways.
pub(super) struct Difference {
    /// What it is: an address, an authority, or the name of a field.
    pub(super) what: String,
    /// What each way says of it.
    pub(super) said: Vec<String>,
    /// The fields that differ; empty if it is one itself.
    pub(super) fields: String,
}

impl<'a> Ways<'a> {
    /// The ways of those who answered.
    pub(super) fn of(replicas: &'a [Replica]) -> Self {
        let mut ways: Vec<Way<'a>> = Vec::new();
        for replica in replicas {
            let Ok(answers) = &replica.answers else { continue };
            match ways.iter_mut().find(|way| way.answers == answers) {
                Some(way) => way.replicas.push(&replica.addr),
                None => ways.push(Way { replicas: vec![&replica.addr], answers }),
            }
        }
        Self(ways)
    }

    /// Whether there is more than one.
    pub(super) fn differ(&self) -> bool {
        self.0.len() > 1
    }

    /// How many servers answered.
    pub(super) fn replicas(&self) -> usize {
        self.0.iter().map(|way| way.replicas.len()).sum()
    }

    /// What the answers of `Get` differ in.
    pub(super) fn endpoints(&self) -> Vec<Difference> {
        let all: Vec<_> = self.0.iter().filter_map(|way| way.answers.endpoints.as_ref()).collect();
        if all.len() < self.0.len() {
            return Vec::new();
        }
        let labels = |endpoints: &&Endpoints| {
            let labels: Vec<_> =
                endpoints.labels().iter().map(|(key, value)| format!("{key}={value}")).collect();
            labels.join(" ")
        };
        let mut differences = Vec::new();
        differences.extend(field("endpoints", all.iter().map(|endpoints| answered(endpoints)).collect()));
        differences.extend(field("labels of the set", all.iter().map(labels).collect()));
        let addrs: BTreeSet<_> = all.iter().flat_map(|endpoints| endpoints.iter()).map(|e| e.addr).collect();
        differences.extend(addrs.into_iter().filter_map(|addr| endpoint(addr, &all)));
        differences
    }

    /// What the profiles differ in.
    pub(super) fn profiles(&self) -> Vec<Difference> {
        let profiles: Vec<_> = self.0.iter().map(|way| &way.answers.profile).collect();
        let each = |said: &dyn Fn(&DestinationProfile) -> String| profiles.iter().map(|p| said(p)).collect();
        let dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
        let mut differences = Vec::new();
        let simple: [(&'static str, Vec<String>); 3] = [
            ("fully_qualified_name", each(&|p| dash(p.fully_qualified_name.clone()))),
            ("opaque_protocol", each(&|p| p.opaque_protocol.to_string())),
            ("retry_budget", each(&|p| digest(p, "retry_budget"))),
        ];
        differences.extend(simple.into_iter().filter_map(|(name, said)| field(name, said)));
        for name in ["routes", "endpoint", "parent_ref", "profile_ref"] {
            differences.extend(field(name, each(&|p| digest(p, name))));
        }
        let overrides: Vec<_> = profiles.iter().map(|profile| overrides(profile)).collect();
        if overrides.windows(2).all(|pair| pair[0] == pair[1]) {
            differences.extend(field("dst_overrides", each(&|p| digest(p, "dst_overrides"))));
        }
        let authorities: BTreeSet<_> = overrides.iter().flat_map(BTreeMap::keys).collect();
        for authority in authorities {
            let of = |weights: &BTreeMap<String, u64>| weights.get(authority).copied();
            let weights: BTreeSet<_> = overrides.iter().map(of).collect();
            if weights.len() > 1 {
                let said = overrides.iter().map(|weights| share(of(weights), weights.values().sum()));
                differences.push(Difference {
                    what: authority.clone(),
                    said: said.collect(),
                    fields: "weight".to_owned(),
                });
            }
        }
        differences
    }
}

/// A field, if it is said in several ways.
fn field(name: &'static str, said: Vec<String>) -> Option<Difference> {
    let is_same = said.windows(2).all(|pair| pair[0] == pair[1]);
    (!is_same).then(|| Difference { what: name.to_owned(), said, fields: String::new() })
}

/// An endpoint, if anything of it is said in several ways.
fn endpoint(addr: SocketAddr, all: &[&Endpoints]) -> Option<Difference> {
    let said: Vec<Option<&Endpoint>> = all.iter().map(|endpoints| endpoints.get(addr)).collect();
    let mut fields = BTreeSet::new();
    for pair in said.windows(2) {
        match (pair[0], pair[1]) {
            (Some(a), Some(b)) => {
                fields.extend((a.weight() != b.weight()).then_some("weight"));
                fields.extend(a.metadata_differences(b));
            }
            (None, None) => {}
            _ => _ = fields.insert("not there"),
        }
    }
    let weight = |(endpoint, all): (&Option<&Endpoint>, &&Endpoints)| {
        share(endpoint.map(|endpoint| endpoint.weight().into()), all.total_weight())
    };
    (!fields.is_empty()).then(|| Difference {
        what: addr.to_string(),
        said: said.iter().zip(all).map(weight).collect(),
        fields: fields.into_iter().collect::<Vec<_>>().join(", "),
    })
}

/// `2 endpoints`, or why there are none.
pub(super) fn answered(endpoints: &Endpoints) -> String {
    match (endpoints.len(), endpoints.known()) {
        (0, Known::NoEndpoints { exists: false }) => "no such service".to_owned(),
        (0, _) => "no endpoints".to_owned(),
        (1, _) => "1 endpoint".to_owned(),
        (n, _) => format!("{n} endpoints"),
    }
}

/// `500000000 (50.00 %)`
fn share(weight: Option<u64>, total: u64) -> String {
    weight.map_or_else(|| "-".to_owned(), |weight| format!("{weight} ({})", percent(weight, total)))
}

fn overrides(profile: &DestinationProfile) -> BTreeMap<String, u64> {
    let mut weights = BTreeMap::new();
    for dst in &profile.dst_overrides {
        *weights.entry(dst.authority.clone()).or_default() += u64::from(dst.weight);
    }
    weights
}

/// Stands for a field that is too large to be shown: equal ones have equal digests, others do not by chance.
fn digest(profile: &DestinationProfile, name: &str) -> String {
    let value = json::profile_value(profile);
    match value.get(name) {
        None => "-".to_owned(),
        Some(value) => {
            let mut hasher = DefaultHasher::new();
            value.to_string().hash(&mut hasher);
            format!("#{:08x}", hasher.finish() >> 32)
        }
    }
}
