//! What `/metrics` of a real server shows: exactly the [contract], and nothing of it grows with what is asked; the
//! numbers in it are those of what [clients](counts) saw, and of what [they did not](sweep).

mod contract;
mod counts;
mod page;
mod sweep;
