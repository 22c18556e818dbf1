use std::sync::Arc;

use arc_swap::ArcSwap;

/// Whether this process should get traffic, and what is missing where it should not. Clones share
/// one state.
#[derive(Clone, Debug)]
pub(crate) struct Readiness(Arc<ArcSwap<State>>);

#[derive(Debug)]
enum State {
    Missing(Vec<String>),
    Ready,
    Draining,
}

impl Readiness {
    /// Not ready; `missing` says in a sentence what is waited for.
    #[must_use]
    pub(crate) fn waiting_for(missing: impl Into<String>) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(State::Missing(vec![
            missing.into(),
        ]))))
    }

    /// Ready from now on.
    pub(crate) fn ready(&self) {
        self.set(State::Ready);
    }

    /// Makes it not ready for these reasons.
    pub(crate) fn missing(&self, reasons: Vec<String>) {
        self.set(State::Missing(reasons));
    }

    /// Makes it not ready for good: the process is shutting down.
    pub(super) fn drain(&self) {
        self.0.store(Arc::new(State::Draining));
    }

    /// Returns whether it is ready.
    ///
    /// # Errors
    /// The reasons, one per line.
    pub(crate) fn check(&self) -> Result<(), String> {
        match &**self.0.load() {
            State::Ready => Ok(()),
            State::Missing(reasons) => Err(reasons.join("\n")),
            State::Draining => Err("this process is shutting down".to_owned()),
        }
    }

    /// A reload that ends while the process drains must not make it ready again.
    fn set(&self, state: State) {
        let state = Arc::new(state);
        self.0.rcu(|now| {
            if matches!(**now, State::Draining) {
                Arc::clone(now)
            } else {
                Arc::clone(&state)
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_returned_one_per_line_until_ready() {
        let readiness = Readiness::waiting_for("policies are being read");
        assert_eq!(readiness.check(), Err("policies are being read".to_owned()));
        readiness.missing(vec![
            "a.yaml:3:1: no".to_owned(),
            "b.yaml:1:1: no".to_owned(),
        ]);
        assert_eq!(
            readiness.check(),
            Err("a.yaml:3:1: no\nb.yaml:1:1: no".to_owned())
        );
        readiness.ready();
        assert_eq!(readiness.check(), Ok(()));
    }

    #[test]
    fn draining_process_never_becomes_ready_again() {
        let readiness = Readiness::waiting_for("policies");
        readiness.drain();
        readiness.ready();
        assert_eq!(
            readiness.check(),
            Err("this process is shutting down".to_owned())
        );
    }
}
