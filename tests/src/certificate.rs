//! Certificates for tests: one CA, as many certificates as are asked for.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// Signs certificates.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// What clients trust, in PEM.
    pub pem: String,
}

/// A certificate and its key, in PEM.
#[derive(Debug)]
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// The key.
    pub key: String,
}

impl Authority {
    /// A new one.
    ///
    /// # Panics
    /// Where no certificate can be made.
    #[must_use]
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "rollgate tests");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// A certificate for `localhost` that ends with the year.
    ///
    /// # Panics
    /// Where no certificate can be made.
    #[must_use]
    pub fn sign(&self, year: i32) -> Pair {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        params.not_after = rcgen::date_time_ymd(year, 12, 31);
        self.issue(&params)
    }

    /// A certificate of a server that is reached by these names and addresses.
    ///
    /// # Panics
    /// Where a name is none.
    #[must_use]
    pub fn server(&self, names: &[&str]) -> Pair {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names.clone()).expect("names");
        let name = &mut params.distinguished_name;
        name.push(
            DnType::CommonName,
            names.first().cloned().unwrap_or_default(),
        );
        self.issue(&params)
    }

    /// A certificate by which the API server knows a user, of a group where one is given.
    ///
    /// # Panics
    /// Where no certificate can be made.
    #[must_use]
    pub fn user(&self, user: &str, group: Option<&str>) -> Pair {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        let name = &mut params.distinguished_name;
        name.push(DnType::CommonName, user);
        if let Some(group) = group {
            name.push(DnType::OrganizationName, group);
        }
        self.issue(&params)
    }

    fn issue(&self, params: &CertificateParams) -> Pair {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

/// Puts a pair into a folder as kubelet does with a mounted Secret: `tls.crt` and `tls.key` are
/// symlinks into `..data`, itself a symlink that is replaced in one step.
///
/// # Panics
/// Where the folder cannot be written.
pub fn mount(folder: &Path, version: &str, pair: &Pair) {
    let data = folder.join(version);
    fs::create_dir(&data).expect("a folder");
    fs::write(data.join("tls.crt"), &pair.certificate).expect("written");
    fs::write(data.join("tls.key"), &pair.key).expect("written");
    let staged = folder.join("..data_tmp");
    link(Path::new(version), &staged);
    fs::rename(staged, folder.join("..data")).expect("swapped");
    for name in ["tls.crt", "tls.key"] {
        let shown = folder.join(name);
        if fs::symlink_metadata(&shown).is_err() {
            link(&Path::new("..data").join(name), &shown);
        }
    }
}

fn link(target: &Path, at: &Path) {
    std::os::unix::fs::symlink(target, at).expect("a link");
}
