//! What is logged, and how it can be seen.

#[cfg(test)]
pub(crate) mod captured;
