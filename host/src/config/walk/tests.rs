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

fn walked(folder: &TempDir, depth: Depth) -> (Vec<String>, Vec<String>) {
    let found = Walk::new(depth).files(folder.path());
    let errors: Vec<_> = found
        .errors
        .iter()
        .map(|error| error.path.clone())
        .collect();
    (
        names(folder.path(), &found.files),
        names(folder.path(), &errors),
    )
}

#[test]
fn folder_names_its_yaml_and_json_files_in_order() {
    let folder = folder(&[
        "b.yml",
        "a.yaml",
        "c.JSON",
        "readme.md",
        ".x.yaml",
        "d/e.yaml",
    ]);
    let (files, errors) = walked(&folder, Depth::Recursive);
    assert_eq!(files, ["a.yaml", "b.yml", "c.JSON", "d/e.yaml"]);
    assert!(errors.is_empty(), "{errors:?}");
    let (files, _) = walked(&folder, Depth::Folder);
    assert_eq!(files, ["a.yaml", "b.yml", "c.JSON"]);
}

#[test]
fn links_to_parent_folders_add_nothing() {
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
    let (files, errors) = walked(&folder, Depth::Recursive);
    assert_eq!(files, ["deep/er/cart.yaml", "fine.yaml"]);
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn packages_that_link_to_each_other_are_walked_once() {
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
    let (files, errors) = walked(&folder, Depth::Recursive);
    assert_eq!(files.len(), 12);
    assert!(
        files.iter().all(|file| !file.contains("node_modules")),
        "{files:?}"
    );
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn file_is_found_once_under_its_own_name() {
    let folder = folder(&["z.yaml"]);
    link(&folder, "z.yaml", "a.yaml");
    fs::hard_link(folder.path().join("z.yaml"), folder.path().join("zz.yaml")).expect("a link");
    let (files, _) = walked(&folder, Depth::Recursive);
    assert_eq!(files.len(), 1);
    assert_ne!(files, ["a.yaml"]);
}

#[test]
fn file_that_was_named_before_is_not_found_again() {
    let folder = folder(&["a.yaml"]);
    let mut walk = Walk::new(Depth::Recursive);
    assert_eq!(walk.files(&folder.path().join("a.yaml")).files.len(), 1);
    let again = walk.files(folder.path());
    assert!(again.files.is_empty() && again.repeated);
}

#[test]
fn mounted_config_map_is_read_once() {
    let folder = folder(&["..2026_11_21/probes.yaml"]);
    link(&folder, "..2026_11_21", "..data");
    link(&folder, "..data/probes.yaml", "probes.yaml");
    assert_eq!(walked(&folder, Depth::Folder).0, ["probes.yaml"]);
    assert_eq!(walked(&folder, Depth::Recursive).0, ["probes.yaml"]);
}

#[test]
fn broken_link_to_a_manifest_is_an_error() {
    let folder = folder(&["a.yaml"]);
    link(&folder, "nowhere", "dead.yaml");
    link(&folder, "self.yaml", "self.yaml");
    link(&folder, "nowhere", "dead");
    let (files, mut errors) = walked(&folder, Depth::Recursive);
    errors.sort();
    assert_eq!(files, ["a.yaml"]);
    assert_eq!(errors, ["dead.yaml", "self.yaml"]);
}

#[test]
fn socket_in_a_folder_is_reported_and_not_read() {
    let folder = folder(&["a.yaml"]);
    let _socket = UnixListener::bind(folder.path().join("b.yaml")).expect("a socket");
    let found = Walk::new(Depth::Recursive).files(folder.path());
    assert_eq!(names(folder.path(), &found.files), ["a.yaml"]);
    assert!(matches!(found.errors[0].why, WalkErrorKind::Special));
}

#[test]
fn walk_ends_at_a_number_of_files_and_says_so() {
    let folder = folder(&["a.yaml", "b.yaml", "c.yaml", "d/e.yaml", "readme.md"]);
    let walk = |limit| {
        let mut walk = Walk::new(Depth::Recursive);
        walk.limit = limit;
        walk.files(folder.path())
    };
    assert!(walk(6).errors.is_empty());
    let found = walk(3);
    assert!(matches!(found.errors[0].why, WalkErrorKind::TooMany(3)));
    assert!(found.errors[0].why.to_string().contains("name the folders"));
}

#[test]
fn missing_path_is_an_error() {
    let folder = folder(&[]);
    let found = Walk::new(Depth::Recursive).files(&folder.path().join("absent"));
    assert!(matches!(found.errors[0].why, WalkErrorKind::Unreadable(_)));
}
