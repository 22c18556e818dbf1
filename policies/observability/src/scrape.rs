//! Ports and annotations by which Prometheus finds the metrics of a Pod.

use rollgate_sdk::rules::{Problem, Report};
use rollgate_sdk::{Workload, pointer};

use crate::rules::Rule;
use crate::settings::Settings;

const SCRAPE: &str = "prometheus.io/scrape";
const PORT: &str = "prometheus.io/port";

/// Checks the scrape annotations against the declared ports.
pub(crate) fn check(workload: &Workload, settings: &Settings, report: &mut Report<'_, Rule>) {
    let annotations = workload.pod_annotations();
    let annotation = |key: &str| {
        let mut pairs = annotations.iter();
        pairs
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    };
    match annotation(SCRAPE) {
        Some("true") => match annotation(PORT) {
            Some(port) => annotated(workload, port, report),
            // Without a port, every declared port is scraped.
            None if !declares_a_port(workload) => {
                report.add(Rule::ScrapePortUnknown, without_port);
            }
            None => {}
        },
        // Somebody decided that it is not scraped.
        Some(_) => {}
        None if workload.annotation(SCRAPE).as_deref() == Some("true") => {
            report.add(Rule::ScrapeAnnotationMisplaced, || misplaced(workload));
        }
        None if !has_metrics_port(workload, settings) => {
            report.add(Rule::MetricsMissing, || missing(settings));
        }
        None => {}
    }
}

fn annotated(workload: &Workload, port: &str, report: &mut Report<'_, Rule>) {
    let Ok(number) = port.parse::<u16>() else {
        report.add(Rule::ScrapePortUnknown, || unknown(workload, port));
        return;
    };
    let mut containers = workload.long_running();
    let is_known = containers.any(|container| {
        let mentions = |text: &String| mentions(text, number);
        container.port_numbered(number.into()).is_some()
            || container.command.iter().any(mentions)
            || container.args.iter().any(mentions)
            || container
                .env()
                .iter()
                .any(|variable| variable.value.as_ref().is_some_and(mentions))
    });
    if !is_known {
        report.add(Rule::ScrapePortUnknown, || unknown(workload, port));
    }
}

/// Whether the text has the number, and not only as part of a longer one.
fn mentions(text: &str, number: u16) -> bool {
    text.split(|letter: char| !letter.is_ascii_digit())
        .any(|digits| digits.parse() == Ok(number))
}

fn declares_a_port(workload: &Workload) -> bool {
    workload
        .long_running()
        .any(|container| !container.ports.is_empty())
}

fn has_metrics_port(workload: &Workload, settings: &Settings) -> bool {
    workload.long_running().any(|container| {
        let mut ports = container
            .ports
            .iter()
            .filter_map(|port| port.name.as_deref());
        ports.any(|name| settings.is_metrics_port(name))
    })
}

/// Returns the pointer of an annotation of the Pod template.
fn path(key: &str) -> String {
    pointer(["spec", "template", "metadata", "annotations", key])
}

fn unknown(workload: &Workload, port: &str) -> Problem {
    let declared = workload.long_running().flat_map(|container| {
        let ports = container.record().ports.iter();
        ports.map(|port| port.container_port.to_string())
    });
    let declared: Vec<String> = declared.take(8).collect();
    Problem {
        path: path(PORT),
        message: [
            "The annotation ",
            PORT,
            " is `",
            port,
            "`, which no container declares or mentions in its command or environment: \
             Prometheus scrapes nothing, and alerts on these metrics stay silent.",
        ]
        .concat(),
        found: port.to_owned(),
        expected: match declared.as_slice() {
            [] => "the number of a declared port; none is declared".to_owned(),
            ports => ports.join(" or "),
        },
        hint: "Write the number (not the name) of the port that serves the metrics, and declare \
               it under `ports`."
            .to_owned(),
    }
}

fn without_port() -> Problem {
    Problem {
        path: path(PORT),
        message: [
            "The annotation ",
            SCRAPE,
            " is `true`, and no container declares a port: Prometheus has nothing to scrape, and \
             alerts on these metrics stay silent.",
        ]
        .concat(),
        found: "no port".to_owned(),
        expected: ["a declared port, or the annotation ", PORT].concat(),
        hint: "Declare the port that serves the metrics under `ports`.".to_owned(),
    }
}

fn misplaced(workload: &Workload) -> Problem {
    Problem {
        path: workload.annotation_path(SCRAPE),
        message: [
            "The annotation ",
            SCRAPE,
            " is set on the workload, and Prometheus reads those of its Pods: nothing is \
             scraped, and alerts on these metrics stay silent.",
        ]
        .concat(),
        found: ["an annotation of the ", workload.kind().as_str()].concat(),
        expected: "an annotation of the Pod template".to_owned(),
        hint: "Move it to spec.template.metadata.annotations.".to_owned(),
    }
}

fn missing(settings: &Settings) -> Problem {
    Problem {
        path: "/spec/template/spec/containers/0/ports".to_owned(),
        message: "No port of this workload is named for its metrics, and it has no scrape \
                  annotations: nobody sees how a rollout changes its errors and latency."
            .to_owned(),
        found: "neither a metrics port nor scrape annotations".to_owned(),
        expected: ["a port named ", &settings.metrics_ports.join(" or ")].concat(),
        hint: [
            "Name the port that serves the metrics, or annotate the Pods with ",
            SCRAPE,
            ".",
        ]
        .concat(),
    }
}
