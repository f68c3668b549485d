// Audits, looked at: what became of the object that audits.test.mjs put, minutes ago.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Keyring } from '@polkadot/keyring';
import { cryptoWaitReady } from '@polkadot/util-crypto';
import { connect, contractsOf, data, eventsSince, finalize, json, rpc, units, until } from './network.mjs';

const extra = { LUNARX_HOME: `${data}/auditor`, LUNARX_PASSWORD: 'auditor' };
const FINAL = 6; // minutes after which windows of the earlier tests are settled for sure
let api, address;

before(async () => {
  await cryptoWaitReady();
  api = await connect();
  ({ address } = await json(['wallet', 'show'], { extra }));
});
after(() => api?.disconnect());

/** The events of the latest blocks whose state a node still has. */
async function recent() {
  const height = Number((await rpc('chain_getHeader', [await rpc('chain_getFinalizedHead')])).number);
  return eventsSince(api, Math.max(0, height - 200));
}

test('served windows are confirmed to both sides, and paid to miner and trackers', async () => {
  const ids = (await contractsOf(address)).map(contract => contract.id);
  assert.equal(ids.length, 7, 'all but the damaged one');
  // Miners settle once a day's windows are final; anybody may do it earlier.
  await until('windows are proven and final', async () => {
    const audits = await Promise.all(ids.map(id => rpc('lunarx_audit', [id])));
    return audits.every(audit => audit.provenUnsettled > 0);
  }, FINAL * 60);
  const before = new Map();
  for (const id of ids) before.set(id, BigInt((await rpc('lunarx_contract', [id])).paid));
  const eve = new Keyring({ type: 'sr25519' }).addFromUri('//Eve');
  const events = await finalize(api, api.tx.contracts.settle(ids), eve);
  const confirmed = events.filter(event => event.method === 'ServiceConfirmed').map(event => event.data);
  assert.deepEqual(confirmed.map(data => data.id.toHex()).sort(), [...ids].sort());
  for (const data of confirmed) {
    assert.equal(data.client.toString(), address);
    assert.ok(data.proven.toNumber() > 0);
    const [paid, trackers] = [data.paid.toBigInt(), data.trackers.toBigInt()];
    const contract = await rpc('lunarx_contract', [data.id.toHex()]);
    const [wordPay, proven] = [BigInt(contract.wordPay), data.proven.toBigInt()];
    assert.ok(wordPay > 0n && trackers % wordPay === 0n, 'each word is paid alike');
    const words = trackers / wordPay;
    assert.ok(words >= 2n * proven && words <= 3n * proven, `${words} words on ${proven} proven windows`);
    assert.ok(paid / trackers >= 19n, 'one in twenty at most');
    assert.equal(BigInt(contract.paid) - before.get(data.id.toHex()), paid + trackers);
    const { score } = await rpc('lunarx_provider', [data.miner.toString()]);
    assert.ok(score.provenWindows >= data.proven.toNumber());
  }
});

test('contracts that were ended early are closed and judged', async () => {
  const wallet = (await json(['wallet', 'show'])).address;
  await until('contracts of removed objects are closed', async () => {
    const left = await contractsOf(wallet);
    return left.every(contract => contract.ended === null);
  }, FINAL * 60);
  const { reserved } = (await api.query.system.account(wallet)).data;
  const escrow = (await contractsOf(wallet)).reduce((sum, contract) => sum + BigInt(contract.escrow), 0n);
  assert.equal(reserved.toBigInt(), escrow, 'nothing is left behind');
});

test('trackers give their verdicts in batches, and draw their pay', async () => {
  const events = await recent();
  const reports = events.filter(event => event.section === 'audits' && event.method === 'Reported');
  assert.ok(new Set(reports.map(event => event.data.tracker.toString())).size >= 3);
  const credits = (await rpc('lunarx_trackers')).reduce((sum, tracker) => sum + units(tracker.credits), 0n);
  const claimed = events.some(event => event.section === 'audits' && event.method === 'Claimed');
  assert.ok(credits > 0n || claimed);
});
