//! Files that cannot be used, and what is said of them.

use switchyard::tls::Tls;

use super::authority::{Authority, Secret, WEB};

/// What is said when one of the files holds this.
fn error(file: &str, content: &str) -> String {
    let ca = Authority::new("ca");
    let secret = Secret::of(&ca.server(), Some(&ca));
    secret.write(file, content);
    let error = Tls::open(secret.files()).expect_err("it cannot be used").to_string();
    // Where it is is part of it.
    assert!(error.contains(&secret.text(file)), "{error}");
    error.replace(&secret.text(file), "FILE").replace(&secret.text("tls.crt"), "CERT")
}

#[test]
fn errors_name_the_flag_and_the_file_and_say_what_would_be_right() {
    let pair = Authority::new("ca").issue(&[WEB]);
    let half = |text: &str| text[..text.len() / 2].to_owned();
    let no_base64 = "-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n";
    let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let strange = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    for (file, content, expect) in [
        (
            "tls.crt",
            String::new(),
            "--tls-cert FILE: there is no certificate in it; expected PEM, which begins",
        ),
        ("tls.crt", pair.key.clone(), "--tls-cert FILE: there is no certificate in it"),
        ("tls.crt", half(&pair.cert), "--tls-cert FILE: it ends in the middle; expected an -----END line"),
        ("tls.crt", no_base64.into(), "--tls-cert FILE: it is no valid PEM; expected base64"),
        ("tls.crt", no_certificate.into(), "--tls-cert FILE: number 1 of its certificates is none; write"),
        (
            "tls.crt",
            pair.cert.clone() + no_certificate,
            "--tls-cert FILE: number 2 of its certificates is none; write each as your CA gave it",
        ),
        (
            "tls.key",
            pair.key.clone(),
            "--tls-key FILE: it is not the key of the first certificate in CERT; write both as they were made",
        ),
        ("tls.key", pair.cert.clone(), "--tls-key FILE: there is no private key in it; expected PEM"),
        ("tls.key", half(&pair.key), "--tls-key FILE: it ends in the middle"),
        ("tls.key", encrypted.into(), "--tls-key FILE: the key is encrypted; write it without a passphrase"),
        (
            "tls.key",
            strange.into(),
            "--tls-key FILE: its key cannot be used; expected RSA of 2048 bits or more",
        ),
        ("ca.crt", "nothing".into(), "--tls-client-ca FILE: there is no certificate in it"),
        (
            "ca.crt",
            "x".repeat(2 << 20),
            "--tls-client-ca FILE: cannot be read: expected at most 1048576 bytes",
        ),
    ] {
        let said = error(file, &content);
        assert!(said.starts_with(expect), "{expect}: {said}");
    }
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let ca = Authority::new("ca");
    let secret = Secret::of(&ca.server(), None);
    let mut files = secret.files();
    for (path, expect) in [("missing", "No such file"), ("..data", "expected a regular file")] {
        files.key = secret.path(path);
        let error = Tls::open(files.clone()).expect_err("no file").to_string();
        assert!(error.contains("--tls-key ") && error.contains(expect), "{error}");
    }
}
