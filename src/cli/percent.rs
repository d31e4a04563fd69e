//! A weight as a share of all weights.

pub(super) use crate::share::percent;
