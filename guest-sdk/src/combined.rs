//! Judgements of several parts as one.

use crate::{Failure, Finding, Outcome, Verdict};

/// Combines the judgements of several parts, such as checks or series: a part that could not be
/// judged never wipes out what another part objects to.
///
/// ```
/// use rollgate_sdk::{Combined, Failure, Finding, Outcome, Verdict};
///
/// let parts = [
///     Err(Failure::no_data("latency has no data")),
///     Ok(Verdict::hold(Finding::hold("errors", "", "errors are at 90 %"))),
/// ];
/// let verdict = parts.into_iter().collect::<Combined>().finish()?;
/// assert_eq!(verdict.outcome, Outcome::Hold(None));
/// assert_eq!(verdict.findings[1].message, "latency has no data"); // a warning, told beside it
/// # Ok::<(), Failure>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct Combined {
    verdict: Verdict,
    failures: Vec<Failure>,
}

/// How many failures a message lists; the others are counted.
const MOST_LISTED: usize = 5;

impl Combined {
    /// Nothing judged yet, which allows.
    pub const fn new() -> Self {
        Self {
            verdict: Verdict::allow(),
            failures: Vec::new(),
        }
    }

    /// Adds the judgement of one part.
    pub fn add(&mut self, part: Result<Verdict, Failure>) {
        match part {
            Ok(verdict) => {
                let judged = std::mem::replace(&mut self.verdict, Verdict::allow());
                self.verdict = judged.and(verdict);
            }
            Err(failure) => self.failures.push(failure),
        }
    }

    /// Returns the verdict of all parts. Where it objects, the failures stand beside it as warnings.
    ///
    /// # Errors
    /// A part failed and no other objects: the operator's `onError` decides, and the messages of
    /// all failures are in one.
    pub fn finish(self) -> Result<Verdict, Failure> {
        if self.verdict.outcome == Outcome::Allow {
            return joined(self.failures).map_or(Ok(self.verdict), Err);
        }
        let warnings = self
            .failures
            .into_iter()
            .map(|failure| Finding::warn(failure.code, "", failure.message));
        Ok(warnings.fold(self.verdict, Verdict::with_finding))
    }
}

impl Default for Combined {
    fn default() -> Self {
        Self::new()
    }
}

impl FromIterator<Result<Verdict, Failure>> for Combined {
    fn from_iter<I: IntoIterator<Item = Result<Verdict, Failure>>>(parts: I) -> Self {
        let mut combined = Self::new();
        parts.into_iter().for_each(|part| combined.add(part));
        combined
    }
}

/// All failures as one, with the code of the first; `None` where there are none.
fn joined(failures: Vec<Failure>) -> Option<Failure> {
    let more = failures.len().saturating_sub(MOST_LISTED);
    let listed = failures.into_iter().take(MOST_LISTED);
    let mut failure = listed.reduce(|mut all, next| {
        all.message = [all.message, next.message].join("; ");
        all
    })?;
    if more > 0 {
        failure.message = format!("{}; and {more} more like these", failure.message);
    }
    Some(failure)
}
