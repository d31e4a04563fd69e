//! `switchyard version`.

use std::io::Write;

use super::{
    Output, VersionArgs,
    exit::{Exit, Failure},
};
use crate::version::{COMMIT, DATE, LONG, VERSION};

const NAME: &str = env!("CARGO_PKG_NAME");

pub(super) fn run(args: &VersionArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    match args.output.format {
        Output::Table => writeln!(out, "{NAME} {LONG}")?,
        Output::Json => {
            let value =
                serde_json::json!({ "name": NAME, "version": VERSION, "commit": COMMIT, "date": DATE });
            writeln!(out, "{value}")?;
        }
    }
    Ok(Exit::Success)
}
