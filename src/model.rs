//! The objects Switchyard reads, cut down to what resolving needs.
//!
//! These are our own types, not Kubernetes': a source converts what it reads into them once, at the rim,
//! so that nothing behind it meets an absent field, a wrong type or an unparsed string again. All of them
//! are plain values compared with `==`: an update that changes nothing we read *is* no update.
//!
//! What a user got wrong inside an object that is still usable (a weight that is no number, say) travels
//! with it as [`Problem`]s, so that the object keeps working and the user still hears about it.

mod created;
mod endpoints;
mod labels;
mod name;
mod object;
mod pod;
mod policy;
mod ports;
mod problem;
mod resource_name;
mod service;
mod split;

pub use self::{
    created::Created,
    endpoints::{Endpoint, EndpointPort, EndpointSlice, Mirror, Node, Subset, TargetRef},
    labels::{Condition, LabelSet, Requirement, Selector},
    name::{Name, NsName},
    object::{Kind, Labels, Object, ObjectId},
    pod::{ContainerPort, Controller, OwnerRef, Phase, Pod, PodSpec, ProxyPorts},
    policy::{ExternalWorkload, Server, ServerPort, ServerTarget},
    ports::PortRanges,
    problem::{Problem, Reason},
    resource_name::names_kind,
    service::{Service, ServiceKind, ServicePort, TargetPort},
    split::{
        Backend, MAX_BACKENDS, MAX_OVERRIDES, MAX_ROUTES, MAX_SPLITS_OF_APEX, ProfileOverride,
        ServiceProfile, TrafficSplit,
    },
};
