//! Who a client proved to be: the names in its certificate.
//!
//! Only the names of the SAN extension count, DNS names and SPIFFE IDs. A common name counts for nothing, as
//! everywhere today. That a CA vouches for them is rustls' to find out, before anything here is asked.

use std::{fmt, sync::Arc};

use rustls::ServerConnection;
use rustls_pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::spiffe::SpiffeId;

/// How many names are shown; a certificate may have thousands.
const SHOWN: usize = 3;

/// Who a client proved to be. Shown as its names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// In lower case, without a dot at the end.
    dns: Vec<Box<str>>,
    spiffe: Vec<SpiffeId>,
}

/// A certificate whose names cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the names (subjectAltName) of the certificate cannot be read")]
pub struct BadCertificate;

impl Identity {
    /// The name by which the client is known where one is enough: its first SPIFFE ID, else its first DNS name.
    #[must_use]
    pub fn name(&self) -> Option<Arc<str>> {
        let spiffe = self.spiffe.first().map(|id| Arc::from(id.to_string()));
        spiffe.or_else(|| self.dns.first().map(|name| Arc::from(&**name)))
    }

    /// The names in a certificate, which may be none.
    ///
    /// # Errors
    /// If it is no certificate, or its SAN extension is broken.
    pub fn of_certificate(der: &CertificateDer<'_>) -> Result<Self, BadCertificate> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| BadCertificate)?;
        let mut identity = Self::default();
        let Some(san) = certificate.subject_alternative_name().map_err(|_| BadCertificate)? else {
            return Ok(identity);
        };
        for name in &san.value.general_names {
            match name {
                GeneralName::DNSName(name) => identity.dns.extend(dns_name(name)),
                GeneralName::URI(uri) => identity.spiffe.extend(SpiffeId::parse(uri)),
                _ => {}
            }
        }
        Ok(identity)
    }

    /// Who is at the other end; `None` if it showed no certificate, or one that cannot be read.
    #[must_use]
    pub fn of_connection(connection: &ServerConnection) -> Option<Self> {
        Self::of_certificate(connection.peer_certificates()?.first()?).ok()
    }

    pub(super) fn dns(&self) -> impl Iterator<Item = &str> {
        self.dns.iter().map(|name| &**name)
    }

    pub(super) fn spiffe(&self) -> &[SpiffeId] {
        &self.spiffe
    }
}

/// A DNS name as it is compared: in lower case, without a dot at the end. `None` for what is no name of one host,
/// a wildcard among it.
pub(super) fn dns_name(text: &str) -> Option<Box<str>> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    (name.len() <= 253 && name.split('.').all(label)).then(|| name.to_ascii_lowercase().into())
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.spiffe.len() + self.dns.len();
        if total == 0 {
            return f.write_str("a certificate without DNS names and SPIFFE IDs");
        }
        let names = self.spiffe.iter().map(|id| id as &dyn fmt::Display);
        let names = names.chain(self.dns.iter().map(|name| name as &dyn fmt::Display));
        for (index, name) in names.take(SHOWN).enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{name}")?;
        }
        if total > SHOWN {
            write!(f, " and {} more", total - SHOWN)?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use rcgen::{CertificateParams, CustomExtension, KeyPair, SanType};
    use rustls_pki_types::CertificateDer;

    use super::{BadCertificate, Identity};

    /// What a certificate says that has these names: `spiffe://…` and the like are URIs, all else is DNS.
    pub(in crate::tls) fn identity(names: &[&str]) -> Identity {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names
            .iter()
            .map(|&name| {
                let text = name.try_into().unwrap();
                if name.contains("://") { SanType::URI(text) } else { SanType::DnsName(text) }
            })
            .collect();
        Identity::of_certificate(&certificate(params)).unwrap()
    }

    fn certificate(params: CertificateParams) -> CertificateDer<'static> {
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    #[test]
    fn names_are_dns_and_spiffe() {
        for (names, expect) in [
            (&["Web.Default.", "spiffe://TD/ns/a"][..], "spiffe://td/ns/a, web.default"),
            (&["a", "b", "c", "d", "e"], "a, b, c and 2 more"),
            (
                &["https://example.org/", "*.example.org", "a b", ""],
                "a certificate without DNS names and SPIFFE IDs",
            ),
            (&["spiffe://td/a/../b", "one"], "one"),
            (&[], "a certificate without DNS names and SPIFFE IDs"),
        ] {
            assert_eq!(identity(names).to_string(), expect);
        }
    }

    #[test]
    fn a_common_name_is_no_name() {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, "web.default");
        assert_eq!(Identity::of_certificate(&certificate(params)), Ok(Identity::default()));
    }

    #[test]
    fn what_cannot_be_read_is_nobody() {
        assert_eq!(Identity::of_certificate(&CertificateDer::from(vec![1, 2, 3])), Err(BadCertificate));
        let mut params = CertificateParams::default();
        // An integer where a sequence of names belongs.
        let broken = CustomExtension::from_oid_content(&[2, 5, 29, 17], vec![2, 1, 5]);
        params.custom_extensions.push(broken);
        assert_eq!(Identity::of_certificate(&certificate(params)), Err(BadCertificate));
    }
}
