//! Modules that were built when a version of the contract was released: each must load and pass its
//! scenarios as long as that version is supported. See `tests/frozen/README.md`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rollgate::engine::Module;
use rollgate_tests::scenarios;

#[tokio::test(flavor = "multi_thread")]
async fn every_frozen_module_passes_its_scenarios() {
    for module in frozen() {
        let bytes = fs::read(&module).expect("it can be read");
        scenarios::hold(&bytes, &module.with_extension("")).await;
    }
}

#[test]
fn no_frozen_module_was_rebuilt() {
    let sums = fs::read_to_string(folder().join("SHA256SUMS")).expect("the sums");
    let listed: BTreeMap<PathBuf, &str> = sums
        .lines()
        .map(|line| line.split_once("  ").expect("a sum and a file"))
        .map(|(sum, file)| (folder().join(file), sum))
        .collect();
    let found: Vec<PathBuf> = frozen();
    assert!(found.iter().eq(listed.keys()), "{found:?}");
    for (file, sum) in listed {
        let bytes = fs::read(&file).expect("it can be read");
        assert_eq!(
            Module::new(bytes.into()).digest(),
            sum,
            "{}",
            file.display()
        );
    }
}

/// Returns the modules of all versions.
fn frozen() -> Vec<PathBuf> {
    let versions = entries(&folder()).into_iter().filter(|path| path.is_dir());
    let mut modules: Vec<PathBuf> = versions
        .flat_map(|version| entries(&version))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "wasm")
        })
        .collect();
    modules.sort();
    assert!(!modules.is_empty(), "nothing is frozen");
    modules
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .expect("the folder can be read")
        .map(|entry| entry.expect("the folder can be read").path())
        .collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("frozen")
}
