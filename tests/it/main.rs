//! The integration tests, in one binary because linking is what takes the time.

mod robust;
mod server;
mod slow;
mod story;
mod wire;
