//! Reads files and folders of policies.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

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

/// Reads files and folders of files. A problem with one does not leave out another.
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
    reader.text(&name.into(), text.as_bytes(), folder);
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
        let files = found.files.iter().map(|file| self.file(file));
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

    /// Reads a file, unless another path led to it already.
    fn file(&mut self, file: &Path) -> Contents {
        // Another path may link to it.
        let real = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
        if let Some(contents) = self.read.get(&real) {
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
        self.bytes_of(file);
        let contents = match found(self) {
            (now, ..) if now > problems => Contents::Problems,
            (_, now, _) if now > policies => Contents::Policies,
            (_, _, now) if now > others => Contents::OtherObjects,
            _ => Contents::Nothing,
        };
        self.read.insert(real, contents);
        contents
    }

    fn bytes_of(&mut self, file: &Path) {
        match read_file(file) {
            Ok(bytes) if is_blank(&bytes) => {
                self.configuration.problems.push(empty_file(file));
            }
            Ok(bytes) => {
                let name = file.display().to_string().into();
                self.text(&name, &bytes, file.parent().unwrap_or(Path::new("")));
            }
            Err(error) => self.unreadable(file, &error),
        }
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        let file = path.display().to_string().into();
        self.configuration
            .problems
            .push(Problem::of_file(&file, format!("cannot be read: {error}")));
    }

    fn text(&mut self, file: &Arc<str>, bytes: &[u8], folder: &Path) {
        for document in yaml::read(bytes) {
            match document {
                Ok(document) => {
                    for object in rollgate_model::objects(document) {
                        match object {
                            Ok(object) => self.object(file, &object, folder),
                            Err(error) => self.invalid_list(file, &error),
                        }
                    }
                }
                Err(error) => {
                    let text = String::from_utf8_lossy(bytes);
                    let problem = Problem::at(file, &text, &error.location, error.kind.to_string());
                    self.configuration.problems.push(problem);
                }
            }
        }
    }

    fn invalid_list(&mut self, file: &Arc<str>, error: &ListError) {
        let message = error.problem.to_string();
        let problem = Problem::of(file, &error.spans, error.pointer, message);
        self.configuration.problems.push(problem);
    }

    fn object(&mut self, file: &Arc<str>, document: &Document, folder: &Path) {
        match self.compile(file, document, folder) {
            Ok(()) => {}
            Err(problems) => self.configuration.problems.extend(problems),
        }
    }

    fn compile(
        &mut self,
        file: &Arc<str>,
        document: &Document,
        folder: &Path,
    ) -> Result<(), Vec<Problem>> {
        match kind_of(file, document)? {
            Kind::Policy => self.policy(file, document, folder),
            Kind::MetricSource => self.source(file, document),
            Kind::Scenario => {
                self.others += 1;
                Ok(())
            }
        }
    }

    fn policy(
        &mut self,
        file: &Arc<str>,
        document: &Document,
        folder: &Path,
    ) -> Result<(), Vec<Problem>> {
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
        self.check_unique("policy", policy.name.as_str(), file, document)?;
        let item = PolicyItem {
            policy,
            location: SourceLocation::Text(Arc::clone(file), document.spans.clone()),
            generation: None,
        };
        self.configuration.policies.push(item);
        Ok(())
    }

    fn source(&mut self, file: &Arc<str>, document: &Document) -> Result<(), Vec<Problem>> {
        let source = strictly::<MetricSource>(file, document)?;
        self.check_unique("metric source", &source.metadata.name, file, document)?;
        let item = SourceItem {
            source,
            location: SourceLocation::Text(Arc::clone(file), document.spans.clone()),
            generation: None,
        };
        self.configuration.sources.push(item);
        self.others += 1;
        Ok(())
    }

    fn check_unique(
        &mut self,
        what: &'static str,
        name: &str,
        file: &Arc<str>,
        document: &Document,
    ) -> Result<(), Vec<Problem>> {
        let here = Problem::of(file, &document.spans, "/metadata/name", "");
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
