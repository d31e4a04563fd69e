//! `switchyard get`: the endpoints of a service, and each change of them.

mod line;
mod text;

use std::io::Write;

use super::{
    GetArgs, Output,
    exit::{Exit, Failure},
    json::JsonLines,
    watch::watch,
};

pub(super) async fn run(args: GetArgs, out: &mut dyn Write, err: &mut dyn Write) -> Result<Exit, Failure> {
    let authority = args.target.authority();
    let open = async |client: crate::client::Client| client.get(&authority, args.token()).await;
    match args.server.output.format {
        Output::Table => {
            let view = text::Text::new(&authority, args.known_reading());
            watch(&args.server, open, view, out, err).await
        }
        Output::Json => watch(&args.server, open, JsonLines::new(&authority), out, err).await,
    }
}
