//! The modules that are compiled for dry runs, so that a change of one policy's settings does not compile
//! its module again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::OnceCell;

use super::dry_run::DryRunComponent;
use super::module::Module;
use crate::engine::error::LoadError;

/// How much is kept for later policies: modules with files of this many bytes in all. Without a bound each
/// new build of a module would stay in memory, and a JavaScript engine takes more than it is worth.
const KEPT: usize = 4 << 20;

/// The modules that were compiled for dry runs lately.
#[derive(Default)]
pub(crate) struct DryRunComponents(Mutex<Entries>);

/// While this lives, everything that is compiled for dry runs is kept.
pub(crate) struct KeepModules(Arc<DryRunComponents>);

#[derive(Default)]
struct Entries {
    /// The one used last is the first.
    entries: Vec<Entry>,
    keepers: usize,
}

type Cell = OnceCell<Arc<DryRunComponent>>;

struct Entry {
    digest: [u8; 32],
    size: usize,
    cell: Weak<Cell>,
    kept: Option<Arc<Cell>>,
}

impl DryRunComponents {
    /// Returns the component of a module. Runs `make` if there is none; concurrent calls run it once.
    pub(super) async fn get_or_make(
        &self,
        module: &Module,
        make: impl Future<Output = Result<Arc<DryRunComponent>, LoadError>>,
    ) -> Result<Arc<DryRunComponent>, LoadError> {
        let cell = self.entries().cell(module);
        cell.get_or_try_init(|| make).await.cloned()
    }

    /// Keeps everything until the result is dropped: a load of many policies compiles each module once.
    pub(crate) fn keep(self: &Arc<Self>) -> KeepModules {
        self.entries().keepers += 1;
        KeepModules(Arc::clone(self))
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for KeepModules {
    fn drop(&mut self) {
        let mut entries = self.0.entries();
        entries.keepers -= 1;
        entries.release();
    }
}

impl Entries {
    fn cell(&mut self, module: &Module) -> Arc<Cell> {
        let mut known = self.entries.iter();
        let found = known.position(|entry| entry.digest == *module.sha256());
        let found = found.map(|at| self.entries.remove(at));
        let cell = found.and_then(|entry| entry.cell.upgrade());
        let cell = cell.unwrap_or_default();
        let entry = Entry {
            digest: *module.sha256(),
            size: module.size(),
            cell: Arc::downgrade(&cell),
            kept: Some(Arc::clone(&cell)),
        };
        self.entries.insert(0, entry);
        self.release();
        cell
    }

    /// Keeps the entries used last as far as they fit, and removes those that nobody uses.
    fn release(&mut self) {
        if self.keepers == 0 {
            let mut total = 0_usize;
            for entry in &mut self.entries {
                total = total.saturating_add(entry.size);
                if total > KEPT {
                    entry.kept = None;
                }
            }
        }
        self.entries.retain(|entry| entry.cell.strong_count() > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(byte: u8, size: usize) -> Module {
        Module::new(vec![byte; size].into())
    }

    /// Whether the entry of a module is still there, without touching it.
    fn is_kept(components: &DryRunComponents, module: &Module) -> bool {
        let entries = components.entries();
        let mut entries = entries.entries.iter();
        entries.any(|entry| entry.digest == *module.sha256())
    }

    #[test]
    fn modules_used_last_are_kept_up_to_the_bound() {
        let components = DryRunComponents::default();
        let [one, two, three] = [1, 2, 3].map(|byte| module(byte, KEPT / 2));
        for module in [&one, &two, &one, &three] {
            drop(components.entries().cell(module));
        }
        let kept = [&one, &two, &three].map(|module| is_kept(&components, module));
        assert_eq!(kept, [true, false, true]);
    }

    #[test]
    fn heavy_module_is_kept_only_during_a_load() {
        let components = Arc::<DryRunComponents>::default();
        let heavy = module(1, KEPT + 1);
        let load = components.keep();
        let cell = components.entries().cell(&heavy);
        assert!(Arc::ptr_eq(&cell, &components.entries().cell(&heavy)));
        drop(cell);
        assert!(is_kept(&components, &heavy));
        drop(load);
        assert!(!is_kept(&components, &heavy));
    }
}
