//! The admin port of a real server: what it shows of streams and of the cluster, and to whom.

mod access;
mod feed;
mod places;
mod probes;
mod streams;
