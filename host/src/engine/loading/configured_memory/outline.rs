//! Parses a component and its core modules as far as splitting needs it.

use wasm_encoder::{MemoryType, RawSection};
use wasmparser::{
    BinaryReaderError, ComponentAlias, ComponentExternalKind, ConstExpr, CoreType, DataKind,
    ExternalKind, Instance, Operator, Parser, Payload, TypeRef,
};

#[derive(Default)]
pub(super) struct Outline<'a> {
    pub(super) sections: Vec<RawSection<'a>>,
    /// The number of core types that it defines, including module types.
    pub(super) core_types: u32,
    modules: Vec<CoreModule<'a>>,
    /// For each core instance the index of its module, if it has one.
    instances: Vec<Option<u32>>,
    /// Whether modules are imported, exported or aliased. (Nested components do not occur: wizer takes no
    /// snapshot of those.)
    passes_modules: bool,
}

/// The only module with a memory.
pub(super) struct MainModule<'a> {
    pub(super) module: &'a CoreModule<'a>,
    pub(super) index: u32,
    /// The index of its instance.
    pub(super) instance: u32,
    pub(super) memory: MemoryType,
    /// The name under which it exports its memory.
    pub(super) exported_as: &'a str,
}

#[derive(Default)]
pub(super) struct CoreModule<'a> {
    pub(super) sections: Vec<RawSection<'a>>,
    memories: Vec<wasmparser::MemoryType>,
    exported_as: Option<&'a str>,
    imports_memory: bool,
    globals: Vec<ConstExpr<'a>>,
    segments: Vec<(usize, &'a [u8])>,
    /// Whether the segments do not determine the initial memory.
    has_unknown_start: bool,
}

impl<'a> Outline<'a> {
    pub(super) fn of(component: &'a [u8]) -> Result<Self, BinaryReaderError> {
        let mut outline = Self::default();
        let mut nested = 0_u32;
        let mut payloads = Parser::new(0).parse_all(component);
        while let Some(payload) = payloads.next() {
            let payload = payload?;
            if nested == 0
                && let Some((id, range)) = payload.as_section()
            {
                let data = &component[range];
                outline.sections.push(RawSection { id, data });
            }
            match payload {
                Payload::ComponentSection { .. } => nested += 1,
                Payload::End(_) => nested = nested.saturating_sub(1),
                Payload::ModuleSection { .. } => {
                    let module = CoreModule::of(component, &mut payloads)?;
                    outline.modules.push(module);
                    outline.passes_modules |= nested > 0;
                }
                payload if nested == 0 => outline.note(payload)?,
                _ => {}
            }
        }
        Ok(outline)
    }

    fn note(&mut self, payload: Payload<'a>) -> Result<(), BinaryReaderError> {
        match payload {
            Payload::CoreTypeSection(types) => {
                for defined in types {
                    self.core_types += match defined? {
                        CoreType::Rec(group) => u32::try_from(group.types().len()).unwrap_or(0),
                        CoreType::Module(_) => 1,
                    };
                }
            }
            Payload::InstanceSection(instances) => {
                for instance in instances {
                    self.instances.push(match instance? {
                        Instance::Instantiate { module_index, .. } => Some(module_index),
                        Instance::FromExports(_) => None,
                    });
                }
            }
            Payload::ComponentImportSection(imports) => {
                for import in imports {
                    self.passes_modules |= import?.ty.kind() == ComponentExternalKind::Module;
                }
            }
            Payload::ComponentExportSection(exports) => {
                for export in exports {
                    self.passes_modules |= export?.kind == ComponentExternalKind::Module;
                }
            }
            Payload::ComponentAliasSection(aliases) => {
                for alias in aliases {
                    self.passes_modules |= match alias? {
                        ComponentAlias::InstanceExport { kind, .. } => {
                            kind == ComponentExternalKind::Module
                        }
                        ComponentAlias::CoreInstanceExport { .. } => false,
                        ComponentAlias::Outer { .. } => true,
                    };
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Returns `None` if several modules have memory or write it, or if that is not known.
    pub(super) fn main(&self) -> Option<MainModule<'_>> {
        let modules = || (0_u32..).zip(&self.modules);
        let (index, module) = only(modules().filter(|(_, module)| !module.memories.is_empty()))?;
        let of_main = |instance: &(u32, &Option<u32>)| *instance.1 == Some(index);
        let (instance, _) = only((0_u32..).zip(&self.instances).filter(of_main))?;
        let memory = only(module.memories.iter())?;
        let others_write = modules().any(|(at, other)| at != index && !other.segments.is_empty());
        let is_known =
            !self.passes_modules && self.modules.iter().all(|any| !any.has_unknown_start);
        let is_plain = !memory.memory64 && !memory.shared && memory.page_size_log2.is_none();
        if !is_known || others_write || module.imports_memory || !is_plain {
            return None;
        }
        Some(MainModule {
            module,
            index,
            instance,
            memory: MemoryType {
                minimum: memory.initial,
                maximum: memory.maximum,
                memory64: false,
                shared: false,
                page_size_log2: None,
            },
            exported_as: module.exported_as?,
        })
    }

    pub(super) fn has_the_globals_of(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.modules, &other.modules);
        ours.len() == theirs.len()
            && ours
                .iter()
                .zip(theirs)
                .all(|(ours, theirs)| ours.globals == theirs.globals)
    }
}

impl<'a> CoreModule<'a> {
    /// Parses up to the end of the module.
    fn of(
        component: &'a [u8],
        payloads: &mut impl Iterator<Item = Result<Payload<'a>, BinaryReaderError>>,
    ) -> Result<Self, BinaryReaderError> {
        let mut module = Self::default();
        for payload in payloads {
            let payload = payload?;
            if let Some((id, range)) = payload.as_section() {
                let data = &component[range];
                module.sections.push(RawSection { id, data });
            }
            if matches!(payload, Payload::End(_)) {
                break;
            }
            module.note(payload)?;
        }
        Ok(module)
    }

    fn note(&mut self, payload: Payload<'a>) -> Result<(), BinaryReaderError> {
        match payload {
            Payload::StartSection { .. } => self.has_unknown_start = true,
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    self.imports_memory |= matches!(import?.ty, TypeRef::Memory(_));
                }
            }
            Payload::MemorySection(memories) => {
                self.memories = memories.into_iter().collect::<Result<_, _>>()?;
            }
            Payload::GlobalSection(globals) => {
                for global in globals {
                    self.globals.push(global?.init_expr);
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    if export.kind == ExternalKind::Memory {
                        self.exported_as.get_or_insert(export.name);
                    }
                }
            }
            Payload::DataSection(segments) => {
                for segment in segments {
                    let segment = segment?;
                    if let DataKind::Active { offset_expr, .. } = segment.kind {
                        match constant(&offset_expr)? {
                            Some(at) => self.segments.push((at, segment.data)),
                            None => self.has_unknown_start = true,
                        }
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Returns the data that the memory starts with, and where it is.
    pub(super) fn owned_segments(&self) -> Vec<(usize, Vec<u8>)> {
        let segments = self.segments.iter();
        segments.map(|(at, data)| (*at, data.to_vec())).collect()
    }

    /// Returns the initial memory, with a size in bytes.
    pub(super) fn contents(&self, size: usize) -> Option<Vec<u8>> {
        let mut memory = vec![0; size];
        for (at, data) in &self.segments {
            let end = at.checked_add(data.len())?;
            memory.get_mut(*at..end)?.copy_from_slice(data);
        }
        Some(memory)
    }
}

/// Returns the offset of a segment; `None` if it is computed.
fn constant(offset: &ConstExpr<'_>) -> Result<Option<usize>, BinaryReaderError> {
    let mut operators = offset.get_operators_reader();
    Ok(match (operators.read()?, operators.read()?) {
        (Operator::I32Const { value }, Operator::End) => {
            usize::try_from(value.cast_unsigned()).ok()
        }
        _ => None,
    })
}

fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}
