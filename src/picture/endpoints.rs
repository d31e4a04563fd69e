//! The endpoints of one service, one by one: asked for when somebody opens it, not sent to everybody who watches.

use serde::Serialize;

use super::shown::ServicePicture;
use crate::{
    cluster::Backing,
    model::TargetRef,
    resolve::standing::{Stand, Standing},
};

/// How many endpoints are listed: a megabyte and a half. How many there are is said in any case.
pub const LISTED: usize = 10_000;

/// The endpoints of a service.
#[derive(Debug, Serialize)]
pub struct Endpoints {
    /// That of the service's card when it was like this.
    pub revision: u64,
    /// How many there are, listed or not.
    pub total: usize,
    /// By address.
    pub endpoints: Vec<Endpoint>,
}

/// An endpoint.
#[derive(Debug, PartialEq, Serialize)]
pub struct Endpoint {
    /// Its address.
    pub address: String,
    /// The ports on it that the service's ports lead to.
    pub ports: Vec<u16>,
    /// `ready`, `not-ready` or `left-out`.
    pub state: &'static str,
    /// Why it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What is behind it: `Pod default/reviews-v1-0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What its Pod belongs to: `deployment reviews-v1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Whether its Pod belongs to a mesh.
    pub meshed: bool,
    /// The node it runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The zone it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

impl ServicePicture {
    /// Its endpoints, one by one.
    #[must_use]
    pub fn endpoints(&self) -> Endpoints {
        let stands = self.stands();
        Endpoints {
            revision: self.card.revision,
            total: stands.len(),
            endpoints: stands.iter().take(LISTED).map(Endpoint::new).collect(),
        }
    }
}

impl Endpoint {
    fn new(Stand { stored, ports, standing }: &Stand) -> Self {
        let endpoint = &stored.endpoint;
        let (state, why) = match standing {
            Standing::Ready => ("ready", None),
            Standing::NotReady => ("not-ready", None),
            Standing::LeftOut(cause) => ("left-out", Some(cause.sentence(&endpoint.target))),
        };
        let (class, node) = match &stored.backing {
            Backing::Pod { class, node } => (Some(class), node.as_ref()),
            _ => (None, None),
        };
        let owner = class.and_then(|class| class.owner.as_ref());
        Self {
            address: endpoint.address.to_string(),
            ports: ports.to_vec(),
            state,
            why,
            target: match &endpoint.target {
                TargetRef::None => None,
                TargetRef::Pod(name) => Some(format!("Pod {name}")),
                TargetRef::Workload(name) => Some(format!("ExternalWorkload {name}")),
                TargetRef::Other(kind) => Some(kind.to_string()),
            },
            owner: owner.map(|(kind, name)| format!("{kind} {name}")),
            meshed: class.is_some_and(|class| class.control_plane.is_some()),
            node: endpoint.node.as_ref().or(node).map(ToString::to_string),
            zone: endpoint.zone.as_ref().map(ToString::to_string),
        }
    }
}
