//! What stands between a client and a server that do not agree about TLS.
//!
//! Each of these comes up as an error of some layer that says nothing to whoever typed the command: a frame of
//! invalid size, a corrupt message, a reset. Which of them it is can be told from the first bytes and from what
//! rustls says.

use std::{
    io,
    sync::{Arc, OnceLock},
};

use rustls::{AlertDescription, CertificateError, Error};

/// What a server that speaks TLS begins its answer with when it was spoken to without: the type of an alert. An
/// HTTP/2 server begins with the length of its first frame, which is far below.
const TLS_ALERT: u8 = 0x15;

/// Why the two cannot speak. Shown as what follows "the server at …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsFault {
    /// It was asked without.
    #[error(
        "speaks TLS; ask it with --tls-ca FILE (the CA of its certificate), or --tls to trust the system's CAs"
    )]
    SpeaksTls,
    /// It closed before it said anything, asked without TLS.
    #[error(
        "ended the connection before it said anything; if it speaks TLS, ask it with --tls-ca FILE or --tls"
    )]
    SilentWithout,
    /// It was asked with.
    #[error("speaks no TLS; ask it without the --tls flags")]
    SpeaksNoTls,
    /// It does not speak HTTP/2 over TLS.
    #[error("speaks TLS, but no gRPC there; is that the port of a Destination server?")]
    NoHttp2,
    /// Its CA is unknown to us.
    #[error("has a certificate of a CA that is not trusted; name that CA with --tls-ca FILE")]
    UnknownIssuer,
    /// Its certificate is for somebody else.
    #[error("has a certificate for {presented}, not for {expected}; if that is right, say --tls-server-name")]
    OtherName {
        /// Whom we asked for.
        expected: String,
        /// Whose it is.
        presented: String,
    },
    /// Something else is wrong with its certificate.
    #[error("has a certificate that cannot be trusted: {0}")]
    Certificate(String),
    /// It wants to know who we are.
    #[error("asks for a client certificate; show one with --tls-cert FILE and --tls-key FILE")]
    WantsCertificate,
    /// It does not accept who we are.
    #[error("does not accept the client certificate ({0}); show one of a CA that its --tls-client-ca names")]
    RefusesCertificate(String),
    /// It closed after the handshake, before it said anything.
    #[error(
        "ended the connection after the TLS handshake; if it wants a client certificate, or another one, show it \
         with --tls-cert FILE and --tls-key FILE"
    )]
    SilentWith,
    /// Anything else.
    #[error("cannot be spoken to over TLS: {0}")]
    Other(String),
}

/// What was found out about a connection. Cloning shares it; the first thing found out stays.
#[derive(Clone, Debug, Default)]
pub(super) struct Found(Arc<OnceLock<TlsFault>>);

impl Found {
    pub(super) fn get(&self) -> Option<TlsFault> {
        self.0.get().cloned()
    }

    fn note(&self, fault: TlsFault) {
        // Whatever comes later follows from the first.
        _ = self.0.set(fault);
    }

    /// The first bytes from a server that was asked without TLS; none if it closed.
    pub(super) fn first_without(&self, bytes: &[u8]) -> io::Result<()> {
        match bytes.first() {
            Some(&TLS_ALERT) => {
                self.note(TlsFault::SpeaksTls);
                Err(io::Error::other("it speaks TLS"))
            }
            Some(_) => Ok(()),
            None => {
                self.note(TlsFault::SilentWithout);
                Ok(())
            }
        }
    }

    /// A server that was asked without TLS broke the connection off before it said anything.
    pub(super) fn broken_without(&self) {
        self.note(TlsFault::SilentWithout);
    }

    /// A server that was asked with TLS closed before it said anything in it.
    pub(super) fn silent_with(&self) {
        self.note(TlsFault::SilentWith);
    }

    /// A connection with TLS failed; `heard` if the server had said something in it.
    pub(super) fn broken_with(&self, error: &io::Error, heard: bool) {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(error) => self.note(TlsFault::of(error)),
            None if !heard => self.silent_with(),
            None => {}
        }
    }

    /// The handshake failed.
    pub(super) fn handshake(&self, error: &io::Error) {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(error) => self.note(TlsFault::of(error)),
            None => self.note(TlsFault::Other(super::root_cause(error))),
        }
    }
}

impl TlsFault {
    fn of(error: &Error) -> Self {
        use AlertDescription as Alert;
        match error {
            // Its first bytes were no TLS.
            Error::InvalidMessage(_) => Self::SpeaksNoTls,
            Error::NoApplicationProtocol | Error::AlertReceived(Alert::NoApplicationProtocol) => {
                Self::NoHttp2
            }
            Error::AlertReceived(Alert::CertificateRequired) => Self::WantsCertificate,
            Error::AlertReceived(
                alert @ (Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::UnknownCA
                | Alert::AccessDenied
                | Alert::DecryptError),
            ) => Self::RefusesCertificate(format!("{alert:?}")),
            Error::InvalidCertificate(CertificateError::UnknownIssuer) => Self::UnknownIssuer,
            Error::InvalidCertificate(CertificateError::NotValidForNameContext { expected, presented }) => {
                Self::OtherName { expected: expected.to_str().into_owned(), presented: names(presented) }
            }
            Error::InvalidCertificate(error) => Self::Certificate(error.to_string()),
            error => Self::Other(error.to_string()),
        }
    }
}

/// Names as rustls has them, `DnsName("localhost")` and `IpAddress(127.0.0.1)`, for people.
fn names(presented: &[String]) -> String {
    let name = |text: &String| {
        let inner = text.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(text);
        inner.trim_matches('"').to_owned()
    };
    match presented {
        [] => "nobody".to_owned(),
        some => some.iter().map(name).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use rustls::{AlertDescription, CertificateError, Error};

    use super::TlsFault;

    #[test]
    fn what_rustls_says_becomes_what_to_do() {
        let alert = |alert| Error::AlertReceived(alert);
        let other_name = |presented: &[&str]| {
            Error::InvalidCertificate(CertificateError::NotValidForNameContext {
                expected: "a.b".try_into().unwrap(),
                presented: presented.iter().map(|&name| name.to_owned()).collect(),
            })
        };
        for (error, expect) in [
            (
                other_name(&[r#"DnsName("localhost")"#, "IpAddress(127.0.0.1)"]),
                "has a certificate for localhost, 127.0.0.1, not for a.b; if that is right, say --tls-server-name",
            ),
            (
                other_name(&[]),
                "has a certificate for nobody, not for a.b; if that is right, say --tls-server-name",
            ),
            (
                Error::InvalidCertificate(CertificateError::UnknownIssuer),
                "has a certificate of a CA that is not trusted; name that CA with --tls-ca FILE",
            ),
            (
                Error::InvalidCertificate(CertificateError::Revoked),
                "has a certificate that cannot be trusted: Revoked",
            ),
            (
                alert(AlertDescription::CertificateRequired),
                "asks for a client certificate; show one with --tls-cert FILE and --tls-key FILE",
            ),
            (
                alert(AlertDescription::UnknownCA),
                "does not accept the client certificate (UnknownCA); show one of a CA that its --tls-client-ca \
                 names",
            ),
            (
                alert(AlertDescription::NoApplicationProtocol),
                "speaks TLS, but no gRPC there; is that the port of a Destination server?",
            ),
            (
                alert(AlertDescription::InternalError),
                "cannot be spoken to over TLS: received fatal alert: InternalError",
            ),
        ] {
            assert_eq!(TlsFault::of(&error).to_string(), expect);
        }
    }
}
