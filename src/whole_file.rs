//! Reading a file that a user named, all of it and within a bound.

use std::{
    fs,
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rustix::fs::OFlags;

/// What is in a file of at most so many bytes, which has this metadata.
///
/// # Errors
/// What the system says, if it is no regular file, or if there is more in it.
pub(crate) fn read(path: &Path, metadata: &fs::Metadata, max_bytes: u64) -> io::Result<Vec<u8>> {
    require_file(metadata)?;
    // Another file may have taken its place since, and opening a pipe waits for a writer.
    let mut options = fs::File::options();
    let file = options.read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    require_file(&file.metadata()?)?;
    let mut content = Vec::new();
    let mut file = file.take(max_bytes + 1);
    file.read_to_end(&mut content)?;
    if file.limit() == 0 {
        return Err(io::Error::other(format!("expected at most {max_bytes} bytes, found more")));
    }
    Ok(content)
}

/// Anything else could make the read wait for ever.
fn require_file(metadata: &fs::Metadata) -> io::Result<()> {
    if metadata.is_file() { Ok(()) } else { Err(io::Error::other("expected a regular file")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipe_that_took_the_place_of_a_file_is_refused_without_waiting_for_a_writer() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (file, pipe) = (folder.path().join("file"), folder.path().join("pipe"));
        fs::write(&file, "text").expect("written");
        let metadata = fs::metadata(&file).expect("it is there");
        assert_eq!(read(&file, &metadata, 4).expect("a file"), b"text");

        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
        assert!(made.success());
        fs::rename(&pipe, &file).expect("in its place");

        let error = read(&file, &metadata, 4).expect_err("it is a pipe");
        assert_eq!(error.to_string(), "expected a regular file");
    }
}
