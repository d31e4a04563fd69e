//! The end of the standard output's reader, noticed without writing to it.

use std::{
    fs::File,
    io,
    os::{fd::AsFd, unix::fs::FileTypeExt},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};
use tokio::task::spawn_blocking;

/// Completes once nothing reads the standard output any more: the reader of its pipe or socket is gone. Never
/// completes for a file or a terminal.
pub(super) async fn stdout_closed() {
    if closed(io::stdout()).await.is_none() {
        std::future::pending::<()>().await;
    }
}

/// Waits until the other end of a pipe or socket is closed; `None` if it is neither, or cannot be watched.
async fn closed(output: impl AsFd) -> Option<()> {
    let file = File::from(output.as_fd().try_clone_to_owned().ok()?);
    let kind = file.metadata().ok()?.file_type();
    if !kind.is_fifo() && !kind.is_socket() {
        return None;
    }
    // A thread of its own: the process does not wait for it at its end.
    spawn_blocking(move || wait(&file)).await.ok()?
}

/// Blocks until the other end is closed: without events to wait for, only errors and hang-ups are reported.
fn wait(output: &File) -> Option<()> {
    loop {
        match poll(&mut [PollFd::new(output, PollFlags::empty())], None) {
            Ok(_) => return Some(()),
            Err(Errno::INTR) => {}
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, os::unix::net::UnixStream, time::Duration};

    use futures::FutureExt;
    use tokio::time::timeout;

    use super::closed;

    #[tokio::test]
    async fn pipe_ends_when_its_reader_is_gone() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let mut end = Box::pin(closed(writer.try_clone().unwrap()));
        writer.write_all(b"read by nothing yet").unwrap();
        assert_eq!(timeout(Duration::from_millis(50), &mut end).await.ok(), None, "the reader is there");
        drop(reader);
        assert_eq!(timeout(Duration::from_secs(5), end).await, Ok(Some(())));
    }

    #[tokio::test]
    async fn socket_ends_when_its_peer_is_gone() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut end = Box::pin(closed(ours));
        assert_eq!(timeout(Duration::from_millis(50), &mut end).await.ok(), None, "the peer is there");
        drop(theirs);
        assert_eq!(timeout(Duration::from_secs(5), end).await, Ok(Some(())));
    }

    #[tokio::test]
    async fn file_is_not_watched() {
        assert_eq!(closed(tempfile::tempfile().unwrap()).now_or_never(), Some(None));
    }
}
