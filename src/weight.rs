//! Weights as users write them: numbers and Kubernetes quantities, read leniently.
//!
//! SMI gives v1alpha1 a Kubernetes quantity (`500m`, `1`) and later versions a whole number; API servers
//! relabel stored objects without converting them, so every version is read the same way. The unit inside
//! is the thousandth, rounded up as Kubernetes' own `MilliValue` does, because that is what Linkerd puts on
//! the wire (times ten). Only ratios matter to a split.

use std::fmt;

/// A weight in thousandths: 1000 is what a user writes as `1`. Never negative, at most `i64::MAX`, which is
/// where Kubernetes' own quantity ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Milli(u64);

impl Milli {
    /// No traffic.
    pub const ZERO: Self = Self(0);
    /// The largest weight there is.
    pub const MAX: Self = Self(i64::MAX as u64);

    /// A weight from thousandths; larger than [`Milli::MAX`] becomes that.
    #[must_use]
    pub fn new(thousandths: u64) -> Self {
        Self(thousandths.min(Self::MAX.0))
    }

    /// The weight in thousandths, `0..=i64::MAX`.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }

    /// Two weights of one backend together.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self::new(self.0.saturating_add(other.0))
    }

    /// Reads a Kubernetes quantity (`1`, `500m`, `1.5`, `2Ki`, `1e3`), rounded up to whole thousandths.
    ///
    /// The grammar is that of the Kubernetes API, `apimachinery/pkg/api/resource`: a signed decimal number
    /// and one of `n u m k M G T P E`, `Ki Mi Gi Ti Pi Ei`, or a decimal exponent.
    ///
    /// # Errors
    /// [`NotAWeight`] for a negative quantity, and for text that is no quantity. An exponent outside what a
    /// 64-bit float can hold (`1e400`) is no quantity either.
    pub fn parse(text: &str) -> Result<Reading, NotAWeight> {
        let (negative, rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let digits_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(digits_end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(NotAWeight::NotANumber);
        }
        let scale = Scale::parse(suffix).ok_or(NotAWeight::NotANumber)?;
        let decimal = Decimal::new(whole, fraction);
        if negative && !decimal.is_zero() {
            return Err(NotAWeight::Negative);
        }
        Ok(decimal.thousandths(scale))
    }

    /// Reads a number as it stands in JSON or YAML. `f64` covers the integers past 64 bits and fractions;
    /// it is read by its shortest decimal form, so that 0.1 is a tenth and not a bit more.
    ///
    /// # Errors
    /// As [`Milli::parse`].
    pub fn from_f64(number: f64) -> Result<Reading, NotAWeight> {
        if number.is_finite() { Self::parse(&format!("{number}")) } else { Err(NotAWeight::NotANumber) }
    }
}

impl fmt::Display for Milli {
    /// As Kubernetes writes it: `500m`, `1`, `1500m`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1000) { write!(f, "{}", self.0 / 1000) } else { write!(f, "{}m", self.0) }
    }
}

/// A weight that could be read, and whether it had to be bent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The weight.
    pub milli: Milli,
    /// It was larger than [`Milli::MAX`] and became that.
    pub saturated: bool,
    /// It is not a whole number of units: `1.5`, `500m`.
    pub fractional: bool,
    /// It was more than nothing and less than a thousandth, and became that: `0.0001`, `500u`. The ratio to other
    /// weights may be another by any factor then, which rounding a larger one never does.
    pub raised: bool,
}

/// Why something is not a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAWeight {
    /// Below zero.
    Negative,
    /// No number and no quantity.
    NotANumber,
}

/// What a suffix multiplies by: `10^ten * 1024^kibi`.
#[derive(Clone, Copy)]
struct Scale {
    ten: i32,
    kibi: u32,
}

impl Scale {
    fn parse(suffix: &str) -> Option<Self> {
        let ten = |ten| Some(Self { ten, kibi: 0 });
        let kibi = |kibi| Some(Self { ten: 0, kibi });
        match suffix {
            "n" => ten(-9),
            "u" => ten(-6),
            "m" => ten(-3),
            "" => ten(0),
            "k" => ten(3),
            "M" => ten(6),
            "G" => ten(9),
            "T" => ten(12),
            "P" => ten(15),
            "E" => ten(18),
            "Ki" => kibi(1),
            "Mi" => kibi(2),
            "Gi" => kibi(3),
            "Ti" => kibi(4),
            "Pi" => kibi(5),
            "Ei" => kibi(6),
            exponent => {
                let digits = exponent.strip_prefix(['e', 'E'])?;
                let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(digits);
                if unsigned.is_empty() || !unsigned.bytes().all(|b| b.is_ascii_digit()) {
                    return None;
                }
                digits.parse().ok().filter(|e: &i32| (-308..=308).contains(e)).and_then(ten)
            }
        }
    }
}

/// A non-negative decimal number `mantissa * 10^exponent`; digits past the 20th are dropped, keeping only
/// the fact that they were not all zero, which is enough to round up.
struct Decimal {
    mantissa: u128,
    exponent: i32,
    dropped: bool,
}

/// Digits of the mantissa that are kept: more than `i64` has, and 10^20 * 1024^6 still fits 128 bits.
const KEPT_DIGITS: u32 = 20;

impl Decimal {
    fn new(whole: &str, fraction: &str) -> Self {
        let mut decimal = Self { mantissa: 0, exponent: 0, dropped: false };
        let mut kept = 0;
        for (digit, after_point) in
            whole.bytes().map(|b| (b, false)).chain(fraction.bytes().map(|b| (b, true)))
        {
            if kept < KEPT_DIGITS {
                decimal.mantissa = decimal.mantissa * 10 + u128::from(digit - b'0');
                kept += u32::from(decimal.mantissa != 0);
                decimal.exponent -= i32::from(after_point);
            } else {
                decimal.dropped |= digit != b'0';
                decimal.exponent = decimal.exponent.saturating_add(i32::from(!after_point));
            }
        }
        decimal
    }

    fn is_zero(&self) -> bool {
        self.mantissa == 0 && !self.dropped
    }

    fn thousandths(&self, scale: Scale) -> Reading {
        let saturated = Reading { milli: Milli::MAX, saturated: true, fractional: false, raised: false };
        if self.is_zero() {
            return Reading { milli: Milli::ZERO, saturated: false, fractional: false, raised: false };
        }
        let exponent = self.exponent.saturating_add(scale.ten).saturating_add(3);
        let scaled = 1024_u128.checked_pow(scale.kibi).and_then(|k| self.mantissa.checked_mul(k));
        let power = 10_u128.checked_pow(exponent.unsigned_abs());
        let (whole, rest) = match (scaled, power) {
            (Some(scaled), Some(power)) if exponent < 0 => (scaled / power, scaled % power != 0),
            (Some(scaled), Some(power)) => match scaled.checked_mul(power) {
                Some(whole) => (whole, false),
                None => return saturated,
            },
            // Smaller than 10^-38 of a thousandth: still a positive weight.
            (Some(_), None) if exponent < 0 => (0, true),
            _ => return saturated,
        };
        let rest = rest || self.dropped;
        match u64::try_from(whole + u128::from(rest)) {
            Ok(value) if value <= Milli::MAX.0 => Reading {
                milli: Milli(value),
                saturated: false,
                fractional: rest || value % 1000 != 0,
                raised: rest && whole == 0,
            },
            _ => saturated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, milli: u64) {
        assert_eq!(Milli::parse(text).map(|r| r.milli.get()), Ok(milli), "{text:?}");
    }

    #[test]
    fn quantities_become_thousandths_rounded_up() {
        for (text, milli) in [
            ("0", 0),
            ("-0", 0),
            ("0m", 0),
            ("5", 5000),
            ("+5", 5000),
            ("5000m", 5000),
            ("500m", 500),
            ("1.5", 1500),
            (".5", 500),
            ("5.", 5000),
            ("1u", 1),
            ("1n", 1),
            ("1001u", 2),
            ("1k", 1_000_000),
            ("1Ki", 1_024_000),
            ("1e3", 1_000_000),
            ("1E3", 1_000_000),
            ("1E-3", 1),
            ("1e-300", 1),
            ("0.0010000000000000000000000000000000000001", 2),
            ("00000000000000000000000000000000000000000005", 5000),
        ] {
            check(text, milli);
        }
    }

    #[test]
    fn too_large_saturates_and_says_so() {
        let max = i64::MAX.unsigned_abs();
        for text in [
            "9223372036854775807",
            "1E",
            "1e30",
            "12345678901234567890",
            "99999999999999999999999999999999999999999999",
            "1e300",
            "16Ei",
        ] {
            let read = Milli::parse(text).expect("a quantity");
            assert_eq!((read.milli.get(), read.saturated), (max, true), "{text:?}");
        }
        assert!(!Milli::parse("9223372036854775").expect("a quantity").saturated);
    }

    #[test]
    fn what_is_no_weight_is_refused() {
        for text in [
            "", " ", "abc", "NaN", "inf", "1e400", "0x10", " 5", "5 ", "1.2.3", ".", "1e", "1e+", "1mm",
            "5%", "--5", "1_000",
        ] {
            assert_eq!(Milli::parse(text), Err(NotAWeight::NotANumber), "{text:?}");
        }
        assert_eq!(Milli::parse("-5"), Err(NotAWeight::Negative));
        assert_eq!(Milli::parse("-1n"), Err(NotAWeight::Negative));
    }

    #[test]
    fn floats_are_read_by_their_shortest_form() {
        assert_eq!(Milli::from_f64(0.1).map(|r| r.milli.get()), Ok(100));
        assert_eq!(Milli::from_f64(1e30).map(|r| r.saturated), Ok(true));
        assert_eq!(Milli::from_f64(-1.0), Err(NotAWeight::Negative));
        assert_eq!(Milli::from_f64(f64::NAN), Err(NotAWeight::NotANumber));
    }

    #[test]
    fn fractions_are_noticed() {
        assert!(Milli::parse("1.5").expect("a quantity").fractional);
        assert!(Milli::parse("1u").expect("a quantity").fractional);
        assert!(!Milli::parse("1.0").expect("a quantity").fractional);
    }

    #[test]
    fn what_is_raised_to_a_thousandth_is_noticed() {
        for text in ["0.0001", "1e-10", "500u", "999999n", "1e-300", "0.00000000000000000000000000000001"] {
            let read = Milli::parse(text).expect("a quantity");
            assert_eq!((read.milli.get(), read.raised), (1, true), "{text}");
        }
        for text in ["0", "0.000", "1m", "1000u", "1001u", "1.0001", "1e30"] {
            assert!(!Milli::parse(text).expect("a quantity").raised, "{text}");
        }
    }
}
