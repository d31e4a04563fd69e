//! PEM files that a flag names: certificates and keys, or a sentence that says what is wrong.
//!
//! No error shows anything of what a file holds: it may be a key.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use rustls_pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{Error as PemError, PemObject},
};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::whole_file;

/// The certificates of all public CAs together are a quarter of this.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Why files of certificates and keys cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{flag} {}: {why}", .path.display())]
pub struct OpenError {
    /// The flag that named the file.
    pub flag: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What is wrong, and what would be right.
    pub why: String,
}

impl OpenError {
    /// Stands for it: the same trouble has the same one.
    pub(super) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.flag, &self.why).hash(&mut hasher);
        hasher.finish()
    }
}

/// A file that a flag names, as it was read.
pub(crate) struct PemFile {
    flag: &'static str,
    path: PathBuf,
    content: Vec<u8>,
}

impl PemFile {
    /// Reads all of it.
    pub(crate) fn read(flag: &'static str, path: &Path) -> Result<Self, OpenError> {
        match fs::metadata(path).and_then(|metadata| whole_file::read(path, &metadata, MAX_FILE_BYTES)) {
            Ok(content) => Ok(Self { flag, path: path.to_owned(), content }),
            Err(error) => {
                let why = format!("cannot be read: {error}");
                Err(OpenError { flag, path: path.to_owned(), why })
            }
        }
    }

    /// What is wrong with it, as an error.
    pub(crate) fn wrong(&self, why: impl Into<String>) -> OpenError {
        OpenError { flag: self.flag, path: self.path.clone(), why: why.into() }
    }

    /// Its name.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn hash(&self, hasher: &mut impl Hasher) {
        self.content.hash(hasher);
    }

    /// The certificates in it, at least one, in their order.
    pub(crate) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, OpenError> {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(&self.content)
            .collect::<Result<_, _>>()
            .map_err(|error| self.wrong(broken(&error)))?;
        if certificates.is_empty() {
            return Err(self.wrong(
                "there is no certificate in it; expected PEM, which begins with -----BEGIN CERTIFICATE-----",
            ));
        }
        for (index, certificate) in certificates.iter().enumerate() {
            if X509Certificate::from_der(certificate).is_err() {
                let number = index + 1;
                return Err(self.wrong(format!(
                    "number {number} of its certificates is none; write each as your CA gave it"
                )));
            }
        }
        Ok(certificates)
    }

    /// The first private key in it.
    pub(crate) fn key(&self) -> Result<PrivateKeyDer<'static>, OpenError> {
        PrivateKeyDer::from_pem_slice(&self.content).map_err(|error| match error {
            PemError::NoItemsFound if contains(&self.content, b"-----BEGIN ENCRYPTED PRIVATE KEY-----") => {
                self.wrong(
                    "the key is encrypted; write it without a passphrase, as `openssl pkcs8 -in FILE` does",
                )
            }
            PemError::NoItemsFound => self.wrong(
                "there is no private key in it; expected PEM, which begins with -----BEGIN PRIVATE KEY----- \
                 (or RSA, or EC)",
            ),
            error => self.wrong(broken(&error)),
        })
    }
}

fn broken(error: &PemError) -> &'static str {
    match error {
        PemError::MissingSectionEnd { .. } => {
            "it ends in the middle; expected an -----END line for each -----BEGIN"
        }
        PemError::IllegalSectionStart { .. } => {
            "one of its -----BEGIN lines is broken; expected -----BEGIN CERTIFICATE----- or the like"
        }
        _ => "it is no valid PEM; expected base64 between -----BEGIN and -----END lines",
    }
}

fn contains(content: &[u8], text: &[u8]) -> bool {
    content.windows(text.len()).any(|window| window == text)
}
