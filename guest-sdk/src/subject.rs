//! The subject of a query: a workload, which gives the variables of a template their values.

use crate::template::{QueryTemplate, TemplateError};
use crate::{Failure, Kind, Rollout, Workload, pod_names};

const NAMESPACE: &str = "namespace";
const NAME: &str = "name";
const KIND: &str = "kind";
const PODS: &str = "pods";
const LABEL: &str = "label:";

/// Parses a template that may use the variables of a subject: `${namespace}`, `${name}`, `${kind}`,
/// `${label:KEY}` and, as a regular expression, `${pods}`.
///
/// # Errors
/// See [`QueryTemplate::parse`].
pub fn template(text: &str) -> Result<QueryTemplate, TemplateError> {
    let label = |rest: &'_ str| Some(rest.split_once('}')?.0.to_owned());
    let labels: Vec<String> = text
        .split("${")
        .skip(1)
        .filter(|rest| rest.len() > LABEL.len() && rest.starts_with(LABEL))
        .filter_map(label)
        .collect();
    // The variables that an error message lists; `label:KEY` represents all labels.
    let mut known = vec![NAMESPACE, NAME, KIND];
    known.extend(labels.iter().map(String::as_str));
    known.push("label:KEY");
    QueryTemplate::parse_with_patterns(text, &known, &[PODS])
}

/// The workload that is queried.
pub struct Subject<'a> {
    workload: &'a Workload,
    /// A name other than the workload's own.
    name: Option<&'a str>,
}

impl<'a> Subject<'a> {
    /// Returns the new object, or the old one where it is deleted.
    #[must_use]
    pub fn of(rollout: &'a Rollout<'_>) -> Option<Self> {
        let workload = rollout.new().or_else(|| rollout.old())?;
        Some(Self {
            workload,
            name: None,
        })
    }

    /// Returns a workload of another name, with the kind, namespace and labels of this one, such as
    /// its canary.
    #[must_use]
    pub const fn named(self, name: &'a str) -> Self {
        Self {
            name: Some(name),
            ..self
        }
    }

    /// Returns the workload; of a subject with another name, the one that lent it its labels.
    #[must_use]
    pub const fn workload(&self) -> &'a Workload {
        self.workload
    }

    /// Renders the query for this workload.
    ///
    /// # Errors
    /// A variable has no value. It is not replaced by an empty string: `namespace=""` would match
    /// the series without a namespace, and so evaluate something else. And since whoever deploys
    /// could omit a label, this is a failure whatever the settings say about errors of the source.
    pub fn render(&self, template: &QueryTemplate) -> Result<String, Failure> {
        template.render(|variable| {
            if variable == PODS {
                return self.pods();
            }
            let value = match variable {
                NAMESPACE => Some(self.workload.namespace()),
                NAME => Some(self.name()),
                KIND => Some(self.workload.kind().to_string()),
                label => self.label(label.strip_prefix(LABEL).unwrap_or(label)),
            };
            value
                .filter(|value| !value.is_empty())
                .ok_or_else(|| lacks(variable))
        })
    }

    fn name(&self) -> String {
        self.name
            .map_or_else(|| self.workload.name(), str::to_owned)
    }

    fn pods(&self) -> Result<String, Failure> {
        let name = self.name();
        if name.is_empty() {
            return Err(lacks(PODS));
        }
        let kind: Kind = self.workload.kind();
        pod_names::pattern(&kind, &name).map_err(|error| Failure::unsupported(error.to_string()))
    }

    fn label(&self, key: &str) -> Option<String> {
        let of_pods = self
            .workload
            .pod_labels()
            .into_iter()
            .find(|(name, _)| name == key);
        of_pods
            .map(|(_, value)| value)
            .or_else(|| self.workload.label(key))
    }
}

fn lacks(variable: &str) -> Failure {
    Failure::unsupported(format!(
        "a query needs ${{{variable}}}, which the workload does not have"
    ))
}
