//! The code rate that a user chooses, and the codec that follows from it.

use codec::{Decode, Encode, Error, Input, Output};
use std::{fmt, str::FromStr};

/// Parity pieces from which on GF(2^16) is worth its slow decoder. Per byte of data, GF(2^8) costs as
/// much as there are parity pieces (writing) or missing data pieces (reading): about 43 GB/s divided by
/// their number on a core that does 3 GB/s of GF(2^16) encoding, but only 0.2 GB/s of its decoding,
/// whatever is missing.
const GF16_FROM_PARITY: u8 = 96;

/// A code rate: any `k` of `n` pieces rebuild the segment. `1 <= k <= n <= 255`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code {
    k: u8,
    n: u8,
}

/// Why something is no code rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Not 1 ≤ k ≤ n.
    #[error("code {k}/{n} is not within 1 <= k <= n <= 255")]
    Range {
        /// Pieces needed.
        k: u8,
        /// Pieces made.
        n: u8,
    },
    /// Not of the form `K/N`.
    #[error("code {0:?} is not of the form K/N with numbers from 1 to 255, such as 4/8")]
    Syntax(String),
}

impl Code {
    /// Checks `1 <= k <= n`.
    pub fn new(k: u8, n: u8) -> Result<Self, CodeError> {
        if k == 0 || k > n {
            return Err(CodeError::Range { k, n });
        }
        Ok(Self { k, n })
    }

    /// Pieces needed to read.
    pub fn k(self) -> u8 {
        self.k
    }

    /// Pieces made.
    pub fn n(self) -> u8 {
        self.n
    }

    pub(crate) fn data(self) -> usize {
        usize::from(self.k)
    }

    pub(crate) fn total(self) -> usize {
        usize::from(self.n)
    }

    pub(crate) fn parity(self) -> usize {
        usize::from(self.n - self.k)
    }
}

impl FromStr for Code {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |part: &str| part.trim().parse::<u8>().ok();
        let parts = text.split_once('/').and_then(|(k, n)| Some((number(k)?, number(n)?)));
        let (k, n) = parts.ok_or_else(|| CodeError::Syntax(text.into()))?;
        Self::new(k, n)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.k, self.n)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Encode for Code {
    fn encode_to<T: Output + ?Sized>(&self, dest: &mut T) {
        (self.k, self.n).encode_to(dest);
    }
}

impl Decode for Code {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let (k, n) = Decode::decode(input)?;
        Self::new(k, n).map_err(|_| "code is not within 1 <= k <= n".into())
    }
}

/// How pieces are computed. Written into the descriptor, so that the rule which picks it may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Codec {
    /// No arithmetic: every piece is data (`k = n`), or a copy of it (`k = 1`).
    #[codec(index = 0)]
    Direct,
    /// Reed-Solomon over GF(2^8), the systematic Vandermonde code of `reed-solomon-erasure` 6.
    #[codec(index = 1)]
    Gf8,
    /// Reed-Solomon over GF(2^16), the code of `reed-solomon-simd` 3 with its default rate.
    #[codec(index = 2)]
    Gf16,
}

impl Codec {
    /// The codec that new segments of this code get.
    pub fn for_code(code: Code) -> Self {
        match code {
            Code { k, n } if k == 1 || k == n => Self::Direct,
            Code { k, n } if n - k >= GF16_FROM_PARITY => Self::Gf16,
            _ => Self::Gf8,
        }
    }

    /// Whether it can make the pieces of `code`.
    pub(crate) fn supports(self, code: Code) -> bool {
        let direct = code.k == 1 || code.k == code.n;
        match self {
            Self::Direct => direct,
            Self::Gf8 | Self::Gf16 => !direct,
        }
    }
}
