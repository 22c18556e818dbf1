//! The subject of a query: the workload of the rollout, which gives the variables of a template
//! their values.

use rollgate_sdk::template::{QueryTemplate, TemplateError};
use rollgate_sdk::{Failure, Rollout, Workload};

use crate::pods;

const NAMESPACE: &str = "namespace";
const NAME: &str = "name";
const KIND: &str = "kind";
const PODS: &str = "pods";
const LABEL: &str = "label:";

/// Parses a template that may use the variables of a subject.
pub(crate) fn template(text: &str) -> Result<QueryTemplate, TemplateError> {
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
pub(crate) struct Subject<'a>(&'a Workload);

impl<'a> Subject<'a> {
    /// Returns the new object, or the old one where it is deleted.
    pub(crate) fn of(rollout: &'a Rollout<'_>) -> Option<Self> {
        rollout.new().or_else(|| rollout.old()).map(Self)
    }

    /// Renders the query for this workload.
    ///
    /// # Errors
    /// A variable has no value. It is not replaced by an empty string: `namespace=""` would match
    /// the series without a namespace, and so evaluate something else. And since whoever deploys
    /// could omit a label, this is a failure whatever the settings say about errors of the source.
    pub(crate) fn render(&self, template: &QueryTemplate) -> Result<String, Failure> {
        template.render(|variable| {
            if variable == PODS {
                return self.pods();
            }
            let value = match variable {
                NAMESPACE => Some(self.0.namespace()),
                NAME => Some(self.0.name()),
                KIND => Some(self.0.kind().to_string()),
                label => self.label(label.strip_prefix(LABEL).unwrap_or(label)),
            };
            value
                .filter(|value| !value.is_empty())
                .ok_or_else(|| lacks(variable))
        })
    }

    fn pods(&self) -> Result<String, Failure> {
        let name = self.0.name();
        if name.is_empty() {
            return Err(lacks(PODS));
        }
        pods::pattern(&self.0.kind(), &name)
            .map_err(|error| Failure::unsupported(error.to_string()))
    }

    fn label(&self, key: &str) -> Option<String> {
        let of_pods = self
            .0
            .pod_labels()
            .into_iter()
            .find(|(name, _)| name == key);
        of_pods
            .map(|(_, value)| value)
            .or_else(|| self.0.label(key))
    }
}

fn lacks(variable: &str) -> Failure {
    Failure::unsupported(format!(
        "a query needs ${{{variable}}}, which the workload does not have"
    ))
}
