//! Who is who: a certificate authority for this one cluster, and what it signs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use serde_json::{Value, json};

/// The group that may do everything.
pub(crate) const ADMINS: &str = "system:masters";

/// The authority, and the folder that has all it signed.
pub(crate) struct Keys {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl Keys {
    /// A new authority, the certificate of the API server (`server.crt`, `server.key`) and the key that signs
    /// the tokens of service accounts (`accounts.key`, `accounts.pub`).
    pub(crate) fn generate(folder: &Path) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut ca = named("switchyard-test", None);
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let certificate = ca.self_signed(&key).expect("a certificate");
        write(&folder.join("ca.crt"), &certificate.pem());
        let keys = Self { folder: folder.to_owned(), issuer: Issuer::new(ca, key) };

        let mut server = CertificateParams::new(["127.0.0.1", "localhost"].map(String::from))
            .expect("an address and a name");
        server.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        keys.sign(&server, "server");
        let accounts = KeyPair::generate().expect("a key");
        write(&folder.join("accounts.key"), &accounts.serialize_pem());
        write(&folder.join("accounts.pub"), &accounts.public_key_pem());
        keys
    }

    /// A kubeconfig with the certificate of a user, who may be in a group.
    pub(crate) fn kubeconfig(&self, server: &str, user: &str, group: Option<&str>) -> PathBuf {
        let mut client = named(user, group);
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let name = user.replace(':', "-");
        self.sign(&client, &name);
        let file = |end: &str| self.path(&format!("{name}.{end}"));
        self.write_kubeconfig(
            server,
            &name,
            &json!({ "client-certificate": file("crt"), "client-key": file("key") }),
        )
    }

    /// A kubeconfig of whoever has the token.
    pub(crate) fn kubeconfig_of(&self, server: &str, name: &str, token: &str) -> PathBuf {
        self.write_kubeconfig(server, name, &json!({ "token": token }))
    }

    /// The path of one of the files.
    pub(crate) fn path(&self, file: &str) -> String {
        self.folder.join(file).to_string_lossy().into_owned()
    }

    fn sign(&self, params: &CertificateParams, name: &str) {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        write(&self.folder.join(format!("{name}.crt")), &certificate.pem());
        write(&self.folder.join(format!("{name}.key")), &key.serialize_pem());
    }

    /// JSON is YAML, so a kubeconfig may be JSON.
    fn write_kubeconfig(&self, server: &str, name: &str, user: &Value) -> PathBuf {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "test", "cluster": {
                "server": server, "certificate-authority": self.path("ca.crt"),
            }}],
            "users": [{ "name": name, "user": user }],
            "contexts": [{ "name": "test", "context": { "cluster": "test", "user": name } }],
            "current-context": "test",
        });
        let path = self.folder.join(format!("{name}.kubeconfig"));
        write(&path, &config.to_string());
        path
    }
}

fn named(name: &str, group: Option<&str>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    if let Some(group) = group {
        params.distinguished_name.push(DnType::OrganizationName, group);
    }
    params
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
