//! The folder as a source.
