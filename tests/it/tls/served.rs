//! The whole server over TLS, and the commands that ask it.

use std::{path::Path, time::Duration};

use switchyard::{
    client::{Client, ClientTls, HostPort},
    pb::destination::{Update, update},
};
use tempfile::TempDir;
use tokio::time::sleep;
use tonic::{Code, Streaming};

use super::authority::{Authority, Pair, Secret, WEB, text};
use crate::server::{Binary, PATIENCE, copy_of_bookinfo, next, switchyard};

const REVIEWS: &str = "reviews.default.svc.cluster.local:9080";

/// A server of the example with the files of this secret; and more flags.
async fn serve(manifests: &TempDir, secret: &Secret, flags: &[&str]) -> Binary {
    let (cert, key, ca) = (secret.text("tls.crt"), secret.text("tls.key"), secret.text("ca.crt"));
    let mut all = vec!["--tls-cert", &cert, "--tls-key", &key];
    if secret.path("ca.crt").exists() {
        all.extend(["--tls-client-ca", &ca]);
    }
    Binary::serve_with(manifests.path(), &[&all, flags].concat()).await
}

/// What a client has in files: whom it trusts, and who it is.
struct Known {
    folder: TempDir,
}

impl Known {
    fn of(trusted: &Authority, shown: Option<&Pair>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write =
            |name: &str, content: &str| std::fs::write(folder.path().join(name), content).expect("written");
        write("ca.pem", &trusted.pem());
        if let Some(pair) = shown {
            write("cert.pem", &pair.cert);
            write("key.pem", &pair.key);
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        text(&self.folder.path().join(name))
    }

    /// The flags of a command.
    fn flags(&self) -> Vec<String> {
        let mut flags = vec!["--tls-ca".to_owned(), self.path("ca.pem")];
        if Path::new(&self.path("cert.pem")).exists() {
            flags.extend([
                "--tls-cert".into(),
                self.path("cert.pem"),
                "--tls-key".into(),
                self.path("key.pem"),
            ]);
        }
        flags
    }

    async fn connect(&self, server: &Binary) -> Client {
        let (cert, key) = (self.path("cert.pem"), self.path("key.pem"));
        let identity = Path::new(&cert).exists().then_some((cert.as_ref(), key.as_ref()));
        let tls = ClientTls::open(Some(self.path("ca.pem").as_ref()), identity, None).expect("good files");
        let addr = HostPort::new("127.0.0.1", server.grpc.port());
        Client::connect_with(&addr, Some(&tls), PATIENCE).await.expect("connected")
    }
}

/// Exit code, stdout and stderr of `switchyard get`, with the port left out.
async fn get(server: &Binary, flags: &[String]) -> (i32, String, String) {
    let addr = server.grpc.to_string();
    let mut args = vec!["get", REVIEWS, "--once", "--addr", &addr];
    args.extend(flags.iter().map(String::as_str));
    let output = switchyard(&args).output().await.expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text").replace(&addr, "ADDR");
    (output.status.code().expect("an exit code"), text(output.stdout), text(output.stderr))
}

/// `get` that must fail with this.
async fn fails(server: &Binary, flags: &[String], expect: &str) {
    let (code, out, error) = get(server, flags).await;
    assert_eq!((code, out.as_str()), (1, ""), "{error}");
    assert!(error.starts_with(&format!("error: the server at ADDR {expect}")), "{expect}: {error}");
}

async fn reviews(client: &Client) -> Streaming<Update> {
    client.get(REVIEWS, "").await.expect("the stream opens")
}

#[tokio::test]
async fn files_that_cannot_be_used_are_said_at_the_start() {
    let ca = Authority::new("ca");
    let secret = Secret::of(&Pair { key: ca.server().key, ..ca.server() }, None);
    let manifests = copy_of_bookinfo();
    let (folder, cert, key) = (text(manifests.path()), secret.text("tls.crt"), secret.text("tls.key"));
    let fixed = ["serve", "--manifests", &folder, "--addr", "127.0.0.1:0", "--metrics-addr", "127.0.0.1:0"];
    let output = switchyard(&[&fixed[..], &["--tls-cert", &cert, "--tls-key", &key]].concat()).output().await;
    let output = output.expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).expect("text");
    let expect =
        format!("error: --tls-key {key}: it is not the key of the first certificate in {cert}; write");
    assert!(error.contains(&expect), "{error}");
}

#[tokio::test]
async fn a_server_without_tls_says_so_to_who_speaks_it() {
    let manifests = copy_of_bookinfo();
    let server = Binary::serve(manifests.path()).await;
    let known = Known::of(&Authority::new("ca"), None);
    for _ in 0..10 {
        fails(&server, &known.flags(), "speaks no TLS; ask it without the --tls flags").await;
    }
}

#[tokio::test]
async fn the_commands_speak_tls_and_say_what_is_wrong_with_it() {
    let ca = Authority::new("ca");
    let manifests = copy_of_bookinfo();
    let secret = Secret::of(&ca.server(), None);
    let server = serve(&manifests, &secret, &[]).await;

    let known = Known::of(&ca, None);
    let (code, out, error) = get(&server, &known.flags()).await;
    assert_eq!((code, error.as_str()), (0, ""));
    assert_eq!(out.matches("50.00 %").count(), 2, "{out}");

    let named = |name: &str| [known.flags(), vec!["--tls-server-name".into(), name.into()]].concat();
    assert_eq!(get(&server, &named("localhost")).await.0, 0);
    let namesake = Known::of(&Authority::new("ca"), None);
    let another = Known::of(&Authority::new("another"), None);
    for (flags, expect) in [
        (vec![], "speaks TLS; ask it with --tls-ca FILE"),
        (namesake.flags(), "has a certificate that cannot be trusted: "),
        (another.flags(), "has a certificate of a CA that is not trusted; name that CA with --tls-ca FILE"),
        (
            named("example.org"),
            "has a certificate for 127.0.0.1, localhost, not for example.org; if that is right",
        ),
    ] {
        for _ in 0..10 {
            fails(&server, &flags, expect).await;
        }
    }
}

#[tokio::test]
async fn who_has_no_certificate_that_counts_is_told_what_is_missing() {
    let (ca, clients) = (Authority::new("ca"), Authority::new("clients"));
    let manifests = copy_of_bookinfo();
    let secret = Secret::of(&ca.server(), Some(&clients));
    let server = serve(&manifests, &secret, &[]).await;

    let known = |pair: Option<&Pair>| Some(Known::of(&ca, pair));
    let fine = Known::of(&ca, Some(&clients.issue(&[WEB])));
    assert_eq!(get(&server, &fine.flags()).await.0, 0);
    for (known, expect) in [
        (None, "speaks TLS; ask it with --tls-ca FILE"),
        (known(None), "asks for a client certificate; show one with --tls-cert FILE and --tls-key FILE"),
        (
            known(Some(&ca.issue(&[WEB]))),
            "does not accept the client certificate (UnknownCA); show one of a CA",
        ),
        (
            known(Some(&clients.issue_expired(&[WEB]))),
            "does not accept the client certificate (CertificateExpired); show one of a CA",
        ),
    ] {
        let flags = known.as_ref().map(Known::flags).unwrap_or_default();
        // More than once: who hears of the end first, reading or writing, is a matter of luck.
        for _ in 0..10 {
            fails(&server, &flags, expect).await;
        }
    }
}

#[tokio::test]
async fn only_clients_that_are_named_may_ask() {
    let ca = Authority::new("ca");
    let manifests = copy_of_bookinfo();
    let secret = Secret::of(&ca.server(), Some(&ca));
    let allow = "*.default.serviceaccount.identity.linkerd.cluster.local,spiffe://td/ns/a/*";
    let server = serve(&manifests, &secret, &["--allow-clients", allow]).await;

    for names in [&[WEB][..], &["spiffe://td/ns/a/sa/b"], &["nobody", WEB]] {
        let known = Known::of(&ca, Some(&ca.issue(names)));
        let (code, _, error) = get(&server, &known.flags()).await;
        assert_eq!((code, error.as_str()), (0, ""), "{names:?}");
    }
    for (names, said) in [
        (&["web.other.serviceaccount.identity.linkerd.cluster.local"][..], None),
        (&["spiffe://td/ns/ab/sa/b"], None),
        (&[], Some("a certificate without DNS names and SPIFFE IDs")),
    ] {
        let said = said.unwrap_or_else(|| names[0]);
        let known = Known::of(&ca, Some(&ca.issue(names)));
        let refused = format!(
            "refused the request: PERMISSION_DENIED: {said} may not ask here: the server's --allow-clients does \
             not name it"
        );
        fails(&server, &known.flags(), &refused).await;
        // Every request of the connection, whatever it is for.
        let client = known.connect(&server).await;
        for _ in 0..2 {
            assert_eq!(client.get(REVIEWS, "").await.expect_err("refused").code(), Code::PermissionDenied);
            let profile = client.get_profile(REVIEWS, "").await;
            assert_eq!(profile.expect_err("refused").code(), Code::PermissionDenied);
        }
    }
}

#[tokio::test]
async fn a_new_certificate_ends_no_stream() {
    let (ca, next_ca) = (Authority::new("ca"), Authority::new("next"));
    let manifests = copy_of_bookinfo();
    let mut secret = Secret::of(&ca.server(), None);
    let server = serve(&manifests, &secret, &[]).await;
    let (known, next_known) = (Known::of(&ca, None), Known::of(&next_ca, None));
    let mut stream = reviews(&known.connect(&server).await).await;
    next(&mut stream).await;

    secret.swap(&next_ca.server(), None);
    while server.metric("switchyard_tls_reloads_total").await == 0 {
        // The server looks at its files in real time, and says only here that it has.
        sleep(Duration::from_millis(50)).await;
    }

    // New connections get the new one ...
    fails(&server, &known.flags(), "has a certificate of a CA that is not trusted").await;
    assert_eq!(get(&server, &next_known.flags()).await.0, 0);
    // ... and the stream that was open goes on.
    std::fs::remove_file(manifests.path().join("split.yaml")).expect("removed");
    let message = next(&mut stream).await;
    assert!(matches!(message.update, Some(update::Update::Add(set)) if set.addrs.len() == 3));
}

#[tokio::test]
async fn a_server_that_stops_says_so_over_tls_too() {
    let ca = Authority::new("ca");
    let manifests = copy_of_bookinfo();
    let secret = Secret::of(&ca.server(), None);
    let mut server = serve(&manifests, &secret, &["--drain-window", "100ms"]).await;
    let mut stream = reviews(&Known::of(&ca, None).connect(&server).await).await;
    next(&mut stream).await;

    server.signal("TERM").await;

    let end =
        tokio::time::timeout(PATIENCE, stream.message()).await.expect("it ends").expect_err("with a status");
    assert_eq!(end.code(), Code::Unavailable);
    assert!(server.ended().await.success());
}

#[tokio::test]
async fn whoever_is_found_behind_a_name_proves_to_be_of_that_name() {
    let ca = Authority::new("ca");
    let manifests = copy_of_bookinfo();
    let secret = Secret::of(&ca.issue(&["localhost"]), None);
    let server = serve(&manifests, &secret, &[]).await;
    let trusted = Known::of(&ca, None);
    let known = trusted.flags();

    for (host, expect) in
        [("localhost", "nothing to compare: only 1 replica answers: 2 endpoints"), ("127.0.0.1", "")]
    {
        let addr = format!("{host}:{}", server.grpc.port());
        let mut args = vec!["diff", REVIEWS, "--all", "--addr", &addr];
        args.extend(known.iter().map(String::as_str));
        let output = switchyard(&args).output().await.expect("it runs");
        let (out, error) = [output.stdout, output.stderr].map(|t| String::from_utf8(t).expect("text")).into();
        // A machine may have other addresses by that name, where nobody is.
        assert!(out.starts_with(expect) && out.is_empty() == expect.is_empty(), "{host}: {out}{error}");
        assert_eq!(error.contains("certificate"), expect.is_empty(), "{host}: {error}");
    }
}
