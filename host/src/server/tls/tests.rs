use std::fs;
use std::path::Path;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject as _;
use tempfile::TempDir;
use tokio::time::timeout;

use super::*;
use crate::telemetry::Telemetry;
use crate::watch::FileWatch;

struct Pair {
    certificate: String,
    key: String,
}

/// A certificate that ends in the year, so that one is told from another.
fn pair(year: i32) -> Pair {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("params");
    params.not_after = rcgen::date_time_ymd(year, 1, 1);
    let certificate = params.self_signed(&key).expect("a certificate");
    Pair {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    }
}

fn files(folder: &Path) -> Files {
    Files {
        certificate: folder.join("tls.crt"),
        key: folder.join("tls.key"),
        client_ca: None,
    }
}

fn write(folder: &Path, pair: &Pair) {
    fs::write(folder.join("tls.crt"), &pair.certificate).expect("written");
    fs::write(folder.join("tls.key"), &pair.key).expect("written");
}

fn year(tls: &Tls) -> i16 {
    tls.not_after()
        .expect("a certificate")
        .to_zoned(jiff::tz::TimeZone::UTC)
        .year()
}

#[test]
fn a_pair_is_read_and_its_end_known() {
    let folder = TempDir::new().expect("a folder");
    write(folder.path(), &pair(2041));
    let tls = Tls::load(&files(folder.path())).expect("a pair");
    assert_eq!(year(&tls), 2041);
}

#[test]
fn what_is_wrong_with_the_files_is_named() {
    let folder = TempDir::new().expect("a folder");
    let files = files(folder.path());
    let message = || {
        let error = Tls::load(&files).expect_err("must not load").to_string();
        error.replace(&folder.path().display().to_string(), "")
    };
    assert_eq!(
        message(),
        "/tls.crt: it cannot be read: No such file or directory (os error 2)"
    );
    let (one, other) = (pair(2041), pair(2042));
    write(
        folder.path(),
        &Pair {
            certificate: String::new(),
            key: String::new(),
        },
    );
    assert_eq!(
        message(),
        "/tls.crt: no certificate is in it: a block `-----BEGIN CERTIFICATE-----` is expected"
    );
    write(
        folder.path(),
        &Pair {
            certificate: one.certificate.clone(),
            key: one.certificate.clone(),
        },
    );
    assert_eq!(
        message(),
        "/tls.key: no private key is in it: a block `-----BEGIN PRIVATE KEY-----` is expected"
    );
    write(
        folder.path(),
        &Pair {
            certificate: one.certificate,
            key: other.key,
        },
    );
    let message = message();
    assert!(
        message.starts_with("the certificate and the key cannot be used together: "),
        "{message}"
    );
}

/// As kubelet does it: the files are symlinks into `..data`, itself a symlink that is replaced.
fn mount(folder: &Path, version: &str, pair: &Pair) {
    let data = folder.join(version);
    fs::create_dir(&data).expect("a folder");
    write(&data, pair);
    let staged = folder.join("..data_tmp");
    std::os::unix::fs::symlink(version, &staged).expect("a link");
    fs::rename(staged, folder.join("..data")).expect("swapped");
    for name in ["tls.crt", "tls.key"] {
        let link = folder.join(name);
        if fs::symlink_metadata(&link).is_err() {
            std::os::unix::fs::symlink(Path::new("..data").join(name), link).expect("a link");
        }
    }
}

#[tokio::test]
async fn a_mounted_secret_is_reloaded_when_it_is_swapped_and_a_bad_one_is_not() {
    let folder = TempDir::new().expect("a folder");
    mount(folder.path(), "..v1", &pair(2041));
    let files = files(folder.path());
    let (tls, telemetry) = (Tls::load(&files).expect("a pair"), Telemetry::default());
    let watch = FileWatch::new(files.paths(), Duration::from_secs(60));
    tokio::spawn(keep_fresh(tls.clone(), files, watch, telemetry.clone()));

    mount(folder.path(), "..v2", &pair(2042));
    eventually(|| year(&tls) == 2042).await;

    let bad = Pair {
        certificate: pair(2043).certificate,
        key: pair(2043).key,
    };
    mount(folder.path(), "..v3", &bad);
    eventually(|| {
        telemetry
            .encode()
            .contains("rollgate_reload_stale{subject=\"certificate\"} 1")
    })
    .await;
    assert_eq!(year(&tls), 2042);

    mount(folder.path(), "..v4", &pair(2044));
    eventually(|| year(&tls) == 2044).await;
    assert!(
        telemetry
            .encode()
            .contains("rollgate_reload_stale{subject=\"certificate\"} 0")
    );
}

async fn eventually(mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(10), wait)
        .await
        .expect("it comes to hold within ten seconds");
}

#[tokio::test]
async fn with_a_client_ca_a_client_must_show_a_certificate_of_it() {
    let folder = TempDir::new().expect("a folder");
    let (server, client) = (pair(2041), pair(2041));
    write(folder.path(), &server);
    let open = files(folder.path());
    let client_ca = folder.path().join("clients.crt");
    fs::write(&client_ca, &client.certificate).expect("written");
    let strict = Files {
        client_ca: Some(client_ca),
        ..open.clone()
    };
    let open = Tls::load(&open).expect("a pair");
    let strict = Tls::load(&strict).expect("a pair and a CA");
    assert!(handshake(&open, &server, None).await.is_ok());
    assert!(handshake(&strict, &server, Some(&client)).await.is_ok());
    assert!(handshake(&strict, &server, None).await.is_err());
    assert!(
        handshake(&strict, &server, Some(&pair(2041)))
            .await
            .is_err()
    );
}

/// The server's view of a handshake with a client that shows this pair, or none.
async fn handshake(tls: &Tls, server: &Pair, client: Option<&Pair>) -> std::io::Result<()> {
    let certificate = |pair: &Pair| CertificateDer::from_pem_slice(pair.certificate.as_bytes());
    let mut roots = RootCertStore::empty();
    roots
        .add(certificate(server).expect("PEM"))
        .expect("a root");
    let config =
        rustls::ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots);
    let config = match client {
        None => config.with_no_client_auth(),
        Some(pair) => {
            let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("PEM");
            let chain = vec![certificate(pair).expect("PEM")];
            config.with_client_auth_cert(chain, key).expect("a pair")
        }
    };
    let (near, far) = tokio::io::duplex(64 << 10);
    let name = ServerName::try_from("localhost").expect("a name");
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let (server, _client) = tokio::join!(
        tls.acceptor().expect("a certificate").accept(near),
        connector.connect(name, far)
    );
    server.map(|_| ())
}
