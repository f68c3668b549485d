//! Amounts of LX as people write them.

use crate::{Balance, DECIMALS, LX};
use alloc::string::String;
use core::fmt;

/// An amount that prints in LX: `Lx(1_500_000_000_000)` as `1.5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lx(pub Balance);

impl fmt::Display for Lx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / LX, self.0 % LX);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        let digits = alloc::format!("{rest:0width$}", width = usize::from(DECIMALS));
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

/// Why a text is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnAmount;

impl fmt::Display for NotAnAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected an amount of LX such as 12 or 0.5, with {DECIMALS} decimal places at most")
    }
}

impl core::error::Error for NotAnAmount {}

impl core::str::FromStr for Lx {
    type Err = NotAnAmount;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let places = usize::from(DECIMALS);
        if whole.is_empty() || !digits(whole) || !digits(rest) || rest.len() > places || text.ends_with('.') {
            return Err(NotAnAmount);
        }
        let padded = [rest, &String::from_iter(core::iter::repeat_n('0', places - rest.len()))].concat();
        let whole: Balance = whole.parse().map_err(|_| NotAnAmount)?;
        let rest: Balance = padded.parse().map_err(|_| NotAnAmount)?;
        whole.checked_mul(LX).and_then(|units| units.checked_add(rest)).map(Self).ok_or(NotAnAmount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn prints_without_needless_zeros() {
        assert_eq!(Lx(0).to_string(), "0");
        assert_eq!(Lx(LX).to_string(), "1");
        assert_eq!(Lx(3 * LX / 2).to_string(), "1.5");
        assert_eq!(Lx(1).to_string(), "0.000000000001");
    }

    #[test]
    fn reads_what_it_prints() {
        for units in [0, 1, 999, LX - 1, LX, 7 * LX + 30, Balance::MAX] {
            assert_eq!(Lx(units).to_string().parse(), Ok(Lx(units)));
        }
    }

    #[test]
    fn refuses_what_is_no_amount() {
        for text in
            ["", ".", "1.", ".5", "-1", "1e3", "1,5", "0.0000000000001", "9999999999999999999999999999"]
        {
            assert_eq!(text.parse::<Lx>(), Err(NotAnAmount), "{text}");
        }
    }
}
