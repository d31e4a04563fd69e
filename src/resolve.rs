//! What is true for a client: from the state of the cluster to the answer of `Get` and `GetProfile`.
//!
//! [`resolve`] is a pure function of the [`Cluster`] and the question. Beside the answer it says what it
//! [read](Resolution::reads), so that its caller knows when to ask again, and how much of *who asked*
//! mattered ([`Sight`]), so that clients that must get the same answer share one.

use std::{collections::BTreeSet, fmt, net::IpAddr, sync::Arc};

use crate::{
    cluster::{Cluster, Fact},
    context::Reading,
    model::{Name, NsName, ObjectId, Problem},
    view::View,
    wire::Frames,
};

mod address;
mod claims;
mod classes;
mod endpoints;
mod entries;
pub mod explain;
pub mod hint;
pub mod inspect;
mod metadata;
pub mod no_endpoints;
mod options;
mod pool;
mod profile;
mod reader;
mod selection;
mod similar_labels;
mod split;
pub mod standing;
pub mod unknown;

pub(crate) use entries::Memo;
pub use options::{MeshOptions, Options};
pub(crate) use pool::node_of;
pub(crate) use selection::{Pools, SelectionKey};
pub use split::{BackendShare, shares, winner};

/// What can be asked, apart from who asks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Query {
    /// `Get`: the endpoints behind a service's port.
    Endpoints {
        /// The service.
        service: NsName,
        /// Only the endpoint with this host name.
        instance: Option<Name>,
        /// The port number clients use.
        port: u16,
        /// Whether splits are merged into the answer.
        reading: Reading,
    },
    /// `GetProfile` of a service, or of one of its instances.
    ServiceProfile {
        /// The service.
        service: NsName,
        /// Only the endpoint with this host name.
        instance: Option<Name>,
        /// The port number clients use.
        port: u16,
    },
    /// `GetProfile` of an address.
    AddressProfile {
        /// The address: a Service's cluster IP, or anything else.
        ip: IpAddr,
        /// The port number clients use.
        port: u16,
    },
}

/// Who asks, as far as any answer can depend on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Client {
    /// The node it runs on.
    pub node: Option<Name>,
    /// Its namespace.
    pub namespace: Option<Name>,
}

/// A question with its asker: what a stream subscribes to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// What is asked.
    pub query: Query,
    /// Who asks.
    pub client: Client,
}

impl Query {
    /// The method of the API that asks it, as metrics name it.
    #[must_use]
    pub fn method(&self) -> &'static str {
        match self {
            Self::Endpoints { .. } => "get",
            Self::ServiceProfile { .. } | Self::AddressProfile { .. } => "get_profile",
        }
    }
}

impl Query {
    /// How a split reaches who asks this; `None` for `GetProfile`, which always tells of it.
    #[must_use]
    pub fn reading(&self) -> Option<Reading> {
        match self {
            Self::Endpoints { reading, .. } => Some(*reading),
            Self::ServiceProfile { .. } | Self::AddressProfile { .. } => None,
        }
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, instance, port) = match self {
            Self::Endpoints { service, instance, port, .. }
            | Self::ServiceProfile { service, instance, port } => (service.to_string(), instance, port),
            Self::AddressProfile { ip, port } => (ip.to_string(), &None, port),
        };
        match instance {
            Some(instance) => write!(f, "{instance}.{name}:{port}"),
            None => write!(f, "{name}:{port}"),
        }
    }
}

/// How much of the [`Client`] the answer depended on. It is the same for all clients of a [`Query`] in one
/// state of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// Everybody gets this answer.
    Same,
    /// Everybody in the client's zone does.
    Zone,
    /// Everybody on the client's node does.
    Node,
    /// Everybody in the client's namespace does.
    Namespace,
}

/// The answer to a [`Query`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Of `Get`.
    Endpoints(View),
    /// Of `GetProfile`.
    Profile(Profile),
}

/// The answer of `GetProfile`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The whole message; a profile is never sent in parts.
    pub message: Frames,
    /// Backends of positive weight that have a ready endpoint. If there are none, all are listed with their
    /// weights nevertheless.
    pub ready: BTreeSet<NsName>,
    /// Those that have none.
    pub empty: BTreeSet<NsName>,
}

/// An answer and what it rests on.
#[derive(Clone, Debug)]
pub struct Resolution {
    /// The answer.
    pub answer: Arc<Answer>,
    /// Every fact that was looked at, also those that were absent.
    pub reads: BTreeSet<Fact>,
    /// How much of the client mattered.
    pub sight: Sight,
    /// What the operator should hear of because somebody asks for this.
    pub warnings: Vec<(ObjectId, Problem)>,
}

/// Answers a question from the state of the cluster.
#[must_use]
pub fn resolve(cluster: &Cluster, options: &Options, query: &Query, client: &Client) -> Resolution {
    resolve_from(cluster, options, &mut Pools::default(), None, query, client).0
}

/// The same, starting from what is known: pools of endpoints that earlier questions left, and what the answer
/// was made from before. Neither has any influence on the answer, only on what it costs.
pub(crate) fn resolve_from(
    cluster: &Cluster,
    options: &Options,
    pools: &mut Pools,
    before: Option<&Memo>,
    query: &Query,
    client: &Client,
) -> (Resolution, Memo) {
    let mut look = Look { before, ..Look::new(cluster, options, client, pools) };
    let answer = match query {
        Query::Endpoints { service, instance, port, reading } => {
            Answer::Endpoints(look.get(service, instance.as_ref(), *port, *reading))
        }
        Query::ServiceProfile { service, instance: None, port } => {
            Answer::Profile(look.service_profile(service, *port))
        }
        Query::ServiceProfile { service, instance: Some(instance), port } => {
            Answer::Profile(look.instance_profile(service, instance, *port))
        }
        Query::AddressProfile { ip, port } => Answer::Profile(look.address_profile(*ip, *port)),
    };
    let memo = look.made.using(look.used);
    let resolution = Resolution {
        answer: Arc::new(answer),
        reads: look.reads,
        sight: look.sight,
        warnings: look.warnings,
    };
    (resolution, memo)
}

/// One look at the cluster on behalf of a client. It notes what is read on the way.
struct Look<'a> {
    cluster: &'a Cluster,
    options: &'a Options,
    client: &'a Client,
    pools: &'a mut Pools,
    /// What the answer was made from before.
    before: Option<&'a Memo>,
    /// What it is made from now.
    made: Memo,
    used: Vec<SelectionKey>,
    reads: BTreeSet<Fact>,
    sight: Sight,
    warnings: Vec<(ObjectId, Problem)>,
}

impl<'a> Look<'a> {
    fn new(cluster: &'a Cluster, options: &'a Options, client: &'a Client, pools: &'a mut Pools) -> Self {
        Self {
            cluster,
            options,
            client,
            pools,
            before: None,
            made: Memo::default(),
            used: Vec::new(),
            reads: BTreeSet::new(),
            sight: Sight::Same,
            warnings: Vec::new(),
        }
    }

    /// Notes that the answer depends on this much of the client.
    fn saw(&mut self, sight: Sight) {
        self.sight = self.sight.max(sight);
    }
}
