//! Switchyard.

fn main() {}
