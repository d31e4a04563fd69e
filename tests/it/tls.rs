//! TLS: whom the server lets in, what it shows, and what happens when its files change.
//!
//! `handshake`, `files` and `reload` are about `switchyard::tls` alone, over connections within the test;
//! `served` is about the whole server and the commands that ask it.

pub(crate) mod authority;
mod files;
mod handshake;
mod link;
mod reload;
mod served;
