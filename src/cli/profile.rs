//! `switchyard profile`: the profile of a service, and each change of it.

mod route;
mod text;

use std::io::Write;

use super::{
    Output, ProfileArgs,
    exit::{Exit, Failure},
    json::JsonLines,
    watch::watch,
};

pub(super) async fn run(
    args: ProfileArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, Failure> {
    let ProfileArgs { target, server } = &args;
    let authority = target.authority();
    let open = async |client: crate::client::Client| client.get_profile(&authority, &server.token).await;
    match server.output.format {
        Output::Table => watch(server, open, text::Text::new(&authority), out, err).await,
        Output::Json => watch(server, open, JsonLines::new(&authority), out, err).await,
    }
}
