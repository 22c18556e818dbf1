use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use tempfile::TempDir;

use super::*;

/// A folder with these files, at paths in it.
fn folder(files: &[&str]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for name in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder");
        fs::write(path, "").expect("a file");
    }
    folder
}

fn link(folder: &TempDir, target: &str, name: &str) {
    symlink(target, folder.path().join(name)).expect("a link");
}

/// The files below a folder, by their paths in it.
fn names(root: &Path, files: &[PathBuf]) -> Vec<String> {
    let name = |file: &PathBuf| {
        let name = file.strip_prefix(root).expect("a file of the folder");
        name.display().to_string()
    };
    files.iter().map(name).collect()
}

fn walked(folder: &TempDir, reach: Reach) -> (Vec<String>, Vec<String>) {
    let found = Walk::new(reach).files(folder.path());
    let faults: Vec<_> = found
        .faults
        .iter()
        .map(|fault| fault.path.clone())
        .collect();
    (
        names(folder.path(), &found.files),
        names(folder.path(), &faults),
    )
}

#[test]
fn folder_means_its_yaml_and_json_files_in_order() {
    let folder = folder(&[
        "b.yml",
        "a.yaml",
        "c.JSON",
        "readme.md",
        ".x.yaml",
        "d/e.yaml",
    ]);
    let (files, faults) = walked(&folder, Reach::Below);
    assert_eq!(files, ["a.yaml", "b.yml", "c.JSON", "d/e.yaml"]);
    assert!(faults.is_empty(), "{faults:?}");
    let (files, _) = walked(&folder, Reach::Folder);
    assert_eq!(files, ["a.yaml", "b.yml", "c.JSON"]);
}

#[test]
fn links_that_lead_back_up_are_no_error_and_add_nothing() {
    let folder = folder(&["fine.yaml", "deep/er/cart.yaml"]);
    for (target, name) in [
        (".", "a"),
        (".", "b"),
        ("deep", "c"),
        ("../..", "deep/er/up"),
        ("up", "deep/er/round.yaml"),
        ("loop", "loop"),
    ] {
        link(&folder, target, name);
    }
    let (files, faults) = walked(&folder, Reach::Below);
    assert_eq!(files, ["deep/er/cart.yaml", "fine.yaml"]);
    assert!(faults.is_empty(), "{faults:?}");
}

#[test]
fn workspace_of_packages_that_link_to_each_other_is_walked_once() {
    let packages: Vec<_> = (0..12).map(|n| format!("p{n}/k8s.yaml")).collect();
    let packages: Vec<_> = packages.iter().map(String::as_str).collect();
    let folder = folder(&packages);
    for from in 0..12 {
        fs::create_dir(folder.path().join(format!("p{from}/node_modules"))).expect("a folder");
        for to in 0..12 {
            link(
                &folder,
                &format!("../../p{to}"),
                &format!("p{from}/node_modules/p{to}"),
            );
        }
    }
    let (files, faults) = walked(&folder, Reach::Below);
    assert_eq!(files.len(), 12);
    assert!(
        files.iter().all(|file| !file.contains("node_modules")),
        "{files:?}"
    );
    assert!(faults.is_empty(), "{faults:?}");
}

#[test]
fn file_is_found_once_under_its_own_name() {
    let folder = folder(&["z.yaml"]);
    link(&folder, "z.yaml", "a.yaml");
    fs::hard_link(folder.path().join("z.yaml"), folder.path().join("zz.yaml")).expect("a link");
    let (files, _) = walked(&folder, Reach::Below);
    assert_eq!(files.len(), 1);
    assert_ne!(files, ["a.yaml"]);
}

#[test]
fn file_that_was_named_before_is_not_found_again() {
    let folder = folder(&["a.yaml"]);
    let mut walk = Walk::new(Reach::Below);
    assert_eq!(walk.files(&folder.path().join("a.yaml")).files.len(), 1);
    let again = walk.files(folder.path());
    assert!(again.files.is_empty() && again.repeated);
}

#[test]
fn mounted_config_map_is_read_once() {
    let folder = folder(&["..2026_11_21/probes.yaml"]);
    link(&folder, "..2026_11_21", "..data");
    link(&folder, "..data/probes.yaml", "probes.yaml");
    assert_eq!(walked(&folder, Reach::Folder).0, ["probes.yaml"]);
    assert_eq!(walked(&folder, Reach::Below).0, ["probes.yaml"]);
}

#[test]
fn dead_link_to_a_manifest_is_an_error() {
    let folder = folder(&["a.yaml"]);
    link(&folder, "nowhere", "dead.yaml");
    link(&folder, "self.yaml", "self.yaml");
    link(&folder, "nowhere", "dead");
    let (files, mut faults) = walked(&folder, Reach::Below);
    faults.sort();
    assert_eq!(files, ["a.yaml"]);
    assert_eq!(faults, ["dead.yaml", "self.yaml"]);
}

#[test]
fn socket_in_a_folder_is_told_and_not_read() {
    let folder = folder(&["a.yaml"]);
    let _socket = UnixListener::bind(folder.path().join("b.yaml")).expect("a socket");
    let found = Walk::new(Reach::Below).files(folder.path());
    assert_eq!(names(folder.path(), &found.files), ["a.yaml"]);
    assert!(matches!(found.faults[0].why, FaultKind::Special));
}

#[test]
fn walk_ends_at_a_number_of_files_and_says_so() {
    let folder = folder(&["a.yaml", "b.yaml", "c.yaml", "d/e.yaml", "readme.md"]);
    let walk = |limit| {
        let mut walk = Walk::new(Reach::Below);
        walk.limit = limit;
        walk.files(folder.path())
    };
    assert!(walk(6).faults.is_empty());
    let found = walk(3);
    assert!(matches!(found.faults[0].why, FaultKind::TooMany(3)));
    assert!(found.faults[0].why.to_string().contains("name the folders"));
}

#[test]
fn absent_path_is_a_fault() {
    let folder = folder(&[]);
    let found = Walk::new(Reach::Below).files(&folder.path().join("absent"));
    assert!(matches!(found.faults[0].why, FaultKind::Unreadable(_)));
}
