//! Files that are no manifests yet: charts of Helm, folders of kustomize, and templates.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rollgate_yaml as yaml;
use serde_json::Value;

use super::super::inputs::Input;
use crate::config::Problem;

/// What to do with a template.
pub(super) const HINT: &str = "for a Helm chart: `helm template CHART | rollgate check -`";

/// What makes manifests out of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Renderer {
    Helm,
    Kustomize,
}

const CHART: &str = "Chart.yaml";
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Leaves out the files that a renderer reads, and reports each folder once. Such a file alone does not
/// show what the cluster will get.
pub(super) fn leave_out(path: &Path, inputs: Vec<Input>) -> (Vec<Input>, Vec<Problem>) {
    let folders = folders(path, &inputs);
    let is_kept = |input: &Input| match input {
        Input::Stdin => true,
        Input::File(file) if file == path => !is_recipe(file),
        Input::File(file) => !folders.keys().any(|folder| file.starts_with(folder)),
    };
    let kept = inputs.into_iter().filter(is_kept).collect();
    let problems = folders
        .iter()
        .map(|(folder, renderer)| renderer.problem(folder));
    (kept, problems.collect())
}

/// The outermost folders that something is rendered from.
fn folders(path: &Path, inputs: &[Input]) -> BTreeMap<PathBuf, Renderer> {
    let mut folders: BTreeMap<PathBuf, Renderer> = BTreeMap::new();
    let files = inputs.iter().filter_map(|input| match input {
        Input::Stdin => None,
        Input::File(file) => Some(file.as_path()),
    });
    let mut parents: Vec<&Path> = files
        .filter(|file| *file != path || is_recipe(file))
        .filter_map(Path::parent)
        .collect();
    parents.sort_unstable();
    parents.dedup();
    for parent in parents {
        if folders.keys().any(|outer| parent.starts_with(outer)) {
            continue;
        }
        if let Some((folder, renderer)) = Renderer::around(path, parent) {
            folders.insert(folder, renderer);
        }
    }
    folders
}

/// Whether a file says by its name how to render the folder that it lies in.
fn is_recipe(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str());
    match name {
        Some(CHART) => true,
        Some(name) if KUSTOMIZATIONS.contains(&name) => is_kustomization(file),
        _ => false,
    }
}

/// Flux has a kind of the same name, which is an object of the cluster.
fn is_kustomization(file: &Path) -> bool {
    let Ok(bytes) = fs::read(file) else {
        return false;
    };
    !yaml::read(&bytes).into_iter().flatten().any(|document| {
        let api_version = document.tree.get("apiVersion").and_then(Value::as_str);
        api_version.is_some_and(|version| version.starts_with("kustomize.toolkit.fluxcd.io/"))
    })
}

impl Renderer {
    /// Returns what renders a folder: a chart or kustomization in it or in a folder above it, up to the
    /// parent of the folder that was named.
    fn around(named: &Path, folder: &Path) -> Option<(PathBuf, Self)> {
        let mut at = folder;
        loop {
            if let Some(renderer) = Self::of(at) {
                return Some((at.to_owned(), renderer));
            }
            if at == named || !at.starts_with(named) {
                break;
            }
            at = at.parent()?;
        }
        let is_templates = at.file_name().is_some_and(|name| name == "templates");
        let above = at.parent().filter(|_| is_templates)?;
        above
            .join(CHART)
            .is_file()
            .then(|| (above.to_owned(), Self::Helm))
    }

    fn of(folder: &Path) -> Option<Self> {
        if folder.join(CHART).is_file() {
            return Some(Self::Helm);
        }
        let mut files = KUSTOMIZATIONS.iter().map(|name| folder.join(name));
        files
            .any(|file| file.is_file() && is_kustomization(&file))
            .then_some(Self::Kustomize)
    }

    fn problem(self, folder: &Path) -> Problem {
        let recipe = match self {
            Self::Helm => CHART,
            Self::Kustomize => KUSTOMIZATIONS
                .into_iter()
                .find(|name| folder.join(name).is_file())
                .unwrap_or(KUSTOMIZATIONS[0]),
        };
        let message = match self {
            Self::Helm => {
                "this folder is a Helm chart: its files are no manifests before they are rendered, so none of them was evaluated"
            }
            Self::Kustomize => {
                "kustomize makes manifests out of this folder: its files alone are not what the cluster gets, so none of them was evaluated"
            }
        };
        let file = folder.join(recipe).display().to_string();
        Problem::of_file(&file.into(), message).hint(self.hint(folder))
    }

    fn hint(self, folder: &Path) -> String {
        let folder = match folder.display().to_string() {
            empty if empty.is_empty() => ".".to_owned(),
            folder => folder,
        };
        match self {
            Self::Helm => format!("`helm template {folder} | rollgate check -`"),
            Self::Kustomize => format!("`kustomize build {folder} | rollgate check -`"),
        }
    }
}

/// Gives problems with files that were named one by one the hint that they are to be rendered, where
/// they lie in a chart or beside a kustomization.
pub(super) fn advise(problems: &mut [Problem]) {
    for problem in problems.iter_mut().filter(|problem| {
        problem.spot.is_some() && problem.hint.as_deref().is_none_or(|hint| hint == HINT)
    }) {
        let file = Path::new(&*problem.file);
        let folder = file.parent().filter(|_| file.is_file());
        // Patches often have a folder of their own.
        let near = folder
            .into_iter()
            .flat_map(|folder| folder.ancestors().take(2));
        let around = near
            .into_iter()
            .find_map(|folder| Renderer::around(folder, folder));
        if let Some((folder, renderer)) = around {
            problem.hint = Some(renderer.hint(&folder));
        }
    }
}

/// The first field of a workload that holds a template and could hold nothing of the kind in a
/// cluster: a name or an image. Elsewhere, such as in arguments, braces may be meant.
pub(super) fn field(tree: &Value) -> Option<String> {
    let metadata = ["name", "generateName", "namespace"].map(|name| format!("/metadata/{name}"));
    let containers = ["containers", "initContainers"]
        .into_iter()
        .flat_map(|list| {
            let list = format!("/spec/template/spec/{list}");
            let length = tree
                .pointer(&list)
                .and_then(Value::as_array)
                .map_or(0, Vec::len);
            (0..length).flat_map(move |index| {
                ["name", "image"].map(|name| format!("{list}/{index}/{name}"))
            })
        });
    metadata.into_iter().chain(containers).find(|pointer| {
        let text = tree.pointer(pointer).and_then(Value::as_str);
        text.is_some_and(|text| text.contains("{{"))
    })
}
