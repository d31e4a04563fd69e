//! The admin port of a real server: what it shows of streams, and to whom.

mod access;
mod streams;
