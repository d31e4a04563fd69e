//! `--admin-token-file`: the secret that lets a reader see the cluster, as it is in a file now.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use subtle::ConstantTimeEq;
use tokio::{
    task::spawn_blocking,
    time::{Duration, sleep},
};

use crate::whole_file;

/// The most a token may have, in bytes. Those of ServiceAccounts have about one thousand.
const MAX_BYTES: u64 = 8 * 1024;
/// The least, in bytes: fewer can be guessed.
const MIN_BYTES: usize = 16;
/// How long between two looks at the file, so that a token that was replaced soon counts for nothing.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A token, followed in its file. Cloning shares it.
#[derive(Clone)]
pub struct Token {
    path: PathBuf,
    secret: Arc<ArcSwap<Vec<u8>>>,
}

/// Why a file has no token.
#[derive(Debug, thiserror::Error)]
#[error(
    "--admin-token-file {}: {why}; expected one line of {MIN_BYTES} to {MAX_BYTES} printable characters, such as \
     `openssl rand -hex 32` writes", path.display()
)]
pub struct BadToken {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub why: String,
}

impl Token {
    /// Reads the file.
    ///
    /// # Errors
    /// If there is no token in it; says what is expected.
    pub fn open(path: &Path) -> Result<Self, BadToken> {
        let secret = read(path)?;
        Ok(Self { path: path.to_owned(), secret: Arc::new(ArcSwap::from_pointee(secret)) })
    }

    /// Whether this is the token. How long that takes says nothing of how near it is.
    #[must_use]
    pub fn is(&self, offered: &[u8]) -> bool {
        self.secret.load().as_slice().ct_eq(offered).into()
    }

    /// The token, to show it to a server.
    #[must_use]
    pub fn secret(&self) -> Arc<Vec<u8>> {
        self.secret.load_full()
    }

    /// Follows the file for as long as it is polled. What is no token changes nothing, and that is said once.
    pub async fn follow(self) {
        let mut is_wrong = false;
        loop {
            sleep(LOOK_EVERY).await;
            let path = self.path.clone();
            // Only a panic of the reader: the next look is another try.
            let Ok(look) = spawn_blocking(move || read(&path)).await else { continue };
            match look {
                Ok(secret) => {
                    if is_wrong {
                        tracing::info!("the file of the admin token can be read again");
                    }
                    is_wrong = false;
                    if secret != **self.secret.load() {
                        self.secret.store(Arc::new(secret));
                        tracing::info!("the admin token has changed: the one before counts for nothing now");
                    }
                }
                Err(error) if !is_wrong => {
                    is_wrong = true;
                    tracing::warn!(%error, "the admin token stays what it was");
                }
                Err(_) => {}
            }
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, BadToken> {
    let bad = |why: String| BadToken { path: path.to_owned(), why };
    let content = fs::metadata(path)
        .and_then(|metadata| whole_file::read(path, &metadata, MAX_BYTES))
        .map_err(|error: io::Error| bad(format!("cannot be read: {error}")))?;
    let secret = content.trim_ascii();
    // What a header can carry; never the secret itself in a message.
    if !secret.iter().all(u8::is_ascii_graphic) {
        return Err(bad("there are blanks or other characters that are not printable in it".to_owned()));
    }
    if secret.len() < MIN_BYTES {
        return Err(bad(format!("there are only {} characters in it", secret.len())));
    }
    Ok(secret.to_owned())
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Token;

    #[test]
    fn a_file_has_one_line_that_nobody_guesses() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        for (content, expect) in [
            ("0123456789abcdef", None),
            (" 0123456789abcdef\r\n", None),
            ("", Some("only 0 characters")),
            ("short\n", Some("only 5 characters")),
            ("0123456789 abcdef", Some("blanks")),
            ("0123456789abcdef\n0123456789abcdef\n", Some("blanks")),
            ("0123456789abcdefä", Some("not printable")),
        ] {
            fs::write(&path, content).unwrap();
            let error = Token::open(&path).err().map(|error| error.to_string());
            assert_eq!(error.is_some(), expect.is_some(), "{content:?}: {error:?}");
            if let (Some(error), Some(expect)) = (error, expect) {
                assert!(error.contains(expect) && error.contains("openssl rand -hex 32"), "{error}");
                assert!(content.is_empty() || !error.contains(content.trim()), "{error}");
            }
        }
        fs::write(&path, "x".repeat(8193)).unwrap();
        assert!(Token::open(&path).unwrap_err().to_string().contains("at most 8192 bytes"));
        assert!(Token::open(&folder.path().join("none")).unwrap_err().to_string().contains("cannot be read"));
    }

    #[test]
    fn only_the_whole_token_is_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "0123456789abcdef\n").unwrap();
        let token = Token::open(&path).unwrap();
        for (offered, expect) in [
            ("0123456789abcdef", true),
            ("0123456789abcde", false),
            ("0123456789abcdef0", false),
            ("", false),
        ] {
            assert_eq!(token.is(offered.as_bytes()), expect, "{offered:?}");
        }
    }
}
