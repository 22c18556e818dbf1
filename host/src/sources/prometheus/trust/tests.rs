use std::time::Duration;

use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use super::super::failure::tls_words;
use super::*;

/// 2026-03-02T10:00:00Z
const NOW: u64 = 1_772_445_600;

struct Made {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A self-signed certificate for these names, valid through 2026.
fn made(names: &[&str], is_ca: IsCa) -> Made {
    let params = params(names, is_ca);
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    Made {
        certificate,
        issuer: Issuer::new(params, key),
    }
}

fn params(names: &[&str], is_ca: IsCa) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.is_ca = is_ca;
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2026, 12, 31);
    params
        .distinguished_name
        .push(DnType::CommonName, "localhost");
    params
}

fn authority() -> IsCa {
    IsCa::Ca(BasicConstraints::Unconstrained)
}

/// What is told of a certificate for `localhost`, where these are named.
fn told(named: &[&Certificate], shown: &Certificate, at: u64) -> Result<(), String> {
    let named = named.iter().map(|named| named.der().clone()).collect();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Verifier::naming(named, &provider).expect("a verifier");
    let name = ServerName::try_from("localhost").expect("a name");
    let now = UnixTime::since_unix_epoch(Duration::from_secs(at));
    let verified = verifier.verify_server_cert(shown.der(), &[], &name, &[], now);
    verified.map(|_| ()).map_err(|error| tls_words(&error))
}

#[test]
fn named_self_signed_certificate_is_trusted_whether_ca_or_not() {
    for is_ca in [authority(), IsCa::NoCa, IsCa::ExplicitNoCa] {
        let server = made(&["localhost"], is_ca).certificate;
        assert_eq!(told(&[&server], &server, NOW), Ok(()));
    }
}

#[test]
fn certificate_signed_by_a_named_ca_is_trusted() {
    let authority = made(&[], authority());
    let key = KeyPair::generate().expect("a key");
    let params = params(&["localhost"], IsCa::NoCa);
    let server = params.signed_by(&key, &authority.issuer).expect("signed");
    assert_eq!(told(&[&authority.certificate], &server, NOW), Ok(()));
}

#[test]
fn unnamed_self_signed_certificate_is_refused() {
    let other = made(&["localhost"], authority()).certificate;
    for is_ca in [authority(), IsCa::NoCa] {
        let server = made(&["localhost"], is_ca).certificate;
        let why = told(&[&other], &server, NOW).expect_err("it is not named");
        assert!(
            why.contains("its authority is not trusted: set ca or caFile"),
            "{why}"
        );
    }
}

#[test]
fn named_certificate_is_trusted_only_for_its_names_and_its_validity() {
    let server = made(&["prometheus"], authority()).certificate;
    let why = told(&[&server], &server, NOW).expect_err("another name");
    assert!(why.contains("it is made for another name"), "{why}");

    let server = made(&["localhost"], authority()).certificate;
    let year = 365 * 24 * 3_600;
    let why = told(&[&server], &server, NOW + year).expect_err("expired");
    assert!(why.contains("it has expired"), "{why}");
    let why = told(&[&server], &server, NOW - year).expect_err("too early");
    assert!(why.contains("it is not valid yet"), "{why}");
}

#[test]
fn certificate_with_its_host_in_the_common_name_only_is_reported() {
    for is_ca in [authority(), IsCa::NoCa] {
        let server = made(&[], is_ca).certificate;
        let why = told(&[&server], &server, NOW).expect_err("no name");
        assert!(why.contains("it names no host in subjectAltName"), "{why}");
    }
}

#[test]
fn intermediate_ca_is_refused_as_a_server_certificate() {
    let root = made(&[], authority());
    let key = KeyPair::generate().expect("a key");
    let mut params = params(&["localhost"], authority());
    params
        .distinguished_name
        .push(DnType::CommonName, "an authority below");
    let below = params.signed_by(&key, &root.issuer).expect("signed");
    let why = told(&[&root.certificate], &below, NOW).expect_err("an authority");
    assert!(why.contains("CA:TRUE"), "{why}");
    assert_eq!(
        told(&[&below], &below, NOW),
        Ok(()),
        "where it is named itself"
    );
}
