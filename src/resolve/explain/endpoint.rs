//! Everything about one address: its weight, and each thing that is said of it with where it comes from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

mod facts;

use self::facts::{authority, http2, identity, protocol, resource, skipped_ports, transport};
use super::{Endpoint, Listed};
use crate::{
    cluster::Backing,
    model::{ExternalWorkload, Mirror, TargetRef},
    pb::destination::WeightedAddr,
    resolve::{MeshOptions, metadata::PodPort},
};

/// Something that may be, and why it is so or is not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is; `None` if it is not.
    pub is: Option<String>,
    /// Why.
    pub why: String,
}

impl Fact {
    pub(super) fn of(is: impl ToString, why: impl Into<String>) -> Self {
        Self { is: Some(is.to_string()), why: why.into() }
    }

    pub(super) fn none(why: impl Into<String>) -> Self {
        Self { is: None, why: why.into() }
    }
}

/// A label, and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// Where it comes from.
    pub from: String,
}

/// An endpoint, and the Service that it was found in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// The Service.
    pub service: String,
    /// The endpoint.
    pub endpoint: Endpoint,
}

/// Everything about one address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Whereabouts {
    /// `ip:port`, or what was asked for if it is nowhere.
    pub address: String,
    /// Its weight; `None` if the client is not told of it.
    pub weight: Option<u32>,
    /// The weights of all endpoints of the answer together.
    pub total_weight: u64,
    /// How the weight came about, a line a step; or why the client is not told of it.
    pub weight_why: Vec<String>,
    /// Every endpoint with this address in the slices that were looked at.
    pub places: Listed<Place>,
    /// What is said of it; `None` if nothing is.
    pub said: Option<Said>,
}

/// What is said of an address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// The metric labels.
    pub labels: Vec<Label>,
    /// Who it is to TLS.
    pub identity: Fact,
    /// How to speak to it: `opaque` or `h2`.
    pub protocol: Fact,
    /// The port of the proxy to connect to instead.
    pub transport: Fact,
    /// How to set up HTTP/2.
    pub http2: Fact,
    /// The name to ask it for instead of the client's.
    pub authority: Fact,
    /// The object that it is.
    pub resource: Fact,
    /// Ports that its proxy does not see.
    pub skipped_ports: Fact,
}

/// What is behind an address.
pub(super) enum Behind<'a> {
    /// Nothing that is known, except of a gateway to another cluster.
    Bare(Option<&'a Mirror>),
    /// A port of a Pod.
    Pod(PodPort<'a>),
    /// A port of a workload outside.
    Workload { workload: &'a ExternalWorkload, opaque: &'a [u16], port: u16 },
}

impl<'a> Behind<'a> {
    /// What is behind an endpoint that is given out.
    pub(super) fn of(backing: &'a Backing, port: u16, mesh: &'a MeshOptions) -> Self {
        match backing {
            Backing::Bare(mirror) => Self::Bare(mirror.as_deref()),
            Backing::Pod { class, .. } => Self::Pod(PodPort::new(class, port, mesh)),
            Backing::Workload { workload, opaque_by_server } => {
                Self::Workload { workload, opaque: opaque_by_server, port }
            }
            Backing::Missing | Backing::ForeignPod | Backing::Unknown => Self::Bare(None),
        }
    }
}

/// Where those labels come from that do not come from what is behind the address.
pub(super) struct Origins<'a> {
    pub(super) target: &'a TargetRef,
    pub(super) zone: &'a str,
    pub(super) locality: String,
    pub(super) service: String,
}

/// Puts into words what is said of an address; the values are those of the message.
pub(super) fn said(
    message: &WeightedAddr,
    behind: &Behind<'_>,
    origins: &Origins<'_>,
    mesh: &MeshOptions,
) -> Said {
    Said {
        labels: labels(&message.metric_labels, |key| origin(key, behind, origins)),
        identity: identity(message, behind),
        protocol: protocol(message, behind, mesh),
        transport: transport(message, behind),
        http2: http2(message, mesh),
        authority: authority(message),
        resource: resource(message),
        skipped_ports: skipped_ports(behind),
    }
}

/// Labels with their origins.
pub(super) fn labels(labels: &BTreeMap<String, String>, origin: impl Fn(&str) -> String) -> Vec<Label> {
    let label = |(key, value): (&String, &String)| Label {
        key: key.clone(),
        value: value.clone(),
        from: origin(key),
    };
    labels.iter().map(label).collect()
}

fn origin(key: &str, behind: &Behind<'_>, origins: &Origins<'_>) -> String {
    let owner = match behind {
        Behind::Pod(port) => {
            let class = port.class();
            let direct = class.spec.owner.as_ref();
            class.owner.as_ref().filter(|(kind, _)| **kind == *key).map(|(_, name)| match direct {
                Some(direct) if direct.name != *name => {
                    format!("owner of {} {}, which owns the Pod", direct.kind, direct.name)
                }
                _ => "owner of the Pod".to_owned(),
            })
        }
        Behind::Workload { workload, .. } => {
            let owner = workload.owner.as_ref().filter(|owner| owner.kind.to_lowercase() == *key);
            owner.map(|_| "owner of the ExternalWorkload".to_owned())
        }
        Behind::Bare(_) => None,
    };
    if let Some(owner) = owner {
        return owner;
    }
    match key {
        "pod" => "the Pod that the endpoint refers to".to_owned(),
        "external_workload" => "the ExternalWorkload that the endpoint refers to".to_owned(),
        "namespace" => match origins.target {
            TargetRef::Pod(_) => "namespace of the Pod".to_owned(),
            _ => "namespace of the ExternalWorkload".to_owned(),
        },
        "serviceaccount" => "spec.serviceAccountName of the Pod".to_owned(),
        "zone" => origins.zone.to_owned(),
        "zone_locality" => origins.locality.clone(),
        "control_plane_ns" => "label linkerd.io/control-plane-ns of the Pod".to_owned(),
        "pod_template_hash" => "label pod-template-hash of the Pod".to_owned(),
        "service" => origins.service.clone(),
        "target_cluster" | "target_service" | "target_service_namespace" => {
            "what its slices say of another cluster".to_owned()
        }
        _ => String::new(),
    }
}
