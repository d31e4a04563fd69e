//! A destination server for a service mesh: the wire contract so far.

pub mod pb;
