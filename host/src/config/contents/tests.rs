use tempfile::TempDir;

use super::*;
use crate::config::read;

const POLICY: &str = "apiVersion: rollgate.dev/v1alpha1\nkind: ClusterRolloutPolicy\n\
    metadata: {name: probes}\nspec: {module: {builtin: probes}}\n";
const SOURCE: &str = "apiVersion: rollgate.dev/v1alpha1\nkind: MetricSource\n\
    metadata: {name: prod}\nspec: {prometheus: {url: \"https://prometheus.example\"}}\n";
const SCENARIO: &str = "apiVersion: rollgate.dev/v1alpha1\nkind: Scenario\nmetadata: {name: a}\n";
const NOTHING: &str = "there is no policy here, so no rollout would be checked";
const EMPTY: &str = "there is no policy here: the file is empty";

/// A folder with these files, at paths in it.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    folder
}

/// Returns the problems of paths in a folder: path, message and hint.
fn problems_of(folder: &TempDir, paths: &[&str]) -> Vec<(String, String, String)> {
    let paths: Vec<_> = paths.iter().map(|path| folder.path().join(path)).collect();
    let relative = |file: &str| {
        let path = Path::new(file).strip_prefix(folder.path());
        path.expect("a path of the folder").display().to_string()
    };
    let problems = read(&paths).problems.into_iter();
    problems
        .map(|problem| {
            let hint = problem.hint.unwrap_or_default();
            (relative(&problem.file), problem.message, hint)
        })
        .collect()
}

/// Returns the only problem of a path.
fn only_problem(folder: &TempDir, path: &str) -> (String, String, String) {
    let mut problems = problems_of(folder, &[path]);
    assert_eq!(problems.len(), 1, "{path}: {problems:?}");
    problems.remove(0)
}

#[test]
fn path_without_a_policy_is_a_problem_that_names_it() {
    let folder = folder(&[
        ("empty/.keep", ""),
        ("hidden/..data/probes.yaml", POLICY),
        ("other-names/probes.yaml.bak", POLICY),
        ("comments/a.yaml", "# All of it is commented out.\n---\n"),
        ("list/a.yaml", "apiVersion: v1\nkind: List\nitems: []\n"),
        ("comment.yaml", "# kind: ClusterRolloutPolicy\n"),
        ("marks.yaml", "---\n---\n"),
        ("sources.yaml", SOURCE),
        ("others/source.yaml", SOURCE),
        ("others/scenario.yaml", SCENARIO),
    ]);
    for path in [
        "empty",
        "hidden",
        "other-names",
        "comments",
        "list",
        "comment.yaml",
        "marks.yaml",
        "sources.yaml",
        "others",
    ] {
        let (file, message, hint) = only_problem(&folder, path);
        assert_eq!((file.as_str(), message.as_str()), (path, NOTHING));
        assert!(!hint.is_empty(), "{path}");
    }
}

#[test]
fn policies_in_a_folder_inside_are_not_read_and_the_hint_names_that_folder() {
    let folder = folder(&[("sub/team/probes.yaml", POLICY)]);
    let (file, message, hint) = only_problem(&folder, "sub");
    assert_eq!((file.as_str(), message.as_str()), ("sub", NOTHING));
    assert!(hint.starts_with("folders inside it are not read"), "{hint}");
    assert!(hint.contains("sub/team"), "{hint}");
}

#[test]
fn path_with_other_objects_only_is_a_problem_that_says_so() {
    let folder = folder(&[("sources.yaml", SOURCE)]);
    let (_, _, hint) = only_problem(&folder, "sources.yaml");
    assert!(hint.starts_with("it contains other objects only"), "{hint}");
}

#[test]
fn empty_file_is_a_problem_even_beside_a_policy() {
    for blank in ["", " \n\t\r\n", "\u{feff}", "\u{feff}\n"] {
        let folder = folder(&[("a/probes.yaml", POLICY), ("a/cut.yaml", blank)]);
        let (file, message, _) = only_problem(&folder, "a");
        assert_eq!((file.as_str(), message.as_str()), ("a/cut.yaml", EMPTY));
        let (file, message, _) = only_problem(&folder, "a/cut.yaml");
        assert_eq!((file.as_str(), message.as_str()), ("a/cut.yaml", EMPTY));
    }
}

#[test]
fn each_named_path_needs_a_policy_of_its_own() {
    let folder = folder(&[("full/probes.yaml", POLICY), ("empty/.keep", "")]);
    let problems = problems_of(&folder, &["full", "empty", "absent"]);
    let files: Vec<_> = problems.iter().map(|(file, ..)| file.as_str()).collect();
    assert_eq!(files, ["empty", "absent"]);
}

#[test]
fn path_named_twice_counts_as_what_it_contains() {
    let folder = folder(&[("full/probes.yaml", POLICY), ("full/source.yaml", SOURCE)]);
    let paths = ["full", "full", "full/probes.yaml"];
    assert_eq!(problems_of(&folder, &paths), []);
    let paths = ["full", "full/source.yaml"];
    assert_eq!(problems_of(&folder, &paths).len(), 1);
}

#[test]
fn unreadable_file_is_reported_once() {
    let folder = folder(&[
        ("broken/a.yaml", "kind: ["),
        ("zeros/a.yaml", "\0\0\0\0"),
        ("cut/a.yaml", &POLICY[..60]),
        ("list/a.yaml", "apiVersion: v1\nkind: List\nitems: {a: b}\n"),
    ]);
    for path in ["broken", "zeros", "cut", "list", "absent"] {
        let (_, message, _) = only_problem(&folder, path);
        assert_ne!(message, NOTHING, "{path}");
    }
}

#[test]
fn folder_with_a_policy_and_other_objects_has_no_problem() {
    let folder = folder(&[
        ("full/probes.yaml", POLICY),
        ("full/source.yaml", SOURCE),
        ("full/scenarios/a.yaml", "kind: ["),
        ("full/notes.yaml", "# nothing but a remark\n"),
    ]);
    assert_eq!(problems_of(&folder, &["full"]), []);
}
