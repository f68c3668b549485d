//! Authorities: who may make blocks, and how an account stands in their election.

use crate::{Balance, BlockNumber};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// What keeps an account from standing for election.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Hurdle {
    /// It is no miner.
    #[codec(index = 0)]
    NotRegistered,
    /// It announced its exit.
    #[codec(index = 1)]
    Exiting,
    /// It was barred for an offence as authority.
    #[codec(index = 2)]
    Barred,
    /// It has registered no session keys.
    #[codec(index = 3)]
    NoSessionKeys,
    /// Its collateral is less than an authority's must be.
    #[codec(index = 4)]
    TooLittleCollateral,
    /// It has proven less service lately than an authority must.
    #[codec(index = 5)]
    TooLittlePower,
}

/// How an account stands as maker of blocks.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct AuthorityInfo {
    /// Its proven power: bytes times blocks of proven service, worth less from era to era.
    pub power: u128,
    /// What is held from it as a miner, and what an offence would cost it at most.
    pub collateral: Balance,
    /// The least that an authority must hold.
    pub min_collateral: Balance,
    /// The least power that an authority must have.
    pub min_power: u128,
    /// The session keys that it registered, encoded.
    pub session_keys: Option<Vec<u8>>,
    /// What keeps it from standing for election, if anything does.
    pub hurdle: Option<Hurdle>,
    /// Its place among the candidates by power, from 1 on. `None` if it does not stand.
    pub rank: Option<u32>,
    /// How many stand.
    pub candidates: u32,
    /// Whether it makes blocks, or does from the session on that is planned.
    pub authority: bool,
    /// How many do.
    pub authorities: u32,
    /// The last block that it made, or the one in which it began to make them. `None` while it does not.
    pub last_block: Option<BlockNumber>,
}
