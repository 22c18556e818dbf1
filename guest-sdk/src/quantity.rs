//! Quantities of resources, such as `250m` or `1.5Gi`, compared exactly.
//!
//! They are parsed as `resource.Quantity` of Kubernetes' apimachinery parses them: decimal, binary
//! and exponent suffixes, rounding up to billionths, and binary ones capped at 2^63 − 1. No
//! floating point is used.

use std::fmt;
use std::str::FromStr;

/// A quantity of a resource, in billionths, which is the precision of Kubernetes.
///
/// ```
/// use rollgate_sdk::quantity::Quantity;
///
/// let request: Quantity = "0.5Gi".parse()?;
/// let limit: Quantity = "2048Mi".parse()?;
/// assert!(request < limit);
/// assert!(limit.exceeds(request, 3_999)); // more than 3.999 times as much
/// assert!(!limit.exceeds(request, 4_000));
/// # Ok::<(), rollgate_sdk::quantity::QuantityError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity {
    billionths: i128,
}

/// Why a text is no quantity that can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QuantityError {
    /// It is not a number with a suffix that Kubernetes knows.
    Invalid,
    /// It is a quantity, but beyond 10^20: no machine has that much.
    OutOfRange,
}

const BILLION: i128 = 1_000_000_000;

/// The bound of what is compared: far beyond every machine, and small enough to be multiplied.
const MOST: i128 = 100_000_000_000_000_000_000 * BILLION;

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self { billionths: 0 };

    /// Returns the quantity of this many whole units, such as bytes.
    #[must_use]
    pub const fn from_units(units: u32) -> Self {
        Self {
            billionths: units as i128 * BILLION,
        }
    }

    /// Whether it is more than `thousandths` / 1000 times as much as `other`.
    #[must_use]
    pub fn exceeds(self, other: Self, thousandths: u32) -> bool {
        let bound = other.billionths.saturating_mul(i128::from(thousandths));
        self.billionths.saturating_mul(1000) > bound
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let Parts {
            is_negative,
            has_digits,
            whole,
            fraction,
            suffix,
        } = Parts::of(text)?;
        let magnitude = match scale(suffix)? {
            // Kubernetes takes `.`, `-` and `Ki` for 0, where its fast path can read them.
            Scale::Decimal(..=-10) | Scale::Binary(50..) if !has_digits => {
                return Err(QuantityError::Invalid);
            }
            Scale::Decimal(exponent) => decimal(whole, fraction, exponent),
            Scale::Binary(bits) => binary(whole, fraction, bits),
        };
        let magnitude = magnitude
            .filter(|billionths| *billionths <= MOST)
            .ok_or(QuantityError::OutOfRange)?;
        Ok(Self {
            billionths: if is_negative { -magnitude } else { magnitude },
        })
    }
}

/// The parts of a quantity, as written.
struct Parts<'a> {
    is_negative: bool,
    has_digits: bool,
    /// The digits before the point, without zeros at the start.
    whole: &'a str,
    /// The digits after the point, without zeros at the end.
    fraction: &'a str,
    suffix: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Result<Self, QuantityError> {
        if text.is_empty() {
            return Err(QuantityError::Invalid);
        }
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (whole, rest) = digits(unsigned);
        let (fraction, suffix) = rest.strip_prefix('.').map_or(("", rest), digits);
        Ok(Self {
            is_negative: text.starts_with('-'),
            has_digits: !whole.is_empty() || !fraction.is_empty(),
            whole: whole.trim_start_matches('0'),
            fraction: fraction.trim_end_matches('0'),
            suffix,
        })
    }
}

/// Splits a text after its leading digits.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

/// What a suffix multiplies by.
enum Scale {
    /// A power of ten.
    Decimal(i64),
    /// A power of two.
    Binary(u32),
}

fn scale(suffix: &str) -> Result<Scale, QuantityError> {
    Ok(match suffix {
        "n" => Scale::Decimal(-9),
        "u" => Scale::Decimal(-6),
        "m" => Scale::Decimal(-3),
        "" => Scale::Decimal(0),
        "k" => Scale::Decimal(3),
        "M" => Scale::Decimal(6),
        "G" => Scale::Decimal(9),
        "T" => Scale::Decimal(12),
        "P" => Scale::Decimal(15),
        "E" => Scale::Decimal(18),
        "Ki" => Scale::Binary(10),
        "Mi" => Scale::Binary(20),
        "Gi" => Scale::Binary(30),
        "Ti" => Scale::Binary(40),
        "Pi" => Scale::Binary(50),
        "Ei" => Scale::Binary(60),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E']);
            Scale::Decimal(exponent.map_or(Err(QuantityError::Invalid), power)?)
        }
    })
}

/// Reads the number of an exponent. Kubernetes keeps 32 bits of it; beyond, no quantity is in range.
fn power(exponent: &str) -> Result<i64, QuantityError> {
    let (number, rest) = digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    if number.is_empty() || !rest.is_empty() {
        return Err(QuantityError::Invalid);
    }
    let exponent: i32 = exponent.parse().map_err(|_| QuantityError::OutOfRange)?;
    Ok(exponent.into())
}

/// Returns the billionths of `whole.fraction` times a power of ten, rounded up; `None` beyond the
/// range.
fn decimal(whole: &str, fraction: &str, exponent: i64) -> Option<i128> {
    let number = [whole, fraction].concat();
    let significant = number.trim_start_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    // What is left is an integer, times this power of ten.
    let shift = exponent + 9 - i64::try_from(fraction.len()).ok()?;
    if let Ok(zeros) = u32::try_from(shift) {
        let billionths: i128 = significant.parse().ok()?;
        return billionths.checked_mul(10_i128.checked_pow(zeros)?);
    }
    let dropped = usize::try_from(shift.unsigned_abs()).ok()?;
    let kept = significant.len().saturating_sub(dropped);
    let (kept, dropped) = significant.split_at(kept);
    let billionths: i128 = if kept.is_empty() {
        0
    } else {
        kept.parse().ok()?
    };
    let is_exact = dropped.bytes().all(|digit| digit == b'0');
    billionths.checked_add(i128::from(!is_exact))
}

/// Returns the billionths of `whole.fraction` times a power of two, rounded up and capped as
/// Kubernetes does; `None` where 128 bits do not hold the exact number.
fn binary(whole: &str, fraction: &str, bits: u32) -> Option<i128> {
    const CAP: i128 = i64::MAX as i128 * BILLION;
    if whole.len() > 19 {
        return Some(CAP);
    }
    let number = [whole, fraction].concat();
    let number: i128 = if number.is_empty() {
        0
    } else {
        number.parse().ok()?
    };
    let places = u32::try_from(fraction.len()).ok()?;
    let multiplied = number.checked_mul(1 << bits)?;
    let billionths = match places.checked_sub(9) {
        None | Some(0) => multiplied.checked_mul(10_i128.pow(9 - places))?,
        Some(more) => {
            let divisor = 10_i128.checked_pow(more)?;
            multiplied / divisor + i128::from(multiplied % divisor != 0)
        }
    };
    Some(billionths.min(CAP))
}

impl fmt::Display for QuantityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid => {
                "is no quantity; write a number with a suffix of Kubernetes, such as 250m or 1.5Gi"
            }
            Self::OutOfRange => "is more than any machine has; write a smaller quantity",
        })
    }
}

impl std::error::Error for QuantityError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<i128, QuantityError> {
        text.parse::<Quantity>().map(|quantity| quantity.billionths)
    }

    /// The results of `resource.ParseQuantity` of apimachinery 0.36, in billionths.
    #[test]
    fn quantity_is_parsed_as_kubernetes_parses_it() {
        for (text, billionths) in [
            ("0", 0),
            ("1", 1_000_000_000),
            ("-1", -1_000_000_000),
            ("+1", 1_000_000_000),
            ("00012", 12_000_000_000),
            ("250m", 250_000_000),
            ("0.5", 500_000_000),
            (".5", 500_000_000),
            ("5.", 5_000_000_000),
            (".", 0),
            ("-", 0),
            ("+", 0),
            ("+.5", 500_000_000),
            ("-.5m", -500_000),
            ("1n", 1),
            ("1u", 1_000),
            ("0.1n", 1),
            ("1.5n", 2),
            ("-0.1n", -1),
            ("1k", 1_000_000_000_000),
            ("1M", 1_000_000_000_000_000),
            ("1G", 1_000_000_000_000_000_000),
            ("1T", 1_000_000_000_000_000_000_000),
            ("1P", 1_000_000_000_000_000_000_000_000),
            ("1E", 1_000_000_000_000_000_000_000_000_000),
            ("1E3", 1_000_000_000_000),
            ("1e3", 1_000_000_000_000),
            ("1e+3", 1_000_000_000_000),
            ("1e-3", 1_000_000),
            ("1E-3", 1_000_000),
            ("1e-12", 1),
            ("1e10", 10_000_000_000_000_000_000),
            ("1e20", 100_000_000_000_000_000_000_000_000_000),
            ("1.5e3", 1_500_000_000_000),
            ("1Ki", 1_024_000_000_000),
            ("1Mi", 1_048_576_000_000_000),
            ("1Gi", 1_073_741_824_000_000_000),
            ("1.5Gi", 1_610_612_736_000_000_000),
            ("0.5Ki", 512_000_000_000),
            ("0.1Ki", 102_400_000_000),
            ("1Ti", 1_099_511_627_776_000_000_000),
            ("1Pi", 1_125_899_906_842_624_000_000_000),
            ("1Ei", 1_152_921_504_606_846_976_000_000_000),
            ("8Ei", 9_223_372_036_854_775_807_000_000_000),
            ("7.99Ei", 9_211_842_821_808_707_338_240_000_000),
            ("9Ei", 9_223_372_036_854_775_807_000_000_000),
            ("100000Ei", 9_223_372_036_854_775_807_000_000_000),
            (
                "123456789012345678901234567890Ki",
                9_223_372_036_854_775_807_000_000_000,
            ),
            ("-9Ei", -9_223_372_036_854_775_807_000_000_000),
            ("0.0000000001Ki", 103),
            ("0.00000000000001Ki", 1),
            ("9223372036854775807", 9_223_372_036_854_775_807_000_000_000),
            ("9223372036854775808", 9_223_372_036_854_775_808_000_000_000),
            ("0.000000001", 1),
            ("0.0000000001", 1),
            ("0.00000000000000000000000000000001", 1),
            (
                "00000000000000000000000000000000000000000000001",
                1_000_000_000,
            ),
            (
                "1.000000000000000000000000000000000000000000",
                1_000_000_000,
            ),
            ("128974848", 128_974_848_000_000_000),
            ("129e6", 129_000_000_000_000_000),
            ("129M", 129_000_000_000_000_000),
            ("123Mi", 128_974_848_000_000_000),
            ("12e6", 12_000_000_000_000_000),
            ("0.001e3", 1_000_000_000),
            ("0Ki", 0),
            ("Ti", 0),
            ("n", 0),
            ("0Ei", 0),
            ("e30", 0),
            ("-0", 0),
            ("1E+18", 1_000_000_000_000_000_000_000_000_000),
            ("100E", 100_000_000_000_000_000_000_000_000_000),
            ("m", 0),
            (".m", 0),
            ("Ki", 0),
            ("e3", 0),
            ("+Ki", 0),
            ("-.Ki", 0),
            ("E", 0),
            ("00", 0),
            ("0m", 0),
            (".0", 0),
            ("0.", 0),
            ("0.Ki", 0),
            ("+.", 0),
        ] {
            assert_eq!(parse(text), Ok(billionths), "{text}");
        }
    }

    #[test]
    fn text_that_kubernetes_refuses_is_invalid() {
        for text in [
            "", "1 ", " 1", "1K", "1e", "1ki", "1.1.1", "1,5", "1 Gi", "1GiB", "1mi", "1i",
            "1e3Ki", "1Kie3", "1ee3", "1e3.5", "1e--3", "1e+", "0x10", "1_000", "١", "1m5", "1m+5",
            "1e3m", "inf", "NaN", "x", "..", "+-", "-+1", "++1", ".1.", "1..", "Ei", ".Ki5",
        ] {
            assert_eq!(parse(text), Err(QuantityError::Invalid), "{text}");
        }
    }

    #[test]
    fn quantity_beyond_every_machine_is_out_of_range() {
        let long = "9".repeat(60);
        for text in [
            "1e21",
            "-1e21",
            "100.1E",
            "1e99",
            "1e9999999999",
            "1e-9999999999",
            "0.1234567890123456789012345678901234567890Ki",
            &long,
        ] {
            assert_eq!(parse(text), Err(QuantityError::OutOfRange), "{text}");
        }
    }

    #[test]
    fn long_text_is_rounded_up_exactly() {
        let zeros = "0".repeat(500);
        assert_eq!(parse(&format!("{zeros}1.{zeros}")), Ok(BILLION));
        assert_eq!(parse(&format!("1.{zeros}1")), Ok(BILLION + 1));
        assert_eq!(parse(&format!("-0.{zeros}1")), Ok(-1));
        assert_eq!(
            parse(&format!("1{zeros}Ki")),
            Ok(i128::from(i64::MAX) * BILLION)
        );
        assert_eq!(parse("1e-2147483648"), Ok(1));
    }

    /// Every text of up to five of the letters that quantities consist of.
    #[test]
    fn no_text_makes_the_parser_panic() {
        const LETTERS: &[u8] = b"019.+-eEnmkMi ";
        let mut texts = vec![String::new()];
        for _ in 0..5 {
            let longer = texts.iter().flat_map(|text| {
                LETTERS
                    .iter()
                    .map(move |letter| format!("{text}{}", char::from(*letter)))
            });
            texts = longer.collect();
            for text in &texts {
                let quantity = text.parse::<Quantity>();
                if let Ok(quantity) = quantity {
                    assert!(quantity.billionths.abs() <= MOST, "{text}");
                }
            }
        }
    }

    #[test]
    fn quantities_are_ordered_whatever_their_unit() {
        let ascending = [
            "-1", "-1m", "0", "1n", "1m", "0.5", "999m", "1", "1k", "1Ki", "1M", "1Mi",
        ];
        let parsed: Vec<Quantity> = ascending
            .iter()
            .map(|text| text.parse().expect("a quantity"))
            .collect();
        assert!(parsed.is_sorted_by(|one, other| one < other), "{parsed:?}");
        for (one, other) in [
            ("1", "1000m"),
            ("1Gi", "1024Mi"),
            ("1e3", "1k"),
            ("0.1", "100m"),
        ] {
            assert_eq!(parse(one), parse(other), "{one} {other}");
        }
    }

    #[test]
    fn factor_is_compared_exactly() {
        let exceeds = |one: &str, other: &str, thousandths: u32| {
            let quantity = |text: &str| text.parse::<Quantity>().expect("a quantity");
            quantity(one).exceeds(quantity(other), thousandths)
        };
        assert!(!exceeds("400m", "100m", 4000));
        assert!(exceeds("400000001n", "100m", 4000));
        assert!(exceeds("151m", "100m", 1500));
        assert!(!exceeds("150m", "100m", 1500));
        assert!(exceeds("100E", "1n", u32::MAX));
        assert!(!exceeds("100E", "100E", 1000));
        assert!(!exceeds("100E", "100E", u32::MAX));
    }
}
