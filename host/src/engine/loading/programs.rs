//! The compiled code in use: policies with equal components share it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OnceCell;
use wasmtime::component::Component;

use super::cache::Key;

/// The programs that loaded policies use. A program is dropped with the last policy that uses it.
#[derive(Default)]
pub(crate) struct Programs(Mutex<HashMap<Key, Weak<OnceCell<Component>>>>);

/// Compiled code; found in [`Programs`] as long as this lives.
pub(crate) struct Program(Arc<OnceCell<Component>>);

impl Programs {
    /// Returns the program of a key. Runs `make` if there is none; concurrent calls run it once.
    pub(crate) async fn get_or_make<E>(
        &self,
        key: &Key,
        make: impl Future<Output = Result<Component, E>>,
    ) -> Result<Program, E> {
        let program = self.entry(key);
        program.get_or_try_init(|| make).await?;
        Ok(Program(program))
    }

    fn entry(&self, key: &Key) -> Arc<OnceCell<Component>> {
        let mut programs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(program) = programs.get(key).and_then(Weak::upgrade) {
            return program;
        }
        programs.retain(|_, program| program.strong_count() > 0);
        let program = Arc::default();
        programs.insert(key.clone(), Arc::downgrade(&program));
        program
    }
}

impl Program {
    pub(crate) fn code(&self) -> &Component {
        self.0.get().expect("only made once it holds code")
    }
}
