//! The code in use: policies whose components are alike run the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OnceCell;
use wasmtime::component::Component;

use super::cache::Key;

/// The programs that some policy runs. What none runs any more is forgotten.
#[derive(Default)]
pub(super) struct Programs(Mutex<HashMap<Key, Weak<OnceCell<Component>>>>);

/// Compiled code, kept for others to use as long as this lives.
pub(super) struct Program(Arc<OnceCell<Component>>);

impl Programs {
    /// The program of a key, or else what `make` gives: once, however many ask at a time.
    pub(super) async fn get_or_make<E>(
        &self,
        key: &Key,
        make: impl Future<Output = Result<Component, E>>,
    ) -> Result<Program, E> {
        let program = self.place(key);
        program.get_or_try_init(|| make).await?;
        Ok(Program(program))
    }

    fn place(&self, key: &Key) -> Arc<OnceCell<Component>> {
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
    pub(super) fn code(&self) -> &Component {
        self.0.get().expect("only made once it holds code")
    }
}
