// Newcomers: a miner's way in, from words on paper to session keys and a first contract. What becomes of them is looked
// at by elections.test.mjs, after the other tests have passed their time.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { promisify } from 'node:util';
import { randomBytes } from 'node:crypto';
import { Keyring } from '@polkadot/keyring';
import { u8aToHex } from '@polkadot/util';
import { cryptoWaitReady } from '@polkadot/util-crypto';
import { base, connect, contractsOf, data, devnet, finalize, json, lunarx, root, rpc, until } from './network.mjs';

// miner-9 is somebody with a wallet, miner-10 the development account //Miner10.
const extra = { LUNARX_HOME: `${data}/newcomer`, LUNARX_PASSWORD: 'newcomer' };
let address;

/** A wallet of this name, with some LX; what the other tests count is the devnet's wallet. */
async function funded(name, amount) {
  const extra = { LUNARX_HOME: `${data}/${name}`, LUNARX_PASSWORD: name };
  const { address, words } = await json(['wallet', 'new'], { extra });
  const fund = [`${root}/scripts/js/fund.mjs`, `ws://127.0.0.1:${base + 1}`, '//Client', address, String(amount)];
  await promisify(execFile)(process.execPath, fund, { timeout: 120_000 });
  return { extra, address, words };
}

before(async () => {
  // The objects of these tests are small: nobody would prove a hundred GiB days.
  await cryptoWaitReady();
  const api = await connect();
  const alice = new Keyring({ type: 'sr25519' }).addFromUri('//Alice');
  const set = api.tx.parameters.setParameter({ Providers: { MinAuthorityPower: [null, 1] } });
  const events = await finalize(api, api.tx.sudo.sudo(set), alice).finally(() => api.disconnect());
  assert.ok(events.some(event => event.section === 'parameters' && event.method === 'Updated'));
  const newcomer = await funded('newcomer', 200);
  ({ address } = newcomer);
  mkdirSync(`${data}/miner-9`, { recursive: true });
  writeFileSync(`${data}/miner-9/account`, newcomer.words, { mode: 0o600 });
});

test('a stranger is told what a maker of blocks needs', async () => {
  const status = await json(['miner', 'status'], { extra });
  assert.deepEqual([status.address, status.power, status.chance, status.rank], [address, '0', 0, null]);
  assert.match(status.hurdle, /not registered.*--miner/);
  const { code, stderr } = await lunarx(['miner', 'exit'], { extra });
  assert.equal(code, 1);
  assert.match(stderr, /is no miner/);
});

test('session keys that nobody needs are forgotten, for their deposit', async () => {
  const { extra, words } = await funded('leaver', 5);
  const account = new Keyring({ type: 'sr25519' }).addFromUri(words);
  const { keys, proof } = await rpc('author_rotateKeysWithOwner', [u8aToHex(account.publicKey)]);
  const api = await connect();
  await finalize(api, api.tx.session.setKeys(keys, proof), account).finally(() => api.disconnect());
  const { session_keys } = await json(['miner', 'status'], { extra });
  assert.equal(session_keys, keys);
  assert.equal((await json(['balance'], { extra })).held, '1');
  const gone = await json(['miner', 'withdraw'], { extra });
  assert.deepEqual([gone.collateral, gone.purged_keys], ['0', true]);
  assert.equal((await json(['miner', 'status'], { extra })).session_keys, null);
  assert.equal((await json(['balance'], { extra })).held, '0');
  const again = await lunarx(['miner', 'withdraw'], { extra });
  assert.equal(again.code, 1);
  assert.match(again.stderr, /is no miner/);
});

test('newcomers register, with collateral and session keys', async () => {
  await devnet('start', 'miner-9', 'miner-10');
  const status = await until('session keys', async () => {
    const status = await json(['miner', 'status'], { extra });
    return status.session_keys && status;
  }, 180);
  assert.deepEqual([status.collateral_at_risk, status.collateral_needed], ['100', '100']);
  assert.match(status.hurdle, /too little service proven/);
  assert.deepEqual([status.candidate, status.authority], [false, false]);
  const { accounts } = await until('both newcomers', async () => {
    const accounts = (await rpc('lunarx_providers')).filter(miner => BigInt(miner.collateral) >= 100n * 10n ** 12n);
    return accounts.length === 2 && { accounts };
  });
  assert.ok(accounts.some(miner => miner.account === address));
  const exit = await lunarx(['miner', 'exit'], { extra });
  assert.equal(exit.code, 1, 'it asks first');
  assert.match(exit.stderr, /nothing was done: pass --yes/);
});

test('newcomers store pieces as everybody does', async () => {
  const { extra } = await funded('patron', 100);
  const put = await json(['put', '-', '--name', 'spread', '--code', '4/10', '--days', '1'], { input: randomBytes(2 << 20), extra });
  assert.deepEqual(put.faults, []);
  const held = await contractsOf(address);
  assert.equal(held.length, 1, 'all ten have a piece');
  assert.equal(held[0].state, 'active');
});
