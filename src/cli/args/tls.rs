//! The flags about TLS: of `switchyard serve`, and of the commands that ask a server.

use std::path::PathBuf;

use clap::{Args, builder::BoolishValueParser};
use rustls_pki_types::ServerName;

use super::parse;
use crate::{
    client::{BadTls, ClientTls},
    tls::{AllowClients, Files, Pattern},
};

/// Who may ask the server, and how they know it.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "TLS")]
pub struct TlsArgs {
    /// Serve gRPC over TLS with these certificates (PEM)
    ///
    /// The file has the server's certificate, then those up to its CA. The file is read again when it changes, as
    /// --tls-key and --tls-client-ca are: new connections get the new
    /// certificate, open ones stay. Files that do not fit together change nothing, and are warned of.
    #[arg(long, env = "SWITCHYARD_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The private key of that certificate (PEM, without a passphrase)
    #[arg(long, env = "SWITCHYARD_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Let in only clients with a certificate of these CAs (PEM)
    ///
    /// Connections that are open when a CA is taken out of the file stay open.
    #[arg(long, env = "SWITCHYARD_TLS_CLIENT_CA", value_name = "FILE", requires = "tls_cert")]
    pub tls_client_ca: Option<PathBuf>,

    /// Answer only clients with these names in their certificate
    ///
    /// Without it all clients that are let in are answered. Comma separated: DNS names (Linkerd's are like
    /// web.default.serviceaccount.identity.linkerd.cluster.local), *.suffix for all that end so,
    /// spiffe://trust-domain/path, spiffe://trust-domain/path/* for all below, or * for all that have a
    /// certificate. Others are told PERMISSION_DENIED.
    #[arg(
        long,
        env = "SWITCHYARD_ALLOW_CLIENTS",
        value_name = "NAMES",
        value_delimiter = ',',
        requires = "tls_client_ca"
    )]
    pub allow_clients: Vec<Pattern>,
}

impl TlsArgs {
    /// The files to serve with, and who of those let in may ask; no files if TLS is off.
    #[must_use]
    pub fn into_parts(self) -> (Option<Files>, AllowClients) {
        // A flag that nobody uses does not compile.
        let Self { tls_cert, tls_key, tls_client_ca, allow_clients } = self;
        let files = tls_cert.zip(tls_key).map(|(cert, key)| Files { cert, key, client_ca: tls_client_ca });
        (files, allow_clients.into_iter().collect())
    }
}

/// How to ask a server that speaks TLS.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "TLS")]
pub struct AskTlsArgs {
    /// Speak TLS, and trust the CAs of this system; any other flag here means TLS too
    #[arg(long, env = "SWITCHYARD_TLS", value_parser = BoolishValueParser::new())]
    pub tls: bool,

    /// Speak TLS, and trust the CAs in this file (PEM) and no others
    #[arg(long, env = "SWITCHYARD_TLS_CA", value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,

    /// The certificate to show a server that asks who you are (PEM), with those up to its CA
    #[arg(long, env = "SWITCHYARD_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The private key of that certificate (PEM, without a passphrase)
    #[arg(long, env = "SWITCHYARD_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// The name that the server's certificate must have, if it is not the host of --addr
    ///
    /// For example linkerd-destination.linkerd.serviceaccount.identity.linkerd.cluster.local, or what you
    /// reach through a port that is forwarded.
    #[arg(long, env = "SWITCHYARD_TLS_SERVER_NAME", value_name = "NAME", value_parser = parse::server_name)]
    pub tls_server_name: Option<ServerName<'static>>,
}

impl AskTlsArgs {
    /// How to speak TLS; `None` for without.
    pub(in crate::cli) fn open(&self) -> Result<Option<ClientTls>, BadTls> {
        let Self { tls, tls_ca, tls_cert, tls_key, tls_server_name } = self;
        if !tls && tls_ca.is_none() && tls_cert.is_none() && tls_server_name.is_none() {
            return Ok(None);
        }
        let identity = tls_cert.as_deref().zip(tls_key.as_deref());
        ClientTls::open(tls_ca.as_deref(), identity, tls_server_name.clone()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser;

    use super::{AskTlsArgs, TlsArgs};
    use crate::cli::{Cli, Command};

    fn parse(line: &str) -> Result<Command, String> {
        let line = format!("switchyard {line}");
        Cli::try_parse_from(line.split_whitespace()).map(|cli| cli.command).map_err(|error| error.to_string())
    }

    fn serve(flags: &str) -> Result<TlsArgs, String> {
        match parse(&format!("serve {flags}"))? {
            Command::Serve(args) => Ok(args.tls),
            other => Err(format!("{other:?}")),
        }
    }

    fn get(flags: &str) -> Result<AskTlsArgs, String> {
        match parse(&format!("get a.b.svc.cluster.local {flags}"))? {
            Command::Get(args) => Ok(args.server.tls),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn without_flags_there_is_no_tls_and_everybody_may_ask() {
        let (files, allow) = serve("").unwrap().into_parts();
        assert!(files.is_none() && allow.permits(None));
        assert!(get("").unwrap().open().unwrap().is_none());
    }

    #[test]
    fn each_flag_is_heard() {
        let flags =
            "--tls-cert c --tls-key k --tls-client-ca a --allow-clients *.b,spiffe://td/x --allow-clients d";
        let args = serve(flags).unwrap();
        assert_eq!(args.allow_clients.len(), 3);
        let (files, allow) = args.into_parts();
        let files = files.unwrap();
        assert_eq!((files.cert.as_path(), files.key.as_path()), (Path::new("c"), Path::new("k")));
        assert_eq!(files.client_ca.as_deref(), Some(Path::new("a")));
        assert!(!allow.permits(None));
    }

    #[test]
    fn what_makes_no_sense_alone_says_what_is_missing() {
        for (flags, missing) in [
            ("--tls-cert c", "--tls-key <FILE>"),
            ("--tls-key k", "--tls-cert <FILE>"),
            ("--tls-client-ca a", "--tls-cert <FILE>"),
            ("--allow-clients *", "--tls-client-ca <FILE>"),
            ("--tls-cert c --tls-key k --allow-clients a.b", "--tls-client-ca <FILE>"),
        ] {
            let error = serve(flags).unwrap_err();
            assert!(error.contains("required") && error.contains(missing), "{flags}: {error}");
        }
        let error = get("--tls-cert c").unwrap_err();
        assert!(error.contains("--tls-key <FILE>"), "{error}");
    }

    #[test]
    fn errors_say_what_would_be_right() {
        for (flags, expect) in [
            ("--allow-clients=", "one of the names is empty; write a DNS name, *.suffix"),
            ("--allow-clients=a.b,,c.d", "one of the names is empty"),
            ("--allow-clients a.*.b", "a * stands only at the beginning"),
        ] {
            let error = serve(flags).unwrap_err();
            assert!(error.contains(expect), "{flags}: {error}");
        }
        let error = get("--tls-server-name a..b").unwrap_err();
        assert!(error.contains("write a DNS name or an IP address"), "{error}");
    }

    #[test]
    fn every_flag_of_a_client_means_tls() {
        for flags in ["--tls-ca none", "--tls-cert none --tls-key none --tls-ca none"] {
            let error = get(flags).unwrap().open().unwrap_err().to_string();
            assert!(error.starts_with("--tls-ca none: cannot be read: "), "{error}");
        }
    }
}
