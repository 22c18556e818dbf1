use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{Identity, Tls, TlsError};

/// A certificate for trying out, and the CA that signed it.
#[derive(Debug)]
pub(crate) struct SelfSigned {
    /// What to serve with; its key is nowhere but in memory.
    pub tls: Tls,
    /// What clients must trust (`caBundle` of the webhook configuration), as PEM.
    pub ca: String,
}

/// Makes a certificate for these DNS names and IP addresses, signed by a CA whose key is thrown
/// away.
///
/// # Errors
/// [`TlsError::SelfSigned`] where a name cannot stand in a certificate.
pub(crate) fn self_signed(names: Vec<String>) -> Result<SelfSigned, TlsError> {
    let ca_key = KeyPair::generate().map_err(TlsError::SelfSigned)?;
    let ca = authority()?;
    let ca_certificate = ca.self_signed(&ca_key).map_err(TlsError::SelfSigned)?;
    let key = KeyPair::generate().map_err(TlsError::SelfSigned)?;
    let certificate = leaf(names)?
        .signed_by(&key, &Issuer::new(ca, ca_key))
        .map_err(TlsError::SelfSigned)?;
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let identity = Identity::new(vec![certificate.der().clone()], der, None)?;
    Ok(SelfSigned {
        tls: Tls::of(identity),
        ca: ca_certificate.pem(),
    })
}

fn authority() -> Result<CertificateParams, TlsError> {
    let mut ca = CertificateParams::new(Vec::new()).map_err(TlsError::SelfSigned)?;
    ca.distinguished_name
        .push(DnType::CommonName, "rollgate self-signed CA");
    limit(&mut ca);
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(ca)
}

fn leaf(names: Vec<String>) -> Result<CertificateParams, TlsError> {
    let mut leaf = CertificateParams::new(names).map_err(TlsError::SelfSigned)?;
    leaf.distinguished_name.push(DnType::CommonName, "rollgate");
    limit(&mut leaf);
    leaf.use_authority_key_identifier_extension = true;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(leaf)
}

/// From yesterday, so that a client whose clock is behind is served too, for a year.
fn limit(certificate: &mut CertificateParams) {
    let day = |days: i64| {
        let date = (Timestamp::now() + SignedDuration::from_hours(24 * days))
            .to_zoned(TimeZone::UTC)
            .date();
        rcgen::date_time_ymd(
            date.year().into(),
            date.month().unsigned_abs(),
            date.day().unsigned_abs(),
        )
    };
    certificate.not_before = day(-1);
    certificate.not_after = day(365);
}
