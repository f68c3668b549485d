// Audits, begun: an object of a wallet of its own, and a damaged disk. What becomes of the windows is looked at
// by verdicts.test.mjs, after the other tests have passed their time.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { randomBytes } from 'node:crypto';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { base, connect, contractsOf, data, devnet, eventsSince, json, lunarx, miners, root, rpc, units, until } from './network.mjs';

const extra = { LUNARX_HOME: `${data}/auditor`, LUNARX_PASSWORD: 'auditor' };
const SLASHED_WITHIN = 240; // seconds: four windows
const bytes = randomBytes(3 << 20);
let api, names, address, id, begun;

before(async () => {
  api = await connect();
  names = await miners();
  ({ address } = await json(['wallet', 'new'], { extra }));
  const fund = [`${root}/scripts/js/fund.mjs`, `ws://127.0.0.1:${base + 1}`, '//Client', address, '1000'];
  await promisify(execFile)(process.execPath, fund, { timeout: 120_000 });
});
after(() => api?.disconnect());

test('trackers are bonded, and members of the running round', async () => {
  const trackers = await rpc('lunarx_trackers');
  assert.equal(trackers.length, 4);
  assert.ok(trackers.every(tracker => tracker.state === 'active' && BigInt(tracker.bond) > 0n));
  assert.deepEqual(await rpc('lunarx_tracker', [trackers[0].account]), trackers[0]);
  const [running] = await rpc('lunarx_rounds');
  const accounts = trackers.map(tracker => tracker.account);
  assert.ok(running.members.length >= 3 && running.members.every(member => accounts.includes(member)));
  assert.deepEqual(await rpc('lunarx_seats', ['0x' + '11'.repeat(32)]), [], 'no such contract');
});

test('an object is put, and its challenges are what the chain draws', async () => {
  begun = Number((await rpc('chain_getHeader')).number);
  const put = await json(['put', '-', '--name', 'audited', '--code', '4/8', '--days', '1'], { input: bytes, extra });
  id = put.id;
  assert.deepEqual(put.faults, []);
  const all = await contractsOf(address);
  assert.equal(all.length, 8);
  // Nobody knows them before eight blocks are made after the acceptance.
  const seats = await until('the seats are drawn', async () => {
    const seats = await rpc('lunarx_seats', [all[0].id]);
    return seats.length === 3 && seats;
  });
  const [running] = await rpc('lunarx_rounds');
  assert.ok(new Set(seats).size === 3 && seats.every(seat => running.members.includes(seat)));
  // A challenge comes about every 50 seconds to each of eight contracts.
  const found = await until('a challenge', async () => {
    const block = Number((await rpc('chain_getHeader')).number);
    for (const { id } of all) {
      for (let at = block; at > block - 15; at--) {
        const { challenges } = await rpc('lunarx_challenges', [{ contract: id }, at]);
        if (challenges.length && challenges[0].seats.length) return challenges[0];
      }
    }
  }, 90);
  const contract = all.find(contract => contract.id === found.contract);
  assert.equal(found.miner, contract.miner);
  assert.equal(found.positions.length, 24);
  assert.ok(found.positions.every(position => position >= 0 && position < contract.bytes));
  const ofMiner = await rpc('lunarx_challenges', [{ miner: found.miner }, found.block]);
  assert.ok(ofMiner.challenges.some(challenge => challenge.contract === found.contract));
  const ofTracker = await rpc('lunarx_challenges', [{ tracker: found.seats[0] }, found.block]);
  assert.ok(ofTracker.challenges.some(challenge => challenge.contract === found.contract));
});

test('a damaged disk is found, and costs its miner alone', async () => {
  const [victim] = (await json(['status', id], { extra })).pieces.slice(-1);
  const name = names.get(victim.miner);
  const { stdout } = await devnet('corrupt', name);
  assert.match(stdout, /overwrote \d+ of \d+ bytes/);
  const slashes = async () => {
    return new Map((await json(['miners'])).map(miner => [miner.account, units(miner.slashed)]));
  };
  const found = await until(`${name} is slashed`, async () => {
    const all = await slashes();
    return all.get(victim.miner) > 0n && all;
  }, SLASHED_WITHIN);
  for (const [miner, slashed] of found) assert.equal(slashed > 0n, miner === victim.miner, names.get(miner));

  const provider = await rpc('lunarx_provider', [victim.miner]);
  assert.equal(provider.score.lostContracts, 1);
  assert.equal(await rpc('lunarx_contract', [victim.contract]), null, 'the contract is closed');
  const events = await eventsSince(api, begun);
  const [convicted, ...others] = events.filter(event => event.section === 'audits' && event.method === 'Convicted');
  assert.deepEqual(others, []);
  assert.equal(convicted.data.contract.toHex(), victim.contract);
  assert.ok(convicted.data.cause.isSurrendered, 'the miner found out as it was asked, and said so');
  const ended = events.find(event => event.method === 'Ended' && event.data.id.toHex() === victim.contract);
  assert.ok(ended.data.reason.isFaulty);
  assert.equal(ended.data.paid.toBigInt(), 0n, 'no window was paid');
  const { code, stdout: back, stderr } = await lunarx(['get', id, '-o', '-'], { extra });
  assert.equal(code, 0, stderr);
  assert.ok(back.equals(bytes), 'and the object is whole');
});
