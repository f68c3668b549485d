//! The workers' calls as the runtime's.

use codec::{Decode, DecodeAll, Encode};
use lunarx_chain::Call;
use lunarx_runtime::{AccountId, Address, RuntimeCall};
use pallet_lunarx_audits::Call as Audits;
use pallet_lunarx_contracts::Call as Contracts;
use pallet_lunarx_providers::Call as Providers;
use pallet_lunarx_trackers::Call as Trackers;

/// The same bytes read as another type: the shared types differ in the account's type alone.
pub(crate) fn recode<A: Encode, B: Decode>(value: &A) -> Result<B, codec::Error> {
    B::decode(&mut value.encode().as_slice())
}

/// As the runtime's. Fails where a list is longer than it takes.
pub(crate) fn runtime_call(call: Call) -> Result<RuntimeCall, codec::Error> {
    Ok(match call {
        Call::Register { .. }
        | Call::Update { .. }
        | Call::TopUp { .. }
        | Call::AnnounceExit
        | Call::Stand
        | Call::Withdraw => RuntimeCall::Providers(providers(call)),
        Call::Open { promises } => RuntimeCall::Contracts(Contracts::open { promises: recode(&promises)? }),
        Call::Accept { ids } => RuntimeCall::Contracts(Contracts::accept { ids: recode(&ids)? }),
        Call::Settle { ids } => RuntimeCall::Contracts(Contracts::settle { ids: recode(&ids)? }),
        Call::End { ids } => RuntimeCall::Contracts(Contracts::end { ids: recode(&ids)? }),
        Call::Expire { ids } => RuntimeCall::Contracts(Contracts::expire { ids: recode(&ids)? }),
        Call::Bond { node_key, node_signature, details, bond } => {
            RuntimeCall::Trackers(Trackers::bond { node_key, node_signature, details, bond })
        }
        Call::UpdateTracker { details } => RuntimeCall::Trackers(Trackers::update { details }),
        Call::TopUpBond { amount } => RuntimeCall::Trackers(Trackers::top_up { amount }),
        Call::SetVerifiers { verifiers } => {
            RuntimeCall::Trackers(Trackers::set_verifiers { verifiers: recode(&verifiers)? })
        }
        Call::Resume => RuntimeCall::Trackers(Trackers::resume {}),
        Call::ExitTracker => RuntimeCall::Trackers(Trackers::announce_exit {}),
        Call::WithdrawTracker => RuntimeCall::Trackers(Trackers::withdraw {}),
        Call::Report { reports } => RuntimeCall::Audits(Audits::report { reports: recode(&reports)? }),
        Call::Dispute { contract, challenge } => RuntimeCall::Audits(Audits::dispute { contract, challenge }),
        Call::Answer { contract, opened, proofs } => {
            RuntimeCall::Audits(Audits::answer { contract, opened, proofs })
        }
        Call::Vouch { contract, answer } => RuntimeCall::Audits(Audits::vouch { contract, answer }),
        Call::Convict { contract, block, answer } => {
            RuntimeCall::Audits(Audits::convict { contract, block, answer })
        }
        Call::Surrender { contract } => RuntimeCall::Audits(Audits::surrender { contract }),
        Call::Resolve { contract } => RuntimeCall::Audits(Audits::resolve { contract }),
        Call::Claim => RuntimeCall::Audits(Audits::claim {}),
        Call::SetKeys { keys, proof } => RuntimeCall::Session(pallet_session::Call::set_keys {
            keys: DecodeAll::decode_all(&mut keys.as_slice())?,
            proof,
        }),
        Call::PurgeKeys => RuntimeCall::Session(pallet_session::Call::purge_keys {}),
        Call::ClaimRewards { eras } => {
            RuntimeCall::Issuance(pallet_lunarx_issuance::Call::claim { eras: recode(&eras)? })
        }
        Call::Transfer { to, amount } => RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
            dest: Address::Id(AccountId::new(to.0)),
            value: amount,
        }),
    })
}

/// The calls of the register of miners.
fn providers(call: Call) -> Providers<lunarx_runtime::Runtime> {
    match call {
        Call::Register { node_key, node_signature, details } => {
            Providers::register { node_key, node_signature, details }
        }
        Call::Update { details } => Providers::update { details },
        Call::TopUp { amount } => Providers::top_up { amount },
        Call::AnnounceExit => Providers::announce_exit {},
        Call::Stand => Providers::stand {},
        _ => Providers::withdraw {},
    }
}
