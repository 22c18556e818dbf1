//! Splits the memory of further policies of a module, without a snapshot of the whole component.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::outline::Outline;
use super::{
    Code, ImportedMemory, Program, WASM_PAGE, data_module, differences, program, written_limit,
};
use crate::engine::loading::snapshot::{Accessed, GlobalValue};

/// What is the same for all policies of a module: the memory and globals before `configure`, and how to
/// read them. Made of the first policy whose snapshot could be split.
pub(in crate::engine::loading) struct Template {
    component: Arc<[u8]>,
    /// The accessors of the globals, with the values that `configure` must leave.
    pub(in crate::engine::loading) globals: Vec<(String, GlobalValue)>,
    /// The accessor of the memory.
    pub(in crate::engine::loading) memory: String,
    segments: Vec<(usize, Vec<u8>)>,
    exported_as: String,
    memory_type: wasm_encoder::MemoryType,
    /// The programs by the size of their memory, in pages.
    programs: Mutex<HashMap<u64, Arc<Program>>>,
}

impl Template {
    /// `accessed` is what was read of the first policy, and its snapshot was split.
    pub(in crate::engine::loading) fn new(
        component: &Arc<[u8]>,
        accessed: Accessed,
    ) -> Option<Self> {
        let outline = Outline::of(component).ok()?;
        let main = outline.main()?;
        let [memory] = <[String; 1]>::try_from(accessed.memories).ok()?;
        Some(Self {
            component: Arc::clone(component),
            globals: accessed.globals,
            memory,
            segments: main.module.owned_segments(),
            exported_as: main.exported_as.to_owned(),
            memory_type: main.memory,
            programs: Mutex::default(),
        })
    }

    /// Splits the memory of a configured policy. Returns `None` if too much was written.
    pub(in crate::engine::loading) fn split(&self, contents: &[u8]) -> Option<Code> {
        let mut before = vec![0; contents.len()];
        for (at, data) in &self.segments {
            let end = at.checked_add(data.len())?;
            before.get_mut(*at..end)?.copy_from_slice(data);
        }
        let written = differences(&before, contents);
        if written.iter().map(ExactSizeIterator::len).sum::<usize>()
            > written_limit(&self.component)
        {
            return None;
        }
        let imported = ImportedMemory {
            name: &self.exported_as,
            memory: wasm_encoder::MemoryType {
                minimum: u64::try_from(contents.len() / WASM_PAGE).ok()?,
                ..self.memory_type
            },
        };
        Some(Code {
            program: self.program(imported)?,
            configured_memory: Some(data_module(imported, contents, &written)),
        })
    }

    fn program(&self, imported: ImportedMemory<'_>) -> Option<Arc<Program>> {
        let mut programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(program) = programs.get(&imported.memory.minimum) {
            return Some(Arc::clone(program));
        }
        let outline = Outline::of(&self.component).ok()?;
        let bytes = program(&outline, &outline.main()?, imported);
        wasmparser::validate(&bytes).ok()?;
        let program = Arc::new(Program::new(bytes.into()));
        programs.insert(imported.memory.minimum, Arc::clone(&program));
        Some(program)
    }
}
