//! Reads files and folders of policies.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};
use rollgate_model::ListError;
use rollgate_yaml::{self as yaml, Document};
use serde_json::Value;

use super::compile;
use super::configuration::{Configuration, PolicyItem, SourceItem};
use super::contents::{Contents, empty_file, is_blank};
use super::module::ModuleSource;
use super::policy_spec::{API_VERSION, PolicyObject};
use super::{Depth, Problem, SourceLocation, Walk};
use crate::sources::MetricSource;

/// The longest file of policies that is read, in bytes.
const MAX_FILE: u64 = 8 << 20;

/// Reads files and folders of files, on all processors. A problem with one does not leave out another.
///
/// The user named each path to have its policies loaded, so a path without a policy is a problem.
#[must_use]
pub fn read(paths: &[PathBuf]) -> Configuration {
    let mut reader = Reader::default();
    for path in paths {
        let missing = reader.path(path).missing_policy(path);
        reader.configuration.problems.extend(missing);
    }
    reader.configuration
}

/// Reads policies from a text, such as the bundled set. Relative paths of modules start at `folder`.
#[must_use]
pub fn read_text(name: &str, text: &str, folder: &Path) -> Configuration {
    let mut reader = Reader::default();
    reader.add(interpret(&name.into(), text.as_bytes(), folder));
    reader.configuration
}

#[derive(Default)]
struct Reader {
    configuration: Configuration,
    /// The kind and name of each object read so far, and where it is.
    seen: HashMap<(&'static str, String), String>,
    /// The number of objects that are no policies.
    others: usize,
    /// The files that were read, and what they contain.
    read: HashMap<PathBuf, Contents>,
}

impl Reader {
    fn path(&mut self, path: &Path) -> Contents {
        let found = Walk::new(Depth::Folder).files(path);
        let files: Vec<_> = found
            .files
            .par_iter()
            .map(|file| File::read(file))
            .collect();
        let files = files.into_iter().map(|file| self.file(file));
        let contents = files.max().unwrap_or(Contents::Nothing);
        if found.errors.is_empty() {
            return contents;
        }
        for error in found.errors {
            let file = error.path.display().to_string().into();
            let problem = Problem::of_file(&file, error.why.to_string());
            self.configuration.problems.push(problem);
        }
        Contents::Problems
    }

    /// Adds a file, unless another path led to it already.
    fn file(&mut self, file: File) -> Contents {
        if let Some(contents) = self.read.get(&file.real) {
            return *contents;
        }
        let found = |reader: &Self| {
            let configuration = &reader.configuration;
            (
                configuration.problems.len(),
                configuration.policies.len(),
                reader.others,
            )
        };
        let (problems, policies, others) = found(self);
        self.add(file.objects);
        let contents = match found(self) {
            (now, ..) if now > problems => Contents::Problems,
            (_, now, _) if now > policies => Contents::Policies,
            (_, _, now) if now > others => Contents::OtherObjects,
            _ => Contents::Nothing,
        };
        self.read.insert(file.real, contents);
        contents
    }

    fn add(&mut self, objects: Vec<Result<Object, Vec<Problem>>>) {
        for object in objects {
            let added = object.and_then(|object| self.object(object));
            self.configuration
                .problems
                .extend(added.err().into_iter().flatten());
        }
    }

    fn object(&mut self, object: Object) -> Result<(), Vec<Problem>> {
        match object {
            Object::Policy(item) => {
                self.check_unique("policy", item.policy.name.as_str(), &item.location)?;
                self.configuration.policies.push(item);
            }
            Object::MetricSource(item) => {
                self.check_unique("metric source", item.name(), &item.location)?;
                self.configuration.sources.push(item);
                self.others += 1;
            }
            Object::Scenario => self.others += 1,
        }
        Ok(())
    }

    fn check_unique(
        &mut self,
        what: &'static str,
        name: &str,
        location: &SourceLocation,
    ) -> Result<(), Vec<Problem>> {
        let here = location.problem("/metadata/name", "");
        match self.seen.entry((what, name.to_owned())) {
            Entry::Vacant(entry) => {
                entry.insert(here.location());
                Ok(())
            }
            Entry::Occupied(first) => {
                let message = format!("there is a {what} `{name}` already, at {}", first.get());
                Err(vec![
                    Problem { message, ..here }.hint("give one of the two another name"),
                ])
            }
        }
    }
}

/// A file that was read by itself: nothing in it is compared with other files yet.
struct File {
    /// Another path may link to it.
    real: PathBuf,
    objects: Vec<Result<Object, Vec<Problem>>>,
}

/// An object of a file.
enum Object {
    Policy(PolicyItem),
    MetricSource(SourceItem),
    /// A test of the policies beside it.
    Scenario,
}

impl File {
    fn read(path: &Path) -> Self {
        let name: Arc<str> = path.display().to_string().into();
        let objects = match read_file(path) {
            Ok(bytes) if is_blank(&bytes) => vec![Err(vec![empty_file(path)])],
            Ok(bytes) => interpret(&name, &bytes, path.parent().unwrap_or(Path::new(""))),
            Err(error) => {
                let message = format!("cannot be read: {error}");
                vec![Err(vec![Problem::of_file(&name, message)])]
            }
        };
        Self {
            real: fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()),
            objects,
        }
    }
}

/// Reads the objects of a text.
fn interpret(file: &Arc<str>, bytes: &[u8], folder: &Path) -> Vec<Result<Object, Vec<Problem>>> {
    let mut objects = Vec::new();
    for document in yaml::read(bytes) {
        match document {
            Ok(document) => {
                let all = rollgate_model::objects(document).into_iter();
                objects.extend(all.map(|object| match object {
                    Ok(object) => compile(file, &object, folder),
                    Err(error) => Err(vec![invalid_list(file, &error)]),
                }));
            }
            Err(error) => {
                let text = String::from_utf8_lossy(bytes);
                let problem = Problem::at(file, &text, &error.location, error.kind.to_string());
                objects.push(Err(vec![problem]));
            }
        }
    }
    objects
}

fn invalid_list(file: &Arc<str>, error: &ListError) -> Problem {
    let message = error.problem.to_string();
    Problem::of(file, &error.spans, error.pointer, message)
}

fn compile(file: &Arc<str>, document: &Document, folder: &Path) -> Result<Object, Vec<Problem>> {
    match kind_of(file, document)? {
        Kind::Policy => policy(file, document, folder).map(Object::Policy),
        Kind::MetricSource => source(file, document).map(Object::MetricSource),
        Kind::Scenario => Ok(Object::Scenario),
    }
}

fn policy(file: &Arc<str>, document: &Document, folder: &Path) -> Result<PolicyItem, Vec<Problem>> {
    let object = strictly::<PolicyObject>(file, document)?;
    let mut policy = compile::policy(object).map_err(|mistakes| {
        let problem = |mistake: compile::Mistake| {
            Problem::of(file, &document.spans, &mistake.pointer, mistake.message)
        };
        mistakes.into_iter().map(problem).collect::<Vec<_>>()
    })?;
    if let ModuleSource::File(path) = &mut policy.module {
        *path = folder.join(&path);
    }
    Ok(PolicyItem {
        policy,
        location: SourceLocation::Text(Arc::clone(file), document.spans.clone()),
        generation: None,
    })
}

fn source(file: &Arc<str>, document: &Document) -> Result<SourceItem, Vec<Problem>> {
    Ok(SourceItem {
        source: strictly::<MetricSource>(file, document)?,
        location: SourceLocation::Text(Arc::clone(file), document.spans.clone()),
        generation: None,
    })
}

/// Reads a file of policies, up to a size that none has.
fn read_file(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(file)?
        .take(MAX_FILE + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        let message = format!(
            "longer than {} MiB, which no file of policies is",
            MAX_FILE >> 20
        );
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// Reads a type and refuses unknown fields.
fn strictly<T: serde::de::DeserializeOwned>(
    file: &Arc<str>,
    document: &Document,
) -> Result<T, Vec<Problem>> {
    document.read().map_err(|error| {
        let text = document.spans.text();
        vec![Problem::at(
            file,
            text,
            &error.location,
            error.problem.to_string(),
        )]
    })
}

/// The kind of an object.
enum Kind {
    Policy,
    MetricSource,
    /// A test of the policies beside it.
    Scenario,
}

const KINDS: &[&str] = &["RolloutPolicy", "ClusterRolloutPolicy", "MetricSource"];

fn kind_of(file: &Arc<str>, document: &Document) -> Result<Kind, Vec<Problem>> {
    let problem =
        |pointer, message: String| Err(vec![Problem::of(file, &document.spans, pointer, message)]);
    let word = |field| document.tree.get(field).and_then(Value::as_str);
    let (Some(api_version), Some(kind)) = (word("apiVersion"), word("kind")) else {
        return problem(
            "",
            format!(
                "this is no policy: it needs `apiVersion: {API_VERSION}` and `kind: RolloutPolicy`"
            ),
        );
    };
    match (api_version, kind) {
        (API_VERSION, "RolloutPolicy" | "ClusterRolloutPolicy") => Ok(Kind::Policy),
        (API_VERSION, "MetricSource") => Ok(Kind::MetricSource),
        (API_VERSION, "Scenario") => Ok(Kind::Scenario),
        (API_VERSION, "RolloutOverride") => problem(
            "/kind",
            "a RolloutOverride has effect in the cluster alone; create it there, and keep it out of this folder".to_owned(),
        ),
        (API_VERSION, other) => problem(
            "/kind",
            yaml::FieldProblem::UnknownWord {
                word: other.to_owned(),
                known: KINDS.to_vec(),
            }
            .to_string(),
        ),
        (other, _) if KINDS.contains(&kind) => problem(
            "/apiVersion",
            format!(
                "a {kind} has the `apiVersion: {API_VERSION}`, and not `{}`",
                other.escape_debug()
            ),
        ),
        _ => problem(
            "/kind",
            format!(
                "a {} is no policy; keep other objects out of this folder",
                kind.escape_debug()
            ),
        ),
    }
}
