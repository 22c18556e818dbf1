//! Writes quantities in the canonical form of the API server: `0.5` becomes `500m`, `1024Mi`
//! becomes `1Gi`, the number 1 becomes the text `1`.
//!
//! Source: apimachinery pkg/api/resource/quantity.go `CanonicalizeBytes`, and
//! pkg/apis/core/v1/defaults.go `SetDefaults_ResourceList` (rounds up to thousandths).

use crate::json::Value;

use super::Object;

/// Canonicalizes each value of a resource list.
pub(super) fn canonicalize(quantities: &mut Object) {
    quantities.values_mut().for_each(canonicalize_one);
}

/// Canonicalizes one quantity. A value that is no quantity, or too large for exact arithmetic, is
/// left as it is.
pub(super) fn canonicalize_one(value: &mut Value) {
    let text = match &*value {
        Value::String(text) => canonical(text).filter(|canonical| canonical != text),
        Value::Number(number) => canonical(&number.to_string()),
        _ => None,
    };
    if let Some(text) = text {
        *value = text.into();
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Format {
    Binary,
    Decimal,
    Exponent,
}

/// A quantity in thousandths, which is the precision of a resource list.
struct Quantity {
    thousandths: i128,
    format: Format,
}

fn canonical(text: &str) -> Option<String> {
    let Quantity {
        thousandths,
        format,
    } = parse(text.trim())?;
    if thousandths == 0 {
        return Some("0".to_owned());
    }
    let small = thousandths.abs() < 1024 * 1000;
    Some(match format {
        Format::Binary if !small && thousandths % 1000 == 0 => binary(thousandths / 1000),
        Format::Binary | Format::Decimal => decimal(thousandths),
        Format::Exponent => exponent(thousandths),
    })
}

fn binary(mut number: i128) -> String {
    let mut suffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].into_iter();
    let mut suffix = suffixes.next().unwrap_or_default();
    while number % 1024 == 0
        && let Some(next) = suffixes.next()
    {
        number /= 1024;
        suffix = next;
    }
    format!("{number}{suffix}")
}

fn decimal(thousandths: i128) -> String {
    let (number, thousands) = reduce(thousandths, 7);
    let suffix = ["m", "", "k", "M", "G", "T", "P", "E"][thousands];
    format!("{number}{suffix}")
}

fn exponent(thousandths: i128) -> String {
    let (number, thousands) = reduce(thousandths, 13);
    match thousands {
        0 => format!("{number}e-3"),
        1 => number.to_string(),
        more => format!("{number}e{}", (more - 1) * 3),
    }
}

/// Divides by a thousand while that is exact, `most` times at most.
fn reduce(mut number: i128, most: usize) -> (i128, usize) {
    let mut times = 0;
    while number % 1000 == 0 && times < most {
        number /= 1000;
        times += 1;
    }
    (number, times)
}

fn parse(text: &str) -> Option<Quantity> {
    let (sign, unsigned) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let end = unsigned
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let digits = format!("{whole}{fraction}").parse::<i128>().ok()?;
    let (format, numerator, denominator) = scale(suffix)?;
    let numerator = digits.checked_mul(numerator)?.checked_mul(1000)?;
    let denominator =
        denominator.checked_mul(10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?)?;
    Some(Quantity {
        thousandths: sign * round_up(numerator, denominator),
        format,
    })
}

/// Rounds away from zero, as the API server does.
fn round_up(numerator: i128, denominator: i128) -> i128 {
    numerator / denominator + i128::from(numerator % denominator != 0)
}

/// Returns a suffix as a fraction.
fn scale(suffix: &str) -> Option<(Format, i128, i128)> {
    let binary = |power: u32| Some((Format::Binary, 1 << (10 * power), 1));
    let decimal = |power: u32| Some((Format::Decimal, 10_i128.pow(power), 1));
    match suffix {
        "" => decimal(0),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "m" => Some((Format::Decimal, 1, 1000)),
        "u" => Some((Format::Decimal, 1, 1_000_000)),
        "n" => Some((Format::Decimal, 1, 1_000_000_000)),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => power_of_ten(suffix.strip_prefix(['e', 'E'])?),
    }
}

fn power_of_ten(exponent: &str) -> Option<(Format, i128, i128)> {
    let exponent: i32 = exponent.parse().ok()?;
    let power = 10_i128.checked_pow(exponent.unsigned_abs())?;
    let (numerator, denominator) = if exponent < 0 { (1, power) } else { (power, 1) };
    Some((Format::Exponent, numerator, denominator))
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn quantity_is_written_in_canonical_form() {
        let spellings = [
            ("0.5", "500m"),
            ("500m", "500m"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("1.5", "1500m"),
            ("100", "100"),
            ("12000", "12k"),
            ("1024Mi", "1Gi"),
            ("1500Mi", "1500Mi"),
            ("0.5Gi", "512Mi"),
            ("1023Ki", "1023Ki"),
            ("512.5Ki", "524800"),
            ("0.0001", "1m"),
            ("100n", "1m"),
            ("0", "0"),
            ("-1000m", "-1"),
            ("1e3", "1e3"),
            ("1000e0", "1e3"),
            ("128974848", "128974848"),
            ("1.0", "1"),
            ("2.", "2"),
            (".5", "500m"),
        ];
        for (written, canonical_spelling) in spellings {
            assert_eq!(
                canonical(written).as_deref(),
                Some(canonical_spelling),
                "{written}"
            );
        }
    }

    #[test]
    fn invalid_quantity_is_left_as_it_is() {
        for text in [
            "", "-", "m", "1.2.3", "1 Gi", "1gi", "lots", "1e", "1e99", "é", "٣",
        ] {
            assert_eq!(canonical(text), None, "{text}");
        }
        let too_long = "9".repeat(60);
        assert_eq!(canonical(&too_long), None);
    }

    #[test]
    fn canonical_quantity_is_unchanged() {
        for text in ["500m", "1500m", "1Gi", "12k", "1e3", "524800", "-1"] {
            assert_eq!(canonical(text).as_deref(), Some(text));
        }
    }
}
