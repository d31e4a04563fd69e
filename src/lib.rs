//! A destination server for a service mesh: it tells proxies where the endpoints of a service are, how its
//! traffic is split, and every change of that.
//!
//! ```text
//!  manifests ── Event ──► controller ── resolve ──► view ──► topic ──► answers ──► gRPC stream
//!  (a folder)            one task:                  one for          (per stream: a cursor,
//!                        Engine = Cluster +         all who ask      what it was last given)
//!                        Dependents (pure)          the same
//! ```
//!
//! Arrows go one way. What flows back is that somebody wants an answer, and HTTP/2's flow control.
//!
//! In reading order:
//!
//! * [`model`] the objects, [`weight`] and [`authority`] and [`context`] what users and clients write;
//! * [`cluster`] all objects with their indexes; an event says which facts it touched;
//! * [`resolve`] a question and the cluster to an answer (and to its explanation), [`share`] the arithmetic of a split;
//! * [`view`] answers and their differences, [`wire`] their bytes;
//! * [`engine`] (with [`dependents`]) events in, changed answers out: the incremental whole of the above; [`audit`]
//!   whether that came out as from scratch;
//! * [`source`] where events come from;
//! * [`controller`] the one task that changes anything, [`hold`] what it puts off, [`topic`] how an answer
//!   reaches many;
//! * [`connection`] an HTTP/2 connection and its streams, [`tls`] who they are with;
//! * [`grpc`], [`admin`], [`serve`] the servers; [`status`], [`metrics`], [`streams`] and [`picture`] what they show,
//!   [`logs`] and [`spans`] what they say, [`audit`] what they find wrong with themselves;
//! * [`cli`], [`check`] and [`client`] the commands, [`plan`] what an edit would change.
//!
//! From `model` to `engine` nothing does IO, has a clock or can fail: what a user got wrong is part of the
//! answer, as a warning.

pub mod admin;
pub mod audit;
pub mod authority;
pub mod blocks;
pub mod bucket;
pub mod check;
pub mod cli;
pub mod client;
pub mod cluster;
pub mod connection;
pub mod context;
pub mod controller;
pub mod dependents;
pub mod engine;
pub mod grpc;
pub mod hold;
mod interned;
mod listed;
pub mod logs;
pub mod metrics;
pub mod model;
mod nearest;
pub mod pb;
pub mod picture;
pub mod plan;
pub mod resolve;
pub mod serve;
pub mod share;
pub mod shares;
pub mod source;
pub mod spans;
pub mod status;
pub mod streams;
mod tame;
pub mod tls;
pub mod topic;
pub mod version;
pub mod view;
pub mod weight;
mod whole_file;
pub mod wire;
mod work;
