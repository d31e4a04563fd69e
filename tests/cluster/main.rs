//! Tests on the real thing: Kubernetes' own programs, and Flagger, on this machine's loopback.
//!
//! They are ignored where nobody has built those programs, because that needs Go:
//!
//! ```text
//! tests/cluster/assets/build.sh
//! cargo test --test cluster -- --include-ignored --test-threads=1
//! ```
//!
//! [`control_plane`] starts a cluster, [`flagger`] what shifts traffic in it. [`harness`] proves the first,
//! [`canary`] the second.

mod api_server;
mod canary;
mod control_plane;
mod deploy;
mod flagger;
mod harness;
mod ours;
mod walk;
