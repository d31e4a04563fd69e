//! The integration tests, in one binary because linking is what takes the time.

mod wire;
