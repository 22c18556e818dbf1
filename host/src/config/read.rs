//! Takes files and folders of policies apart.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rollgate_model::ListError;
use rollgate_model::yaml::{self, Document};
use serde_json::Value;

use super::compile;
use super::configuration::{Configuration, PolicyItem, SourceItem};
use super::contents::{Contents, empty_file, is_blank};
use super::module::ModuleSource;
use super::wire::{API_VERSION, PolicyObject};
use super::{Place, Problem, Reach, Walk, files};
use crate::sources::MetricSource;

/// Reads files, and folders of files. What is wrong with one is no reason to leave out another.
///
/// Each path was named by somebody who means policies to be there: one without a policy is a problem.
#[must_use]
pub fn read(paths: &[PathBuf]) -> Configuration {
    let mut reader = Reader::default();
    for path in paths {
        let missing = reader.path(path).missing_policy(path);
        reader.configuration.problems.extend(missing);
    }
    reader.configuration
}

/// Reads policies out of a text, such as the bundled set. Relative modules start at `folder`.
#[must_use]
pub fn read_text(name: &str, text: &str, folder: &Path) -> Configuration {
    let mut reader = Reader::default();
    reader.text(&name.into(), text.as_bytes(), folder);
    reader.configuration
}

#[derive(Default)]
struct Reader {
    configuration: Configuration,
    /// The kind and name of each object that was met, and where.
    met: HashMap<(&'static str, String), String>,
    /// How many objects were met that are no policies.
    others: usize,
    /// The files that were read, and what they hold.
    read: HashMap<PathBuf, Contents>,
}

impl Reader {
    fn path(&mut self, path: &Path) -> Contents {
        let found = Walk::new(Reach::Folder).files(path);
        let files = found.files.iter().map(|file| self.file(file));
        let contents = files.max().unwrap_or(Contents::Nothing);
        if found.faults.is_empty() {
            return contents;
        }
        for fault in found.faults {
            let file = fault.path.display().to_string().into();
            let problem = Problem::of_file(&file, fault.why.to_string());
            self.configuration.problems.push(problem);
        }
        Contents::Problems
    }

    /// Reads a file, unless another path led to it already.
    fn file(&mut self, file: &Path) -> Contents {
        // A link of another path may lead to it.
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
        match files::contents(file) {
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

    fn unreadable(&mut self, path: &Path, error: &std::io::Error) {
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
                            Err(error) => self.no_object(file, &error),
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

    fn no_object(&mut self, file: &Arc<str>, error: &ListError) {
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
        self.only_one("policy", policy.name.as_str(), file, document)?;
        let item = PolicyItem {
            policy,
            place: Place::Text(Arc::clone(file), document.spans.clone()),
            generation: None,
        };
        self.configuration.policies.push(item);
        Ok(())
    }

    fn source(&mut self, file: &Arc<str>, document: &Document) -> Result<(), Vec<Problem>> {
        let source = strictly::<MetricSource>(file, document)?;
        self.only_one("metric source", &source.metadata.name, file, document)?;
        let item = SourceItem {
            source,
            place: Place::Text(Arc::clone(file), document.spans.clone()),
            generation: None,
        };
        self.configuration.sources.push(item);
        self.others += 1;
        Ok(())
    }

    fn only_one(
        &mut self,
        what: &'static str,
        name: &str,
        file: &Arc<str>,
        document: &Document,
    ) -> Result<(), Vec<Problem>> {
        let here = Problem::of(file, &document.spans, "/metadata/name", "");
        match self.met.entry((what, name.to_owned())) {
            Entry::Vacant(entry) => {
                entry.insert(here.place());
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

/// Reads a type strictly.
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

/// What an object is.
enum Kind {
    Policy,
    MetricSource,
    /// Lies beside the policies that it tests.
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
