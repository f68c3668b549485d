//! What the runtime API reads.

use crate::mock::*;
use frame_support::assert_ok;
use lunarx_core::{Balance, BatchRoot, ContractId, ContractInfo, ContractState, Quote, GIB, LX};

fn ids_of(account: u64, after: Option<ContractId>, limit: u32) -> Vec<ContractId> {
    Contracts::page_of(&account, after, limit).into_iter().map(|info| info.id).collect()
}

#[test]
fn info_tells_all_of_a_contract() {
    run(|| {
        let id = Deal::default().open_and_accept();
        pass_busy(FINAL + WINDOW);
        assert_ok!(settle(STRANGER, &[id]));
        let expected = ContractInfo {
            id,
            client: CLIENT,
            miner: MINER,
            root: BatchRoot([7; 32]),
            pieces: 1,
            bytes: GIB,
            window: WINDOW,
            windows: 3,
            window_fee: WINDOW_FEE,
            last_fee: WINDOW_FEE,
            word_pay: 0,
            ended: None,
            escrow: 2 * WINDOW_FEE,
            paid: WINDOW_FEE,
            commission: None,
            state: ContractState::Active { since: 1, settled: 1 },
        };
        assert_eq!(Contracts::info(id), Some(expected));
        assert_eq!(Contracts::info(Deal::number(9).id()), None);
    });
}

#[test]
fn pages_follow_each_other_without_gaps() {
    run(|| {
        let mut all: Vec<_> = (0..7).map(|nonce| Deal::number(nonce).open()).collect();
        all.sort();
        for account in [CLIENT, MINER] {
            for limit in [1, 2, 3, 7, 8] {
                let mut seen = Vec::new();
                loop {
                    let page = ids_of(account, seen.last().copied(), limit);
                    let last = page.len() < usize::try_from(limit).expect("small");
                    seen.extend(page);
                    if last {
                        break;
                    }
                }
                seen.sort();
                assert_eq!(seen, all, "{account} by {limit}");
            }
        }
        assert_eq!(ids_of(STRANGER, None, 10), []);
        assert_eq!(ids_of(CLIENT, None, 0), []);
    });
}

#[test]
fn all_contracts_are_paged() {
    run(|| {
        for nonce in 0..5 {
            Deal::number(nonce).open();
        }
        let all: Vec<_> = Contracts::page(None, 10).into_iter().map(|info| info.id).collect();
        assert_eq!(all.len(), 5);
        let rest: Vec<_> = Contracts::page(Some(all[1]), 2).into_iter().map(|info| info.id).collect();
        assert_eq!(rest, all[2..4]);
    });
}

#[test]
fn a_page_goes_on_behind_a_contract_that_was_closed() {
    run(|| {
        for nonce in 0..5 {
            Deal::number(nonce).open();
        }
        let order = ids_of(CLIENT, None, 10);
        assert_ok!(end(CLIENT, &order[1..2]));
        assert_eq!(ids_of(CLIENT, Some(order[1]), 10), order[2..]);
    });
}

#[test]
fn a_quote_is_what_open_holds() {
    run(|| {
        let quote = Contracts::quote(GIB, 3, PRICE);
        assert_eq!(quote, Some(Quote { window_fee: WINDOW_FEE, total: 3 * WINDOW_FEE }));
        Deal::default().open();
        assert_eq!(Some(held(CLIENT)), quote.map(|quote| quote.total));
    });
}

#[test]
fn a_quote_that_overflows_is_none() {
    run(|| {
        assert_eq!(Contracts::quote(u64::MAX, 1, Balance::MAX), None);
        assert_eq!(Contracts::quote(0, 1, LX), Some(Quote { window_fee: 0, total: 0 }));
    });
}
