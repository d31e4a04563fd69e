//! Reading a file that a user named, all of it and within a bound.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

/// What is in a file of at most so many bytes, which has this metadata.
///
/// # Errors
/// What the system says, if it is no regular file, or if there is more in it.
pub(crate) fn read(path: &Path, metadata: &fs::Metadata, max_bytes: u64) -> io::Result<Vec<u8>> {
    // Anything else could make the read wait for ever: a pipe does.
    if !metadata.is_file() {
        return Err(io::Error::other("expected a regular file"));
    }
    let mut content = Vec::new();
    let mut file = fs::File::open(path)?.take(max_bytes + 1);
    file.read_to_end(&mut content)?;
    if file.limit() == 0 {
        return Err(io::Error::other(format!("expected at most {max_bytes} bytes, found more")));
    }
    Ok(content)
}
