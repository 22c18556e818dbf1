//! Splits a snapshot into the program and the memory that `configure` wrote.
//!
//! Policies of one module differ only in that memory. If each were compiled with it, each would have
//! code of its own, and a server that evaluates many policies would find none of it in the processor's
//! caches. So the component gets one more import: a core module that consists of data only. The
//! component instantiates it last, and it writes what `configure` wrote. Policies of one module then
//! run the same code.

mod outline;
mod template;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use wasm_encoder::{
    Component, ComponentImportSection, ComponentSectionId, ComponentTypeRef, ConstExpr,
    CoreTypeSection, DataSection, EntityType, ImportSection, InstanceSection, MemorySection,
    MemoryType, Module, ModuleArg, ModuleType, RawSection, SectionId,
};

use super::cache::{EngineDigest, Key};
use super::compiler::HEAVY;
use outline::{MainModule, Outline};

pub(super) use template::Template;

/// The name of the import.
pub(in crate::engine) const IMPORT: &str = "configured-memory";

/// The WebAssembly that a policy runs.
pub(super) struct Code {
    /// A component. It imports [`IMPORT`] if there is a configured memory.
    pub(super) program: Arc<Program>,
    /// The core module for that import.
    pub(super) configured_memory: Option<Vec<u8>>,
}

/// A component to compile.
pub(super) struct Program {
    pub(super) bytes: Arc<[u8]>,
    /// Computed once, since policies of one module share the program.
    key: OnceLock<Key>,
}

impl Program {
    const fn new(bytes: Arc<[u8]>) -> Self {
        Self {
            bytes,
            key: OnceLock::new(),
        }
    }

    /// Returns the key of its code. The engine is always the one of the requests.
    pub(super) fn key(&self, engine: &EngineDigest) -> &Key {
        self.key
            .get_or_init(|| Key::of_program(&self.bytes, engine))
    }
}

/// In bytes. It is cheaper to map more than this, page by page, than to copy it at each request.
const MAX_WRITTEN: usize = 64 << 10;
/// The same for a heavy component: code of its own takes many seconds to compile, for each change of
/// settings.
const MAX_WRITTEN_HEAVY: usize = 4 << 20;

/// Returns how much `configure` may write, in bytes, so that the snapshot of the component is split.
const fn written_limit(component: &[u8]) -> usize {
    if component.len() < HEAVY {
        MAX_WRITTEN
    } else {
        MAX_WRITTEN_HEAVY
    }
}

/// Memory is compared in lines of this many bytes.
const LINE: usize = 64;
/// Ranges with a gap of at most this many bytes are joined: copying the gap is faster than starting
/// another data segment.
const GAP: usize = 256;
const WASM_PAGE: usize = 64 << 10;
/// The name of the import through which the data module gets the memory.
const PROGRAM: &str = "program";

impl Code {
    /// Keeps a component as it is.
    pub(super) fn whole(component: Arc<[u8]>) -> Self {
        Self {
            program: Arc::new(Program::new(component)),
            configured_memory: None,
        }
    }

    /// Splits a snapshot of the component.
    ///
    /// Keeps the snapshot whole if data segments cannot replace it: `configure` changed a global or
    /// wrote too much; or the memory before `configure` is not known, because there are several
    /// memories, start functions, or segments with a computed offset.
    pub(super) fn split(component: &[u8], snapshot: Vec<u8>) -> Self {
        try_split(component, &snapshot).unwrap_or_else(|| Self::whole(snapshot.into()))
    }
}

fn try_split(component: &[u8], snapshot: &[u8]) -> Option<Code> {
    let before = Outline::of(component).ok()?;
    let after = Outline::of(snapshot).ok()?;
    let (main, configured) = (before.main()?, after.main()?);
    if !before.has_the_globals_of(&after) {
        return None;
    }
    let size = usize::try_from(configured.memory.minimum).ok()? * WASM_PAGE;
    let contents = configured.module.contents(size)?;
    let written = differences(&main.module.contents(size)?, &contents);
    if written.iter().map(Range::len).sum::<usize>() > written_limit(component) {
        return None;
    }
    let imported = ImportedMemory {
        name: main.exported_as,
        memory: configured.memory,
    };
    let program = program(&before, &main, imported);
    // A component with a structure that this code does not expect stays whole.
    wasmparser::validate(&program).ok()?;
    Some(Code {
        program: Arc::new(Program::new(program.into())),
        configured_memory: Some(data_module(imported, &contents, &written)),
    })
}

/// Returns the ranges in which two memories of the same size differ.
fn differences(was: &[u8], is: &[u8]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let lines = was.chunks(LINE).zip(is.chunks(LINE)).enumerate();
    for (number, _) in lines.filter(|(_, (was, is))| was != is) {
        let (start, end) = (number * LINE, (number + 1) * LINE);
        match found.last_mut() {
            Some(last) if start - last.end <= GAP => last.end = end,
            _ => found.push(start..end),
        }
    }
    found
}

/// The memory that the data module imports and writes.
#[derive(Clone, Copy)]
struct ImportedMemory<'a> {
    name: &'a str,
    memory: MemoryType,
}

fn data_module(imported: ImportedMemory<'_>, contents: &[u8], written: &[Range<usize>]) -> Vec<u8> {
    let mut imports = ImportSection::new();
    imports.import(PROGRAM, imported.name, imported.memory);
    let mut data = DataSection::new();
    for range in written {
        let at = u32::try_from(range.start).expect("a memory of 32 bits");
        let bytes = contents[range.clone()].iter().copied();
        data.active(0, &ConstExpr::i32_const(at.cast_signed()), bytes);
    }
    let mut module = Module::new();
    module.section(&imports).section(&data);
    module.finish()
}

/// Returns the component with a memory of the needed size and with the import.
fn program(outline: &Outline<'_>, main: &MainModule<'_>, imported: ImportedMemory<'_>) -> Vec<u8> {
    let enlarged = with_memory(main, imported.memory);
    let mut component = Component::new();
    let mut modules = 0..;
    for section in &outline.sections {
        let is_module = section.id == u8::from(ComponentSectionId::CoreModule);
        if is_module && modules.next() == Some(main.index) {
            component.section(&RawSection {
                id: section.id,
                data: &enlarged,
            });
        } else {
            component.section(section);
        }
    }
    let mut data_only = ModuleType::new();
    let memory = EntityType::Memory(imported.memory);
    data_only.import(PROGRAM, imported.name, memory);
    let mut types = CoreTypeSection::new();
    types.ty().module(&data_only);
    let mut imports = ComponentImportSection::new();
    imports.import(IMPORT, ComponentTypeRef::Module(outline.core_types));
    let mut instances = InstanceSection::new();
    instances.instantiate(
        modules.start,
        [(PROGRAM, ModuleArg::Instance(main.instance))],
    );
    component
        .section(&types)
        .section(&imports)
        .section(&instances);
    component.finish()
}

fn with_memory(main: &MainModule<'_>, memory: MemoryType) -> Vec<u8> {
    let mut memories = MemorySection::new();
    memories.memory(memory);
    let mut module = Module::new();
    for section in &main.module.sections {
        if section.id == u8::from(SectionId::Memory) {
            module.section(&memories);
        } else {
            module.section(section);
        }
    }
    module.finish()
}
