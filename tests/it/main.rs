//! The integration tests, in one binary because linking is what takes the time.

mod abuse;
mod admin;
mod check;
mod cli;
mod diff;
mod drain_order;
mod effect;
mod field_cases;
mod folder;
mod fuzz;
mod golden;
mod hints;
mod kubernetes;
mod last_valid;
mod laws;
mod linkerd;
mod logs;
mod mesh;
mod metrics;
mod no_endpoints;
#[cfg(feature = "otel")]
mod otel;
mod parity;
mod plan;
mod robust;
mod rolling;
mod server;
mod simulation;
mod slow;
mod splits;
mod storm;
mod story;
mod tls;
mod unread_log;
mod why;
mod wire;
