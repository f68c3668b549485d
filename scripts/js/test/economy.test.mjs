// LX that is made for service: eras end, those who make blocks earn, and claim it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Keyring } from '@polkadot/keyring';
import { cryptoWaitReady } from '@polkadot/util-crypto';
import { LX, connect, finalize, json, lunarx, rpc, until } from './network.mjs';

const CAP = 100_000_000n * LX;
let api, alice;

before(async () => {
  await cryptoWaitReady();
  api = await connect();
  alice = new Keyring({ type: 'sr25519' }).addFromUri('//Alice');
});
after(() => api?.disconnect());

const total = due => due.reduce((sum, reward) => sum + BigInt(reward.total), 0n);

test('the economy adds up, over RPC and on the command line', async () => {
  const economy = await rpc('lunarx_economy');
  assert.equal(BigInt(economy.cap), CAP);
  assert.equal(BigInt(economy.issued) + BigInt(economy.unminted), CAP);
  assert.ok(BigInt(economy.emission) > 20_000n * LX, 'of the whole pool, nearly');
  const names = economy.funds.map(fund => fund.name);
  assert.deepEqual(names, ['research', 'team', 'community', 'marketing', 'treasury', 'slashed', 'trackers']);
  const vesting = economy.funds.reduce((sum, fund) => sum + BigInt(fund.vesting), 0n);
  assert.ok(vesting > 20_000_000n * LX && vesting < 25_000_000n * LX, `${vesting} vests`);
  const shown = await json(['economy']);
  for (const field of ['cap', 'issued', 'unminted']) assert.match(shown[field], /^\d+$/, 'whole units');
  assert.equal(BigInt(shown.issued) + BigInt(shown.unminted), BigInt(shown.cap));
  const text = await lunarx(['economy']);
  assert.equal(text.code, 0, text.stderr);
  assert.match(text.stdout.toString(), /left to mint +\d/);
});

test('who makes blocks is rewarded when the era is over, once', async () => {
  const { eraBlocks } = await rpc('lunarx_economy');
  const due = await until('an era is over', async () => {
    const due = await rpc('lunarx_rewards', [alice.address]);
    return due.length > 0 && due;
  }, eraBlocks * 3 + 60);
  const first = due.at(-1); // the oldest may expire meanwhile
  assert.ok(BigInt(first.due.authors) > 1_000n * LX, 'a third of 40 % of the era, about');
  assert.equal(first.due.contributors, '0');
  const before = BigInt((await rpc('lunarx_economy')).issued);
  const events = await finalize(api, api.tx.issuance.claim([first.era]), alice);
  const claimed = events.find(event => event.section === 'issuance' && event.method === 'Claimed').data;
  assert.equal(claimed.amount.toBigInt(), BigInt(first.total));
  const economy = await rpc('lunarx_economy');
  assert.equal(BigInt(economy.issued) - before, BigInt(first.total), 'made now, and counted');
  assert.equal(BigInt(economy.circulating), BigInt(economy.issued));
  await assert.rejects(finalize(api, api.tx.issuance.claim([first.era]), alice), /NothingEarned/);
  await assert.rejects(finalize(api, api.tx.issuance.claim([first.era + 1_000]), alice), /NotOver/);
  const left = await rpc('lunarx_rewards', [alice.address]);
  assert.ok(left.every(reward => reward.era !== first.era) && total(left) >= 0n);
});

test('a wallet sees that it has nothing to claim', async () => {
  assert.deepEqual(await json(['rewards']), []);
  assert.deepEqual(await json(['rewards', '--claim']), { claimed: '0', eras: [] });
  const listed = await json(['rewards', alice.address]);
  assert.ok(Array.isArray(listed));
  const bad = await lunarx(['rewards', 'nobody']);
  assert.notEqual(bad.code, 0);
});
