//! Whose word counts for a server's certificate.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore,
    SignatureScheme,
};
use rustls_platform_verifier::Verifier as SystemVerifier;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Whose word counts for the server's certificate.
#[derive(Debug)]
pub(super) enum Trust {
    /// Nobody's: the server is asked without TLS.
    Nobody,
    /// That of the system's authorities.
    System,
    /// That of these certificates: authorities, or the server's own.
    Only(Vec<CertificateDer<'static>>),
}

/// Why a certificate is refused, where rustls has no word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error(
        "it is one of an authority (CA:TRUE) that serves as a server's: name that very certificate \
         in ca or caFile, or make one with CA:FALSE"
    )]
    AuthorityAsServer,
}

impl Trust {
    /// The certificates in a PEM text; `None` where there is none, or one that cannot be read.
    pub(super) fn of_pem(pem: &[u8]) -> Option<Self> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let found = found.ok().filter(|found| !found.is_empty())?;
        Some(Self::Only(found))
    }

    /// What a client is set up with; `None` for one that needs no TLS.
    pub(super) fn into_config(self) -> Result<Option<ClientConfig>, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = match self {
            Self::Nobody => return Ok(None),
            Self::System => Verifier {
                authorities: Arc::new(SystemVerifier::new(Arc::clone(&provider))?),
                named: Vec::new(),
            },
            Self::Only(named) => Verifier::naming(named, &provider)?,
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Some(config))
    }
}

/// Takes a certificate that an authority signed, and one that the operator named itself.
///
/// WebPKI takes no authority's certificate as a server's, and `openssl req -x509` makes nothing else.
/// Go and curl take one that was named; so do we, where its names and its time are right.
#[derive(Debug)]
struct Verifier {
    authorities: Arc<dyn ServerCertVerifier>,
    named: Vec<CertificateDer<'static>>,
}

impl Verifier {
    fn naming(
        named: Vec<CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        for certificate in &named {
            roots.add(certificate.clone())?;
        }
        let authorities =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
                .build()
                .map_err(|error| Error::Other(OtherError(Arc::new(error))))?;
        Ok(Self { authorities, named })
    }

    /// Tells a refusal in terms of what the operator can do.
    fn explain(refused: Error, certificate: &CertificateDer<'_>) -> Error {
        // One of another key under the same name, such as the one before, fails by its signature.
        let Error::InvalidCertificate(CertificateError::Other(_) | CertificateError::BadSignature) =
            &refused
        else {
            return refused;
        };
        let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
            return refused;
        };
        if parsed.issuer() == parsed.subject() {
            CertificateError::UnknownIssuer.into()
        } else if parsed.is_ca() {
            CertificateError::Other(OtherError(Arc::new(Refused::AuthorityAsServer))).into()
        } else {
            refused
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified =
            self.authorities
                .verify_server_cert(certificate, intermediates, name, ocsp, now);
        match verified {
            Ok(verified) => Ok(verified),
            Err(_) if self.named.contains(certificate) => verify_named(certificate, name, now),
            Err(refused) => Err(Self::explain(refused, certificate)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

/// The server's own certificate, byte for byte: its time and its names are left to check.
fn verify_named(
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, Error> {
    let (_, parsed) =
        X509Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let validity = parsed.validity();
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now < validity.not_before.timestamp() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > validity.not_after.timestamp() {
        return Err(CertificateError::Expired.into());
    }
    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
    Ok(ServerCertVerified::assertion())
}

#[cfg(test)]
mod tests;
