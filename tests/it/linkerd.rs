//! The cases that Linkerd's own tests and its history show (part 7 of the page on its Destination service),
//! as the decisions amend them. Each test is named for what it shows and for its case.

mod endpoints;
mod filtering;
mod requests;
mod splits;
mod streams;
mod undefined_ports;
