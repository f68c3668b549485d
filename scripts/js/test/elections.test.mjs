// Elections: the newcomers of authorities.test.mjs have proven service. They are elected, make blocks, and leave: one
// by its own word, the other by silence. The chain goes on meanwhile.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Keyring } from '@polkadot/keyring';
import { cryptoWaitReady } from '@polkadot/util-crypto';
import { base, connect, data, devnet, json, lunarx, rpc, units, until } from './network.mjs';

const extra = { LUNARX_HOME: `${data}/newcomer`, LUNARX_PASSWORD: 'newcomer' };
const ERAS = 20;
let api, nine, ten, genesis;

const header = async number => api.rpc.chain.getHeader(await api.rpc.chain.getBlockHash(number));
const finalized = async () =>
  (await api.rpc.chain.getHeader(await api.rpc.chain.getFinalizedHead())).number.toNumber();
const validators = async () => (await api.query.session.validators()).map(String);

/** Who made a block: the authority with the number that its digest names. */
async function author(number) {
  const [digest] = (await header(number)).digest.logs.filter(log => log.isPreRuntime);
  const index = digest.asPreRuntime[1].toU8a(true).slice(1, 5);
  const parent = await api.at(await api.rpc.chain.getBlockHash(number));
  const set = (await parent.query.session.validators()).map(String);
  return set[Buffer.from(index).readUInt32LE(0)];
}

before(async () => {
  await cryptoWaitReady();
  api = await connect();
  const keyring = new Keyring({ type: 'sr25519' });
  ({ address: nine } = await json(['wallet', 'show'], { extra }));
  [ten, ...genesis] = ['//Miner10', '//Alice', '//Bob', '//Charlie'].map(uri => keyring.addFromUri(uri).address);
});
after(() => api?.disconnect());

test('who proves service is elected, and makes blocks; one of genesis yields', async () => {
  await until('both newcomers make blocks', async () => {
    const set = await validators();
    return set.includes(nine) && set.includes(ten);
  }, 480);
  const set = await validators();
  assert.deepEqual([...set].sort(), [nine, ten, genesis[0], genesis[1]].sort(), 'Charlie yields');
  const from = await finalized();
  const made = await until('each authority has made a block', async () => {
    const made = new Map();
    for (let number = from + 1, last = await finalized(); number <= last; number++) {
      made.set(await author(number), number);
    }
    return set.every(account => made.has(account)) && made;
  }, 180);
  const status = await json(['miner', 'status'], { extra });
  assert.deepEqual([status.authority, status.candidate, status.chance, status.hurdle], [true, true, 0.25, null]);
  assert.ok(BigInt(status.power) > 0n && status.last_block >= made.get(nine));
  assert.equal(status.candidates, 2);
  const shown = await rpc('lunarx_authority', [ten]);
  assert.ok(shown.authority && BigInt(shown.power) > 0n && [1, 2].includes(shown.rank));
  const text = await lunarx(['miner', 'status'], { extra });
  assert.match(text.stdout.toString(), /one of 4: 25\.00 %/);
});

test('a maker of blocks claims its rewards on the command line', async () => {
  await until('an era with a block of its own is over', async () => {
    const due = await json(['rewards'], { extra });
    return due.some(reward => units(reward.due.authors) > 0n);
  }, 180);
  const before = units((await json(['balance'], { extra })).free);
  const claimed = await json(['rewards', '--claim'], { extra });
  assert.ok(units(claimed.claimed) > 0n && claimed.eras.length >= 1);
  const gained = units((await json(['balance'], { extra })).free) - before;
  // Its own transactions, settlements among them, cost fees meanwhile.
  assert.ok(gained > units(claimed.claimed) / 2n, `${gained} of ${claimed.claimed}`);
  const left = await json(['rewards'], { extra });
  assert.ok(left.every(reward => !claimed.eras.includes(reward.era)), 'nothing twice');
});

test('one leaves, another vanishes: both lose their seats, and finality goes on', async () => {
  await devnet('kill', 'miner-10');
  const killed = await finalized();
  const exit = await json(['miner', 'exit', '--yes'], { extra });
  assert.ok(exit.exit_at > exit.block);
  await until('miner-9 has left', async () => !(await validators()).includes(nine), 240);
  const status = await json(['miner', 'status'], { extra });
  assert.deepEqual([status.candidate, status.authority], [false, false]);
  assert.match(status.hurdle, /exit/);
  const early = await lunarx(['miner', 'withdraw'], { extra });
  assert.equal(early.code, 1);
  assert.match(early.stderr, /ExitDelayNotOver/);
  // Blocks of an authority that is gone are missing; those of the others are finalized all the time.
  let last = killed, moved = Date.now(), longest = 0;
  await until('miner-10 has lost its seat', async () => {
    const now = await finalized();
    if (now > last) [last, moved] = [now, Date.now()];
    longest = Math.max(longest, Date.now() - moved);
    return !(await validators()).includes(ten);
  }, 600);
  assert.ok(longest < 60_000, `finality stood still for ${longest} ms`);
  assert.deepEqual((await validators()).sort(), [...genesis].sort(), 'those of genesis are back');
  const { rank, authority } = await rpc('lunarx_authority', [ten]);
  assert.deepEqual([rank, authority], [null, false]);
});

test('sessions have rotated with every era, and no block waited long', async () => {
  const { eraBlocks } = await rpc('lunarx_economy');
  assert.equal(eraBlocks, 10);
  await until(`${ERAS} eras are over`, async () => await finalized() >= (ERAS + 1) * eraBlocks, 600);
  const last = await finalized();
  const at = await api.at(await api.rpc.chain.getBlockHash(last));
  const sessions = (await at.query.session.currentIndex()).toNumber();
  const era = (await at.query.issuance.currentEra()).toNumber();
  assert.ok(era >= ERAS && sessions >= era - 2, `${sessions} sessions in ${era} eras`);
  const changes = (await at.query.grandpa.currentSetId()).toNumber();
  assert.ok(changes >= 3, `GRANDPA changed its voters ${changes} times`);
  const slots = [];
  for (let number = Math.max(1, last - ERAS * eraBlocks); number <= last; number++) {
    const [digest] = (await header(number)).digest.logs.filter(log => log.isPreRuntime);
    slots.push(Buffer.from(digest.asPreRuntime[1].toU8a(true).slice(5, 13)).readBigUInt64LE(0));
  }
  const gaps = slots.slice(1).map((slot, index) => Number(slot - slots[index]));
  assert.ok(Math.max(...gaps) <= 20, `a block waited for ${Math.max(...gaps)} slots`);
});
