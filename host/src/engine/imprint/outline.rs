//! A component and its core modules, as far as they have to be known for taking them apart.

use wasm_encoder::{MemoryType, RawSection};
use wasmparser::{
    BinaryReaderError, ComponentAlias, ComponentExternalKind, ConstExpr, CoreType, DataKind,
    ExternalKind, Instance, Operator, Parser, Payload, TypeRef,
};

#[derive(Default)]
pub(super) struct Outline<'a> {
    pub(super) sections: Vec<RawSection<'a>>,
    /// How many core types it defines, those of modules among them.
    pub(super) core_types: u32,
    modules: Vec<CoreModule<'a>>,
    /// Of which module each core instance is, if of one.
    instances: Vec<Option<u32>>,
    /// Modules come from elsewhere or go there. (Into nested components they do not: wizer takes no
    /// snapshot of such.)
    passes_modules: bool,
}

/// The module whose memory is the component's only one.
pub(super) struct Main<'a> {
    pub(super) module: &'a CoreModule<'a>,
    pub(super) index: u32,
    /// Its instance.
    pub(super) instance: u32,
    pub(super) memory: MemoryType,
    /// The memory's name.
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
    /// What its memory contains at first cannot be told from its segments.
    starts_unknown: bool,
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

    /// `None` where several modules have memory or write it, or where that cannot be told.
    pub(super) fn main(&self) -> Option<Main<'_>> {
        let modules = || (0_u32..).zip(&self.modules);
        let (index, module) = only(modules().filter(|(_, module)| !module.memories.is_empty()))?;
        let of_main = |instance: &(u32, &Option<u32>)| *instance.1 == Some(index);
        let (instance, _) = only((0_u32..).zip(&self.instances).filter(of_main))?;
        let memory = only(module.memories.iter())?;
        let others_write = modules().any(|(at, other)| at != index && !other.segments.is_empty());
        let is_known = !self.passes_modules && self.modules.iter().all(|any| !any.starts_unknown);
        let is_plain = !memory.memory64 && !memory.shared && memory.page_size_log2.is_none();
        if !is_known || others_write || module.imports_memory || !is_plain {
            return None;
        }
        Some(Main {
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
    /// Reads up to the module's end.
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
            Payload::StartSection { .. } => self.starts_unknown = true,
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
                            None => self.starts_unknown = true,
                        }
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Its memory before anything has run, in so many bytes.
    pub(super) fn contents(&self, size: usize) -> Option<Vec<u8>> {
        let mut memory = vec![0; size];
        for (at, data) in &self.segments {
            let end = at.checked_add(data.len())?;
            memory.get_mut(*at..end)?.copy_from_slice(data);
        }
        Some(memory)
    }
}

/// Where a segment goes; `None` where that has to be computed.
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
