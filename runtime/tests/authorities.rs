//! Who makes blocks, in the runtime as it is composed.

mod common;

use codec::Encode;
use common::{account, chain, signed};
use frame_support::{
    assert_noop,
    traits::{FindAuthor as _, Get},
};
use lunarx_runtime::{
    configs::{EpochDuration, FindAuthor},
    genesis, Providers, Runtime, Session, SessionKeys, EPOCH_BLOCKS,
};
use sp_consensus_babe::{
    digests::{PreDigest, SecondaryPlainPreDigest},
    Slot, BABE_ENGINE_ID,
};
use sp_core::{ed25519, sr25519, Pair};

fn keys(uri: &str) -> SessionKeys {
    SessionKeys {
        babe: sr25519::Pair::from_string(uri, None).unwrap().public().into(),
        grandpa: ed25519::Pair::from_string(uri, None).unwrap().public().into(),
    }
}

#[test]
fn a_preset_chooses_the_blocks_of_a_session() {
    for (preset, blocks) in [(genesis::DEV, EPOCH_BLOCKS), (genesis::LOCAL, 10)] {
        chain(preset).execute_with(|| assert_eq!(EpochDuration::get(), u64::from(blocks)));
    }
}

/// The digest of an epoch's first block names a number in the new set, which the session pallet has only planned when
/// the block's author is looked up.
#[test]
fn the_first_block_of_a_session_is_its_own_authors() {
    chain(genesis::LOCAL).execute_with(|| {
        let planned = vec![(account("//Dave"), keys("//Dave")), (account("//Alice"), keys("//Alice"))];
        pallet_session::QueuedKeys::<Runtime>::put(planned);
        let start = 1_000;
        pallet_babe::GenesisSlot::<Runtime>::put(Slot::from(start));
        let author = |number: u32, slot: u64| {
            let slot = Slot::from(slot);
            pallet_babe::CurrentSlot::<Runtime>::put(slot);
            lunarx_runtime::System::set_block_number(7);
            let digest = PreDigest::SecondaryPlain(SecondaryPlainPreDigest { authority_index: number, slot });
            let digest = digest.encode();
            FindAuthor::find_author([(BABE_ENGINE_ID, digest.as_slice())])
        };
        assert_eq!(author(0, start + 9), Some(account("//Alice")), "the last of the running session");
        assert_eq!(author(0, start + 10), Some(account("//Dave")), "the first of the next");
        assert_eq!(author(2, start + 9), Some(account("//Charlie")));
        assert_eq!(author(2, start + 10), None, "two are planned");
    });
}

#[test]
fn genesis_makes_the_blocks_until_a_miner_is_elected() {
    chain(genesis::LOCAL).execute_with(|| {
        let unknown = pallet_lunarx_providers::Error::<Runtime>::NotRegistered;
        assert_noop!(Providers::stand(signed("//Alice")), unknown);
        let before = Session::validators();
        for _ in 0..3 {
            Session::rotate_session();
        }
        assert_eq!(Session::validators(), before);
        let info = Providers::authority(&account("//Alice"));
        assert!(info.authority && info.power == 0 && info.last_block.is_some());
        assert_eq!((info.authorities, info.candidates, info.rank), (3, 0, None));
    });
}
