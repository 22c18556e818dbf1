//! The custom resource definitions that are checked in are those that the types make.
//!
//! `SNAPSHOTS=overwrite cargo test -p rollgate --test crds` writes them anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rollgate::cluster::crd;
use snapbox::{Assert, Data, IntoData};

#[test]
fn crd_files_are_up_to_date() {
    let assert = Assert::new().action_env("SNAPSHOTS");
    for definition in crd::definitions() {
        let file = folder().join(format!("{}.yaml", definition.spec.names.plural));
        let made = serde_saphyr::to_string(&definition).expect("YAML");
        let checked_in = Data::read_from(&file, None);
        if let Err(error) = assert.try_eq(Some(&file.display()), made.into_data(), checked_in.raw())
        {
            panic!("{error}");
        }
    }
}

#[test]
fn there_are_no_other_crd_files() {
    let made = crd::definitions().map(|definition| definition.spec.names.plural);
    let entries = fs::read_dir(folder()).expect("the folder of definitions");
    let present: BTreeSet<_> = entries
        .map(|entry| entry.expect("a file").path())
        .filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned()))
        .collect();
    assert_eq!(present, BTreeSet::from(made));
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/crds")
}
