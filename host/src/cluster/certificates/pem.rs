//! Certificates as they stand in a text.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// A certificate, and the block of text that it was read from. Two are equal where the certificates
/// are.
#[derive(Clone, Debug)]
pub(in crate::cluster) struct Certificate {
    pem: String,
    der: CertificateDer<'static>,
}

impl Certificate {
    /// All that can be read in a text; what stands between them is passed over.
    pub(in crate::cluster) fn all(text: &str) -> Vec<Self> {
        let blocks = text.split_inclusive(END);
        blocks.filter_map(Self::at_the_end).collect()
    }

    /// The texts of these, one after the other.
    pub(in crate::cluster) fn print(certificates: &[Self]) -> String {
        certificates.iter().map(|one| one.pem.as_str()).collect()
    }

    pub(super) fn der(&self) -> &CertificateDer<'static> {
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
