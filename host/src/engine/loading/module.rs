//! Recognises a policy file, makes a component of it, and checks its imports and exports against the
//! contract before anything is compiled.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use wasmparser::{Encoding, Parser, Payload};
use wit_component::ComponentEncoder;

use super::compiler::HEAVY;
use crate::engine::error::LoadError;
use crate::engine::running::runtime::Imports;

/// JavaScript and Python engines in a component come to 12–18 MB.
const MODULE_BYTES: usize = 64 << 20;

const CONTRACT: &str = "rollgate:policy/";
const GUEST: &str = "rollgate:policy/guest";
/// The interfaces of the contract that a policy may import.
const ALLOWED_INTERFACES: [&str; 5] = ["types", "clock", "metrics", "cluster", "log"];
/// The section in which wit-bindgen stores the contract of a core module.
const CONTRACT_SECTION: &str = "component-type";

/// The bytes of a policy file with their digest.
#[derive(Clone)]
pub struct Module {
    bytes: Arc<[u8]>,
    digest: [u8; 32],
}

/// Modules with the same digest are the same.
impl PartialEq for Module {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Module").field(&self.digest()).finish()
    }
}

/// A component whose imports and exports are those of a policy.
pub(super) struct PolicyComponent {
    pub(super) bytes: Arc<[u8]>,
    pub(super) imports: Imports,
}

impl Module {
    /// Takes the bytes of a file. Does not check them.
    #[must_use]
    pub fn new(bytes: Arc<[u8]>) -> Self {
        let digest = Sha256::digest(&bytes).into();
        Self { bytes, digest }
    }

    /// Whether compiling it takes many seconds and much memory: it has a JavaScript or Python engine in it.
    #[must_use]
    pub(crate) fn is_heavy(&self) -> bool {
        self.size() >= HEAVY
    }

    /// Returns the SHA-256 of the file, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> String {
        hex(&self.digest)
    }

    /// Returns the SHA-256 of the file.
    pub(super) const fn sha256(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Returns the size of the file, in bytes.
    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the component in the file, or makes one of its core module.
    pub(super) fn componentize(&self) -> Result<PolicyComponent, LoadError> {
        if self.bytes.len() > MODULE_BYTES {
            return Err(LoadError::TooBig {
                size: self.bytes.len(),
                limit: MODULE_BYTES,
            });
        }
        let bytes = match encoding(&self.bytes)? {
            Encoding::Component => Arc::clone(&self.bytes),
            Encoding::Module => componentize_core(&self.bytes)?.into(),
        };
        let imports = Interface::of(&bytes)?.check()?;
        Ok(PolicyComponent { bytes, imports })
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a String does not fail");
            text
        })
}

fn encoding(bytes: &[u8]) -> Result<Encoding, LoadError> {
    if Parser::is_core_wasm(bytes) {
        return Ok(Encoding::Module);
    }
    if Parser::is_component(bytes) {
        return Ok(Encoding::Component);
    }
    if bytes.starts_with(b"\0asm") {
        return Err(LoadError::Damaged {
            offset: bytes.len().min(8),
            reason: "the header is not complete".into(),
        });
    }
    Err(LoadError::NotWasm(match bytes {
        [] => "nothing: it is empty".into(),
        [b'(', ..] => "`(`, as the text format does; translate it with `wasm-tools parse`".into(),
        _ => format!("`{}`", bytes[..bytes.len().min(8)].escape_ascii()),
    }))
}

/// Makes a component of a core module that was built with wit-bindgen.
fn componentize_core(bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    let core = CoreModule::of(bytes)?;
    if let Some(import) = core.imports.iter().find(|module| !is_of_contract(module)) {
        return Err(forbidden(import));
    }
    if !core.has_contract {
        return Err(LoadError::NoContract(
            "a core module without the policy contract; build it with rollgate-sdk and `export!(MyPolicy)`".into(),
        ));
    }
    ComponentEncoder::default()
        .module(bytes)
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| LoadError::NoContract(format!("{error:#}")))
}

/// The parts of a core module that are checked before it becomes a component.
#[derive(Default)]
struct CoreModule {
    imports: Vec<String>,
    has_contract: bool,
}

impl CoreModule {
    fn of(bytes: &[u8]) -> Result<Self, LoadError> {
        let mut core = Self::default();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(|error| damaged(&error))? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        core.imports
                            .push(import.map_err(|error| damaged(&error))?.module.to_owned());
                    }
                }
                Payload::CustomSection(section) if section.name().starts_with(CONTRACT_SECTION) => {
                    core.has_contract = true;
                }
                _ => {}
            }
        }
        Ok(core)
    }
}

/// The names that a component imports and exports.
#[derive(Default)]
struct Interface {
    imports: Vec<String>,
    exports: Vec<String>,
}

impl Interface {
    fn of(component: &[u8]) -> Result<Self, LoadError> {
        let mut interface = Self::default();
        let mut depth = 0_u32;
        for payload in Parser::new(0).parse_all(component) {
            match payload.map_err(|error| damaged(&error))? {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section {
                        interface.imports.push(
                            import
                                .map_err(|error| damaged(&error))?
                                .name
                                .name
                                .to_owned(),
                        );
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section {
                        interface.exports.push(
                            export
                                .map_err(|error| damaged(&error))?
                                .name
                                .name
                                .to_owned(),
                        );
                    }
                }
                _ => {}
            }
        }
        Ok(interface)
    }

    /// Returns what the component imports, or an error if it is no policy of this contract.
    fn check(&self) -> Result<Imports, LoadError> {
        let Some(guest) = self
            .exports
            .iter()
            .find(|name| name.split('@').next() == Some(GUEST))
        else {
            let exports = match self.exports.as_slice() {
                [] => "nothing".into(),
                names => names.join(", "),
            };
            return Err(LoadError::NoContract(format!(
                "a component that exports {exports}, where a policy exports `{GUEST}`"
            )));
        };
        crate::engine::abi::check_version(
            guest.split_once('@').map_or("", |(_, version)| version),
        )?;
        match self
            .imports
            .iter()
            .find(|name| !is_of_contract(name) && !is_empty_wasi(name))
        {
            Some(import) => Err(forbidden(import)),
            None if self.imports.iter().any(|name| is_empty_wasi(name)) => {
                Ok(Imports::ContractAndWasi)
            }
            None => Ok(Imports::Contract),
        }
    }
}

fn is_of_contract(import: &str) -> bool {
    import
        .strip_prefix(CONTRACT)
        .and_then(|name| name.split('@').next())
        .is_some_and(|interface| ALLOWED_INTERFACES.contains(&interface))
}

/// Whether the empty WASI implements this import.
fn is_empty_wasi(import: &str) -> bool {
    const PACKAGES: [&str; 6] = ["cli", "clocks", "filesystem", "io", "random", "sockets"];
    let Some((package, rest)) = import
        .strip_prefix("wasi:")
        .and_then(|name| name.split_once('/'))
    else {
        return false;
    };
    PACKAGES.contains(&package)
        && rest
            .split_once('@')
            .is_some_and(|(_, version)| version.starts_with("0.2."))
}

fn forbidden(name: &str) -> LoadError {
    let advice = if name.starts_with("wasi:http/") {
        "a policy has no network; ask a granted source through `metrics` or `cluster`"
    } else if name.starts_with(CONTRACT) {
        "this rollgate does not have that part of the contract; run a newer rollgate"
    } else if name == "wasi_snapshot_preview1" {
        "build for wasm32-unknown-unknown, or as a component for wasm32-wasip2"
    } else if name.starts_with("__wbindgen") {
        "a dependency brings in wasm-bindgen; switch off its JavaScript feature"
    } else {
        "a policy may import clock, metrics, cluster and log of the contract, and WASI 0.2 without capabilities"
    };
    LoadError::ForbiddenImport {
        name: name.to_owned(),
        advice,
    }
}

fn damaged(error: &wasmparser::BinaryReaderError) -> LoadError {
    LoadError::Damaged {
        offset: error.offset(),
        reason: error.message().to_owned(),
    }
}
