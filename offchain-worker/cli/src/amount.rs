//! Amounts of LX as people write them.

use lunarx_core::{Balance, DECIMALS, LX};

/// Reads an amount such as `1.5`, without sign, exponent or separators.
pub fn parse_lx(text: &str) -> Result<Balance, String> {
    let malformed = || format!("{text:?} is no amount of LX, expected a number such as 1.5");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || text.ends_with('.') {
        return Err(malformed());
    }
    let decimals = usize::from(DECIMALS);
    if fraction.len() > decimals {
        return Err(format!("{text:?} has {} decimal places, LX has {DECIMALS}", fraction.len()));
    }
    let too_large = || format!("{text:?} is more LX than can exist");
    let whole: Balance = whole.parse().map_err(|_| too_large())?;
    let fraction: Balance = format!("{fraction:0<decimals$}").parse().map_err(|_| malformed())?;
    whole.checked_mul(LX).and_then(|whole| whole.checked_add(fraction)).ok_or_else(too_large)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_client::lx;

    #[test]
    fn round_trips() {
        for text in ["0", "1", "1.5", "0.000000000001", "100000000", "12.000000000001"] {
            assert_eq!(lx(parse_lx(text).unwrap()), text);
        }
        assert_eq!(parse_lx("1.50"), Ok(3 * LX / 2));
    }

    #[test]
    fn refuses_what_is_no_amount() {
        let huge = "9".repeat(60);
        for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", "1.0000000000001", "1 000", "ü", &huge] {
            assert!(parse_lx(text).is_err(), "{text}");
        }
    }
}
