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
//! From `model` to `engine` nothing does IO, has a clock or can fail: what a user got wrong is part of the
//! answer, as a warning.

pub mod authority;
pub mod cluster;
pub mod context;
pub mod dependents;
pub mod engine;
pub mod model;
pub mod pb;
pub mod resolve;
pub mod share;
pub mod source;
pub mod view;
pub mod weight;
pub mod wire;
