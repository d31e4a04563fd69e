//! To come with the property tests.

fn main() {}
