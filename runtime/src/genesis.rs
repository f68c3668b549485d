//! Genesis presets: `dev` (one authority) and `local` (three), for development only: their keys are
//! public. Every LX in them is part of the 45 million that genesis may issue.

use crate::{
    configs::{funds, SlashDestination, TrackerPot, TreasuryAccount},
    AccountId, Balance, BlockNumber, RuntimeGenesisConfig, SessionKeys, BABE_GENESIS_EPOCH_CONFIG, DAYS, LX,
    MINUTES,
};
use alloc::{format, vec, vec::Vec};
use frame_support::build_struct_json_patch;
use lunarx_core::{INVESTOR_SHARE, TEAM_SHARE};
use pallet_lunarx_issuance::{Allocation, Share};
use serde_json::Value;
use sp_core::{crypto::Pair, ed25519, sr25519};
use sp_genesis_builder::PresetId;

/// Preset of three authorities, for networks of several processes.
pub const LOCAL: &str = sp_genesis_builder::LOCAL_TESTNET_RUNTIME_PRESET;
/// Preset of one authority.
pub const DEV: &str = sp_genesis_builder::DEV_RUNTIME_PRESET;

/// What each development account can spend at once.
const DEV_ENDOWMENT: Balance = 100_000 * LX;
/// Miners endowed in the development presets: `//Miner1` to `//Miner16`.
const DEV_MINERS: u32 = 16;
/// Trackers endowed in the development presets: `//Tracker1` to `//Tracker8`.
const DEV_TRACKERS: u32 = 8;
/// The trackers' pot, the account of slashes and the treasury begin with this, so that they can take amounts below the
/// existential deposit.
const POT_ENDOWMENT: Balance = LX;
/// Blocks in a window of the `local` preset: a minute, and with it every time of the audits.
const LOCAL_WINDOW: BlockNumber = MINUTES;
/// Blocks in an era of the `local` preset.
const LOCAL_ERA: BlockNumber = MINUTES / 2;
/// Blocks in a session of the `local` preset.
const LOCAL_SESSION: BlockNumber = MINUTES / 2;
/// Vesting of the core team's share.
const TEAM_VESTING: u32 = 4 * 365 * DAYS;
/// Vesting of the early investors' share.
const INVESTOR_VESTING: u32 = 2 * 365 * DAYS;

/// Keys that everybody can derive. `uri` is one of the constants below, so it parses.
fn dev_pair<P: Pair>(uri: &str) -> P {
    P::from_string(uri, None).expect("development uris are well-formed")
}

fn dev_account(uri: &str) -> AccountId {
    dev_pair::<sr25519::Pair>(uri).public().into()
}

fn authority(name: &str) -> (AccountId, SessionKeys) {
    let uri = format!("//{name}");
    let keys = SessionKeys {
        babe: dev_pair::<sr25519::Pair>(&uri).public().into(),
        grandpa: dev_pair::<ed25519::Pair>(&uri).public().into(),
    };
    (dev_account(&uri), keys)
}

/// The development accounts that can spend from block one.
fn endowed() -> Vec<AccountId> {
    let named = ["Alice", "Bob", "Charlie", "Dave", "Eve", "Ferdie", "Client"];
    let named = named.iter().map(|name| dev_account(&format!("//{name}")));
    let miners = (1..=DEV_MINERS).map(|number| dev_account(&format!("//Miner{number}")));
    let trackers = (1..=DEV_TRACKERS).map(|number| dev_account(&format!("//Tracker{number}")));
    named.chain(miners).chain(trackers).collect()
}

/// The genesis shares: development accounts live off the core team's, the rest of it vests in its funds.
fn allocations() -> Vec<Allocation<AccountId>> {
    let mut all: Vec<_> = endowed()
        .into_iter()
        .map(|who| Allocation {
            who,
            share: Share::Team,
            amount: DEV_ENDOWMENT,
            liquid: DEV_ENDOWMENT,
            vesting_start: 0,
            vesting_blocks: 0,
        })
        .collect();
    all.extend([TrackerPot::get(), SlashDestination::get(), TreasuryAccount::get()].map(|who| Allocation {
        who,
        share: Share::Team,
        amount: POT_ENDOWMENT,
        liquid: POT_ENDOWMENT,
        vesting_start: 0,
        vesting_blocks: 0,
    }));
    let spent: Balance = all.iter().map(|allocation| allocation.amount).sum();
    let vesting = |who, share, amount, vesting_blocks| Allocation {
        who,
        share,
        amount,
        liquid: 0,
        vesting_start: 0,
        vesting_blocks,
    };
    let mut left = TEAM_SHARE - spent;
    let [(last, _), others @ ..] = funds();
    for (fund, part) in others {
        let amount = (TEAM_SHARE - spent) / 100 * part;
        left -= amount;
        all.push(vesting(fund, Share::Team, amount, TEAM_VESTING));
    }
    all.push(vesting(last, Share::Team, left, TEAM_VESTING));
    all.push(vesting(dev_account("//Investors"), Share::Investor, INVESTOR_SHARE, INVESTOR_VESTING));
    all
}

fn development(
    authorities: Vec<(AccountId, SessionKeys)>,
    window_blocks: Option<BlockNumber>,
    era_blocks: Option<BlockNumber>,
    session_blocks: Option<BlockNumber>,
) -> Value {
    let accounts: Vec<AccountId> = authorities.iter().map(|(account, _)| account.clone()).collect();
    let keys = authorities.into_iter().map(|(account, keys)| (account.clone(), account, keys)).collect();
    build_struct_json_patch!(RuntimeGenesisConfig {
        babe: pallet_babe::GenesisConfig { epoch_config: BABE_GENESIS_EPOCH_CONFIG },
        contracts: pallet_lunarx_contracts::GenesisConfig { window_blocks },
        council: pallet_collective::GenesisConfig { members: accounts.clone() },
        issuance: pallet_lunarx_issuance::GenesisConfig { allocations: allocations(), era_blocks },
        providers: pallet_lunarx_providers::GenesisConfig { authorities: accounts, session_blocks },
        session: pallet_session::GenesisConfig { keys },
        sudo: pallet_sudo::GenesisConfig { key: Some(dev_account("//Alice")) },
    })
}

/// The JSON patch of a preset, if it is known.
pub fn preset(id: &PresetId) -> Option<Vec<u8>> {
    let patch = match id.as_ref() {
        DEV => development(vec![authority("Alice")], None, None, None),
        LOCAL => {
            let authorities = ["Alice", "Bob", "Charlie"].map(authority).to_vec();
            development(authorities, Some(LOCAL_WINDOW), Some(LOCAL_ERA), Some(LOCAL_SESSION))
        }
        _ => return None,
    };
    Some(serde_json::to_string(&patch).expect("a JSON value has a text").into_bytes())
}

/// The names of all presets.
pub fn preset_names() -> Vec<PresetId> {
    vec![PresetId::from(DEV), PresetId::from(LOCAL)]
}
