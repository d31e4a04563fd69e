//! Standard input in place of a folder: manifests that another program renders. It is read once, to its end.

use std::{
    io::{self, IsTerminal, Read},
    path::Path,
};

use super::folder::MAX_FILE_BYTES;

/// What messages call it.
pub(super) const NAME: &str = "standard input";

/// Whether a path stands for standard input, which is written `-`.
#[must_use]
pub fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

/// Reads all of it. It is bounded as a file is, because it is held and parsed in the same way.
///
/// # Errors
/// What the system reports; also if it is a terminal, from which nobody would wait for manifests.
pub(super) fn read() -> io::Result<Vec<u8>> {
    let stdin = io::stdin().lock();
    if stdin.is_terminal() {
        return Err(io::Error::other(
            "is a terminal; pipe manifests into it, for example from kustomize build or helm template",
        ));
    }
    let mut content = Vec::new();
    let mut stdin = stdin.take(MAX_FILE_BYTES + 1);
    stdin.read_to_end(&mut content).map_err(|error| io::Error::other(format!("cannot be read: {error}")))?;
    if stdin.limit() == 0 {
        return Err(io::Error::other(format!("has more than {MAX_FILE_BYTES} bytes")));
    }
    Ok(content)
}
