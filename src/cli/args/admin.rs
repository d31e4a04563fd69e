//! The flags about the admin port: who may see what there, and how commands ask it.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use clap::{Args, builder::BoolishValueParser};
use rustls_pki_types::ServerName;
use tokio::net::lookup_host;

use super::parse;
use crate::{
    admin::Token,
    cli::exit::Failure,
    client::{AdminClient, AdminError, ClientTls, HostPort},
    tls::Pattern,
};

/// Who may see the cluster at the admin port of a server.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Admin port")]
pub struct AdminAccessArgs {
    /// Show the cluster only to readers with the token in this file
    ///
    /// Without it only this machine is shown streams, warnings, derivations and the page. The file has one line of 16
    /// to
    /// 8192 printable characters, such as `openssl rand -hex 32` writes, and is read again when it changes. Readers
    /// send
    /// it as `Authorization: Bearer <token>`; the page asks for it.
    #[arg(long, env = "SWITCHYARD_ADMIN_TOKEN_FILE", value_name = "FILE")]
    pub admin_token_file: Option<PathBuf>,

    /// Speak TLS at the admin port too, with --tls-cert
    ///
    /// A client certificate is not needed there, for probes have none.
    #[arg(long, env = "SWITCHYARD_ADMIN_TLS", requires = "tls_cert", value_parser = BoolishValueParser::new())]
    pub admin_tls: bool,

    /// Show the cluster to clients with these names
    ///
    /// The names are those of the client's certificate. Comma separated, as --allow-clients; `*` for all with a
    /// certificate of --tls-client-ca.
    #[arg(
        long,
        env = "SWITCHYARD_ADMIN_ALLOW_CLIENTS",
        value_name = "NAMES",
        value_delimiter = ',',
        requires_all = ["admin_tls", "tls_client_ca"]
    )]
    pub admin_allow_clients: Vec<Pattern>,
}

/// How to ask the admin port of a server.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Admin port")]
pub struct AdminArgs {
    /// The admin port of the server to ask, as host:port; of several servers, with commas between
    #[arg(long, env = "SWITCHYARD_ADMIN", value_name = "HOST:PORT", value_delimiter = ',', default_value = "127.0.0.1:9996", value_parser = parse::server)]
    pub admin: Vec<HostPort>,

    /// Show the server the token in this file
    #[arg(long, env = "SWITCHYARD_ADMIN_TOKEN_FILE", value_name = "FILE")]
    pub admin_token_file: Option<PathBuf>,

    /// How long to wait for the connection and the head of the answer; 0 waits for ever
    #[arg(long, env = "SWITCHYARD_TIMEOUT", value_name = "DURATION", default_value = "10s", value_parser = parse::duration)]
    pub timeout: Duration,

    /// Speak TLS, and trust the CAs of this system
    #[arg(long, env = "SWITCHYARD_ADMIN_TLS", value_parser = BoolishValueParser::new())]
    pub admin_tls: bool,

    /// Speak TLS, and trust the CAs in this file (PEM) and no others
    #[arg(long, env = "SWITCHYARD_ADMIN_TLS_CA", value_name = "FILE")]
    pub admin_tls_ca: Option<PathBuf>,

    /// The certificate to show a server that lets some in by theirs (PEM)
    #[arg(long, env = "SWITCHYARD_ADMIN_TLS_CERT", value_name = "FILE", requires = "admin_tls_key")]
    pub admin_tls_cert: Option<PathBuf>,

    /// The private key of that certificate (PEM, without a passphrase)
    #[arg(long, env = "SWITCHYARD_ADMIN_TLS_KEY", value_name = "FILE", requires = "admin_tls_cert")]
    pub admin_tls_key: Option<PathBuf>,

    /// The name that the server's certificate must have, if it is not the host that is asked
    #[arg(long, env = "SWITCHYARD_ADMIN_TLS_SERVER_NAME", value_name = "NAME", value_parser = parse::server_name)]
    pub admin_tls_server_name: Option<ServerName<'static>>,
}

impl AdminArgs {
    /// The one server to ask.
    pub(in crate::cli) fn open(&self) -> Result<AdminClient, Failure> {
        match &self.admin[..] {
            [addr] => Ok(self.opener()?(addr)),
            _ => Err(Failure::Usage("this asks one server: name one in --admin".to_owned())),
        }
    }

    /// All servers that are named, and all that have a name if there are several of one.
    pub(in crate::cli) async fn open_all(&self, all_of_a_name: bool) -> Result<Vec<AdminClient>, Failure> {
        let opener = self.opener()?;
        if !all_of_a_name {
            return Ok(self.admin.iter().map(opener).collect());
        }
        let mut addrs = BTreeSet::new();
        for addr in self.admin.iter().map(HostPort::to_dial) {
            let found = lookup_host((addr.host.as_str(), addr.port)).await.map(Vec::from_iter);
            match found {
                Ok(found) => addrs.extend(found),
                Err(error) => return Err(AdminError::Connect { addr, why: error.to_string() }.into()),
            }
        }
        Ok(addrs.into_iter().map(|addr| opener(&HostPort::new(addr.ip().to_string(), addr.port()))).collect())
    }

    fn opener(&self) -> Result<impl Fn(&HostPort) -> AdminClient, Failure> {
        let Self {
            admin: _,
            admin_token_file,
            timeout,
            admin_tls,
            admin_tls_ca,
            admin_tls_cert,
            admin_tls_key,
            admin_tls_server_name,
        } = self;
        let wants_tls = *admin_tls
            || admin_tls_ca.is_some()
            || admin_tls_cert.is_some()
            || admin_tls_server_name.is_some();
        let identity = admin_tls_cert.as_deref().zip(admin_tls_key.as_deref());
        let open = || ClientTls::open(admin_tls_ca.as_deref(), identity, admin_tls_server_name.clone());
        let tls = if wants_tls { Some(open()?) } else { None };
        let token = admin_token_file.as_deref().map(Token::open).transpose()?;
        let timeout = *timeout;
        Ok(move |addr: &HostPort| AdminClient::new(addr, tls.clone(), token.clone(), timeout))
    }
}
