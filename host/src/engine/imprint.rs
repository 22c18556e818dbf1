//! What `configure` wrote, apart from the program that wrote it.
//!
//! Policies of one module differ in nothing else. Were each compiled with it, each would have code and
//! memory of its own, and a server that hears many would find neither in the processor's caches. So
//! the component is given one import more, a core module of data alone, which it instantiates last and
//! which writes what `configure` wrote. Policies of one module then run the same code.

mod outline;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

use wasm_encoder::{
    Component, ComponentImportSection, ComponentSectionId, ComponentTypeRef, ConstExpr,
    CoreTypeSection, DataSection, EntityType, ImportSection, InstanceSection, MemorySection,
    MemoryType, Module, ModuleArg, ModuleType, RawSection, SectionId,
};

use outline::{Main, Outline};

/// What a program imports its imprint as.
pub(super) const IMPORT: &str = "imprint";

/// What a policy runs.
pub(super) struct Code {
    /// A component; one that imports [`IMPORT`] where there is an imprint.
    pub(super) program: Arc<[u8]>,
    /// The core module for that import.
    pub(super) imprint: Option<Vec<u8>>,
}

/// Bytes. More than this is cheaper mapped, page by page, than copied at each request.
const MOST_WRITTEN: usize = 64 << 10;
/// Memory is compared in lines of so many bytes.
const LINE: usize = 64;
/// Pieces with no more than this between them, in bytes, are one: it is copied faster than a piece is
/// begun.
const GAP: usize = 256;
const WASM_PAGE: usize = 64 << 10;
/// What the imprint imports its memory from.
const PROGRAM: &str = "program";

impl Code {
    /// A component as it is.
    pub(super) const fn whole(component: Arc<[u8]>) -> Self {
        Self {
            program: component,
            imprint: None,
        }
    }

    /// Takes what `configure` wrote out of a snapshot of the component.
    ///
    /// The snapshot stays whole where a module of data could not stand for it: `configure` changed a
    /// global or wrote too much; or what the memory contained before cannot be told, because there are
    /// several, start functions, or segments whose place is computed.
    pub(super) fn apart(component: &[u8], snapshot: Vec<u8>) -> Self {
        take_apart(component, &snapshot).unwrap_or_else(|| Self::whole(snapshot.into()))
    }
}

fn take_apart(component: &[u8], snapshot: &[u8]) -> Option<Code> {
    let before = Outline::of(component).ok()?;
    let after = Outline::of(snapshot).ok()?;
    let (main, configured) = (before.main()?, after.main()?);
    if !before.has_the_globals_of(&after) {
        return None;
    }
    let size = usize::try_from(configured.memory.minimum).ok()? * WASM_PAGE;
    let contents = configured.module.contents(size)?;
    let written = differences(&main.module.contents(size)?, &contents);
    if written.iter().map(Range::len).sum::<usize>() > MOST_WRITTEN {
        return None;
    }
    let imported = Imported {
        name: main.exported_as,
        memory: configured.memory,
    };
    let program = program(&before, &main, imported);
    // A component of a kind that nobody thought of here stays as it is.
    wasmparser::validate(&program).ok()?;
    Some(Code {
        program: program.into(),
        imprint: Some(imprint(imported, &contents, &written)),
    })
}

/// The pieces in which two memories of one size differ.
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

/// The memory that an imprint writes.
#[derive(Clone, Copy)]
struct Imported<'a> {
    name: &'a str,
    memory: MemoryType,
}

fn imprint(imported: Imported<'_>, contents: &[u8], written: &[Range<usize>]) -> Vec<u8> {
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

/// The component with a memory of the size that is needed, and with the import.
fn program(outline: &Outline<'_>, main: &Main<'_>, imported: Imported<'_>) -> Vec<u8> {
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
    let mut data_alone = ModuleType::new();
    let memory = EntityType::Memory(imported.memory);
    data_alone.import(PROGRAM, imported.name, memory);
    let mut types = CoreTypeSection::new();
    types.ty().module(&data_alone);
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

fn with_memory(main: &Main<'_>, memory: MemoryType) -> Vec<u8> {
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
