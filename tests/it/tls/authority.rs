//! A CA of the test's own, the certificates it issues, and files of them.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType, date_time_ymd,
};
use switchyard::tls::Files;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

/// The name of a workload, as Linkerd's identity service writes it.
pub(crate) const WEB: &str = "web.default.serviceaccount.identity.linkerd.cluster.local";

/// A CA.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) cert: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a CA"))
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    /// A certificate with these names: URIs, IP addresses, or else DNS names.
    pub(crate) fn issue(&self, names: &[&str]) -> Pair {
        self.sign(params(names))
    }

    /// One that is over since long.
    pub(crate) fn issue_expired(&self, names: &[&str]) -> Pair {
        let mut params = params(names);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2020, 2, 1);
        self.sign(params)
    }

    /// One for the server, as tests reach it.
    pub(crate) fn server(&self) -> Pair {
        self.issue(&["127.0.0.1", "localhost"])
    }

    fn sign(&self, params: CertificateParams) -> Pair {
        let key = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&key, &self.0).expect("a certificate").pem();
        Pair { cert, key: key.serialize_pem() }
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    let name = |&name: &&str| match name.parse() {
        Ok(ip) => SanType::IpAddress(ip),
        Err(_) if name.contains("://") => SanType::URI(name.try_into().expect("ASCII")),
        Err(_) => SanType::DnsName(name.try_into().expect("ASCII")),
    };
    params.subject_alt_names = names.iter().map(name).collect();
    params
}

impl Pair {
    pub(crate) fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.cert.as_bytes()).expect("PEM")
    }

    pub(crate) fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("PEM")
    }
}

/// A mounted Secret: the files are links through `..data` to the folder of a version, and what changes is that
/// one link.
pub(crate) struct Secret {
    folder: tempfile::TempDir,
    versions: usize,
}

impl Secret {
    /// One that holds a pair, and the CA of clients if there is one.
    pub(crate) fn of(pair: &Pair, client_ca: Option<&Authority>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut secret = Self { folder, versions: 0 };
        for name in ["tls.crt", "tls.key", "ca.crt"] {
            std::os::unix::fs::symlink(format!("..data/{name}"), secret.path(name)).expect("linked");
        }
        secret.swap(pair, client_ca);
        secret
    }

    /// Puts a new version in place, all at once.
    pub(crate) fn swap(&mut self, pair: &Pair, client_ca: Option<&Authority>) {
        self.versions += 1;
        let version = format!("..version-{}", self.versions);
        std::fs::create_dir(self.path(&version)).expect("created");
        self.write(&format!("{version}/tls.crt"), &pair.cert);
        self.write(&format!("{version}/tls.key"), &pair.key);
        if let Some(authority) = client_ca {
            self.write(&format!("{version}/ca.crt"), &authority.pem());
        }
        std::os::unix::fs::symlink(&version, self.path("..data_tmp")).expect("linked");
        std::fs::rename(self.path("..data_tmp"), self.path("..data")).expect("renamed");
    }

    /// Writes one file in place, as no kubelet does.
    pub(crate) fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), content).expect("written");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The same as text, for a command line.
    pub(crate) fn text(&self, name: &str) -> String {
        text(&self.path(name))
    }

    pub(crate) fn files(&self) -> Files {
        let ca = self.path("ca.crt");
        Files { cert: self.path("tls.crt"), key: self.path("tls.key"), client_ca: ca.exists().then_some(ca) }
    }
}

pub(crate) fn text(path: &Path) -> String {
    path.to_str().expect("a test's path is text").to_owned()
}
