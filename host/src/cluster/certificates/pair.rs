//! Certificates: in PEM, and together with the CA that signed them and their key.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use crate::server::tls::{Identity, TlsError};

/// How far the clock of an API server may be behind.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// A certificate and its PEM block. Equality ignores the text.
#[derive(Clone, Debug)]
pub(in crate::cluster) struct Certificate {
    pem: String,
    der: CertificateDer<'static>,
}

impl Certificate {
    /// Parses all certificates in a text, and skips everything else.
    pub(in crate::cluster) fn parse_all(text: &str) -> Vec<Self> {
        let blocks = text.split_inclusive(END);
        blocks.filter_map(Self::at_the_end).collect()
    }

    pub(in crate::cluster) fn to_pem(certificates: &[Self]) -> String {
        certificates.iter().map(|one| one.pem.as_str()).collect()
    }

    fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    fn at_the_end(block: &str) -> Option<Self> {
        let block = &block[block.rfind(BEGIN)?..];
        let der = CertificateDer::from_pem_slice(block.as_bytes()).ok()?;
        let pem = format!("{block}\n");
        Some(Self { pem, der })
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

/// A serving certificate with its CA and its key.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    /// The certificate and its CA, in PEM.
    pub(super) chain: String,
    /// The certificate's key, in PEM.
    pub(super) key: String,
    /// The CA that signed it.
    pub(super) ca: Certificate,
    /// When both expire.
    pub(super) not_after: Timestamp,
}

/// Why a pair cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("an API server would not trust it: {0}")]
    Untrusted(String),
    #[error("the CA that signed it must stand behind the certificate")]
    WithoutCa,
}

impl Pair {
    /// Makes a CA and a certificate for a host name, and throws the CA's key away.
    pub(super) fn make(
        host: &str,
        now: Timestamp,
        lifetime: Duration,
    ) -> Result<Self, rcgen::Error> {
        let not_after = now.saturating_add(lifetime).unwrap_or(Timestamp::MAX);
        let (ca_key, key) = (KeyPair::generate()?, KeyPair::generate()?);
        let mut ca = authority(now)?;
        let mut leaf = leaf(host)?;
        for certificate in [&mut ca, &mut leaf] {
            limit(certificate, now - MAX_CLOCK_SKEW, not_after);
        }
        let signed_ca = ca.self_signed(&ca_key)?;
        let signed = leaf.signed_by(&key, &Issuer::new(ca, ca_key))?;
        let chain = Certificate::parse_all(&format!("{}{}", signed.pem(), signed_ca.pem()));
        let [_, ca] = chain.as_slice() else {
            unreachable!("two certificates were printed");
        };
        Ok(Self {
            chain: Certificate::to_pem(&chain),
            key: key.serialize_pem(),
            ca: ca.clone(),
            not_after,
        })
    }

    /// Parses a pair that [`Pair::make`] made, and verifies it as an API server would.
    pub(super) fn read(
        chain: &str,
        key: &str,
        host: &str,
        now: Timestamp,
    ) -> Result<Self, Unusable> {
        let identity = Identity::from_pem(chain, key, None)?;
        let certificates = Certificate::parse_all(chain);
        let [certificate, ca] = certificates.as_slice() else {
            return Err(Unusable::WithoutCa);
        };
        verify(certificate, ca, host, now).map_err(Unusable::Untrusted)?;
        Ok(Self {
            chain: chain.to_owned(),
            key: key.to_owned(),
            ca: ca.clone(),
            not_after: identity.not_after(),
        })
    }
}

/// Verifies a certificate against its CA, the host name and the time.
fn verify(
    certificate: &Certificate,
    ca: &Certificate,
    host: &str,
    now: Timestamp,
) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    roots.add(ca.der().clone()).map_err(|e| e.to_string())?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|e| e.to_string())?;
    let name = ServerName::try_from(host).map_err(|e| e.to_string())?;
    let now = u64::try_from(now.as_second()).unwrap_or_default();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
    verifier
        .verify_server_cert(certificate.der(), &[], &name, &[], now)
        .map(drop)
        .map_err(|e| e.to_string())
}

/// Each CA has a name of its own, so that clients do not mistake one for another.
fn authority(now: Timestamp) -> Result<CertificateParams, rcgen::Error> {
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.distinguished_name
        .push(DnType::CommonName, format!("rollgate CA of {now:.0}"));
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(ca)
}

fn leaf(host: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut leaf = CertificateParams::new(vec![host.to_owned()])?;
    leaf.distinguished_name.push(DnType::CommonName, "rollgate");
    leaf.use_authority_key_identifier_extension = true;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(leaf)
}

/// Sets the validity, in whole seconds as in X.509.
fn limit(certificate: &mut CertificateParams, from: Timestamp, to: Timestamp) {
    let since_epoch =
        |at: Timestamp| Duration::from_secs(u64::try_from(at.as_second()).unwrap_or_default());
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    certificate.not_before = epoch + since_epoch(from);
    certificate.not_after = epoch + since_epoch(to);
}
