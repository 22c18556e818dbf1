//! The least and the greatest value that are good.

/// The least and the greatest value that are good, both included. At least one is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    min: Option<f64>,
    max: Option<f64>,
}

/// Bounds that no value, or every value, would keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BoundsError {
    /// Neither `min` nor `max` is given.
    Missing,
    /// A bound is NaN.
    NotANumber,
    /// A bound is infinite: no value, or every value, is beyond it.
    Infinite,
    /// `min` is above `max`.
    Crossed,
}

impl Bounds {
    /// Bounds from a least and a greatest value.
    ///
    /// # Errors
    /// No value, or every value, would keep them.
    pub fn new(min: Option<f64>, max: Option<f64>) -> Result<Self, BoundsError> {
        let any = |is: fn(f64) -> bool| min.is_some_and(is) || max.is_some_and(is);
        match (min, max) {
            (None, None) => Err(BoundsError::Missing),
            _ if any(f64::is_nan) => Err(BoundsError::NotANumber),
            _ if any(f64::is_infinite) => Err(BoundsError::Infinite),
            (Some(min), Some(max)) if min > max => Err(BoundsError::Crossed),
            _ => Ok(Self { min, max }),
        }
    }

    /// The least value that is good.
    #[must_use]
    pub const fn min(self) -> Option<f64> {
        self.min
    }

    /// The greatest value that is good.
    #[must_use]
    pub const fn max(self) -> Option<f64> {
        self.max
    }

    /// What is wrong with a value that is a number, or `None` where it keeps within.
    pub(super) fn breach(self, value: f64) -> Option<String> {
        match (self.min, self.max) {
            (Some(min), _) if value < min => Some(format!("below {min}")),
            (_, Some(max)) if value > max => Some(format!("above {max}")),
            _ => None,
        }
    }
}

impl std::fmt::Display for Bounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.min, self.max) {
            (Some(min), Some(max)) => write!(f, "{min} to {max}"),
            (Some(min), None) => write!(f, ">= {min}"),
            (None, Some(max)) => write!(f, "<= {max}"),
            (None, None) => Ok(()),
        }
    }
}

impl std::fmt::Display for BoundsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Missing => "give `min`, `max` or both: without a bound every value would pass",
            Self::NotANumber => "a bound must be a number",
            Self::Infinite => "a bound must be a finite number: every value, or none, would pass",
            Self::Crossed => "`min` is above `max`: no value would pass",
        })
    }
}

impl std::error::Error for BoundsError {}
