//! What a put would take: term, miners, money.

use crate::{
    contracts::windows_for,
    limits::FEE_RESERVE,
    placement::{cost, rank, segments, Candidate, Estimate, Need},
    Client, ClientError, Code,
};
use lunarx_core::Balance;
use lunarx_row::{manifest::MAX_SEGMENTS, piece_len};
use rand::{rngs::StdRng, SeedableRng};

impl Client {
    /// What a put of `size` bytes would cost now, by the prices listed on chain.
    pub async fn estimate(&self, size: u64, code: Code, days: u32) -> Result<Estimate, ClientError> {
        self.check_size(size)?;
        let windows = self.windows(days)?;
        let miners = self.miners().await?;
        let bytes = piece_len(code, size.min(self.config.segment_bytes));
        let ranked = self.ranked(&miners, bytes);
        let sizes = || segments(size, self.config.segment_bytes);
        let window_fee = cost(&ranked, code, sizes(), &self.chain.parameters()).ok_or_else(|| {
            let (needed, found, known) = (usize::from(code.n()), ranked.len(), miners.len());
            ClientError::TooFewMiners { needed, found, known, bytes, faults: Vec::new() }
        })?;
        let stored = |len| piece_len(code, len).saturating_mul(u64::from(code.n()));
        Ok(Estimate {
            bytes: size,
            segments: u64::try_from(sizes().count()).unwrap_or(u64::MAX),
            code,
            stored_bytes: sizes().map(stored).fold(0, u64::saturating_add),
            windows,
            window_fee,
            total: window_fee.saturating_mul(windows.into()),
            miners_needed: usize::from(code.n()),
            miners_available: ranked.len(),
        })
    }

    /// Every registered miner.
    pub async fn miners(&self) -> Result<Vec<Candidate>, ClientError> {
        Ok(self.chain.providers().await?)
    }

    /// `days` in windows, if the chain allows so long a term.
    pub(crate) fn windows(&self, days: u32) -> Result<u32, ClientError> {
        let parameters = self.chain.parameters();
        let windows = windows_for(days, parameters.day, parameters.window);
        match u32::try_from(windows) {
            Ok(windows @ 1..) if windows <= parameters.max_windows => Ok(windows),
            _ => Err(ClientError::Term { days, windows, max: parameters.max_windows }),
        }
    }

    /// The miners that can take a piece of `bytes`, in the order in which they should be asked.
    pub(crate) fn ranked(&self, miners: &[Candidate], bytes: u64) -> Vec<Candidate> {
        let mut rng = self.config.seed.map_or_else(StdRng::from_entropy, StdRng::seed_from_u64);
        rank(miners, Need { bytes, max_price: self.config.max_price }, &mut rng)
    }

    /// Refuses what has more segments than an object can have.
    pub(crate) fn check_size(&self, size: u64) -> Result<(), ClientError> {
        let max = u64::try_from(MAX_SEGMENTS).unwrap_or(u64::MAX).saturating_mul(self.config.segment_bytes);
        match size <= max {
            true => Ok(()),
            false => Err(ClientError::TooLarge { bytes: size, max }),
        }
    }

    /// Refuses to begin what cannot be paid: `total` for contracts, and the fees of `segments`
    /// transactions.
    pub(crate) async fn check_balance(&self, total: Balance, segments: u64) -> Result<(), ClientError> {
        let have = self.chain.balance(self.account()).await?.transferable;
        let needed = total.saturating_add(FEE_RESERVE.saturating_mul(segments.into()));
        match have >= needed {
            true => Ok(()),
            false => Err(ClientError::BalanceTooLow { needed, have }),
        }
    }
}
