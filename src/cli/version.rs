//! `switchyard version`.

use std::io::Write;

use super::{
    Output, VersionArgs,
    exit::{Exit, Failure},
};

const NAME: &str = env!("CARGO_PKG_NAME");
const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) fn run(args: &VersionArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    match args.output.format {
        Output::Table => writeln!(out, "{NAME} {VERSION}")?,
        Output::Json => writeln!(out, "{}", serde_json::json!({ "name": NAME, "version": VERSION }))?,
    }
    Ok(Exit::Fine)
}
