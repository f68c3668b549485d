// Files on the network, end to end: real processes, real disks, a real file of over 50 MB.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { closeSync, createReadStream, existsSync, mkdtempSync, openSync, readSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { base, connect, contractsOf, data, devnet, eventsSince, json, lunarx, miners, rpc, sha256, units, until } from './network.mjs';

const work = mkdtempSync(path.join(tmpdir(), 'lunarx-'));
const big = realpathSync(process.execPath); // the Node.js binary itself
let api, account, names;

before(async () => {
  api = await connect();
  account = (await json(['wallet', 'show'])).address;
  names = await miners();
});
after(async () => {
  rmSync(work, { recursive: true, force: true });
  await api?.disconnect();
});

/** The contracts that serve: those that were ended stay until their last window is judged. */
const contracts = async () => (await contractsOf(account)).filter(contract => contract.ended === null);
const sum = amounts => amounts.reduce((total, amount) => total + BigInt(amount), 0n);
const height = async port => Number((await rpc('chain_getHeader', [], port)).number);
/** What the chain itself says of the wallet. */
async function funds() {
  const { free, reserved } = (await api.query.system.account(account)).data;
  return { free: free.toBigInt(), held: reserved.toBigInt() };
}
/** The object's pieces by number, each with the name of its miner. */
async function pieces(id) {
  const { pieces } = await json(['status', id]);
  return pieces.map(piece => ({ ...piece, name: names.get(piece.miner) }));
}
const allAnswer = id => until('all pieces answer', async () => (await pieces(id)).every(piece => piece.readable), 120);
/** Does `work` while these processes are killed; they are started again whatever comes of it. */
async function without(dead, work) {
  try {
    await devnet('kill', ...dead);
    return await work();
  } finally {
    await devnet('start', ...dead);
  }
}
/** Where a text names a piece and its miner, on one line. */
const named = ({ piece, miner }) => new RegExp(`piece ${piece}\\b[^\\n]*${miner}.*`);
/** The miner's store (docs/store.md); a full node keeps it one folder deeper. */
const store = name => [`${data}/${name}/store`, `${data}/${name}/miner/store`].find(existsSync);
/** Changes one bit in the middle of a piece on its miner's disk. */
function flip({ name, contract }) {
  const id = contract.replace('0x', ''), folder = path.join(store(name), 'pieces', id.slice(0, 2), id.slice(2, 4));
  const files = readdirSync(folder).filter(file => file.startsWith(id) && file.endsWith('.piece'));
  assert.equal(files.length, 1, `one piece of ${id} at ${name}: ${files}`);
  const file = path.join(folder, files[0]), at = Math.floor(statSync(file).size / 2); // its hashes are at the end
  const fd = openSync(file, 'r+'), byte = Buffer.alloc(1);
  readSync(fd, byte, 0, 1, at);
  writeSync(fd, Buffer.from([byte[0] ^ 1]), 0, 1, at);
  closeSync(fd);
}

describe('one large file', { concurrency: false }, () => {
  let id, hash;

  test('is put with 4 of 8: contracts active, fee in escrow on chain', async () => {
    assert.ok(statSync(big).size > 50e6, `${big} has ${statSync(big).size} bytes`);
    hash = await sha256(big);
    const before = await funds();
    assert.equal(before.held, sum((await contractsOf(account)).map(c => c.escrow)));
    const dry = await json(['put', big, '--code', '4/8', '--dry-run']);
    assert.equal((await contracts()).length, 0, 'a dry run opens nothing');
    assert.deepEqual(await funds(), before, 'and costs nothing');
    assert.equal(dry.affordable, true);

    const put = await json(['put', big, '--code', '4/8']);
    id = put.id;
    assert.deepEqual(put.faults, []);
    const all = await contracts();
    assert.deepEqual(all.map(c => c.id).sort(), [...put.contracts].sort());
    assert.equal(all.length, 8);
    assert.ok(all.every(c => c.state === 'active'), JSON.stringify(all.map(c => c.state)));
    assert.deepEqual(all.map(c => c.miner).sort(), [...names.keys()].sort(), 'each miner has one');

    // One amount, wherever it is told: before, by the put, by the chain, by the status.
    const escrow = sum(all.map(c => c.escrow));
    assert.ok(escrow > 0n);
    assert.equal(escrow, sum(all.map(c => BigInt(c.windowFee) * BigInt(c.windows))), 'the whole term');
    assert.equal(units(dry.cost), escrow);
    assert.equal(units(put.cost), escrow);
    assert.equal(units((await json(['status', id])).escrow), escrow);
    const now = await funds();
    assert.equal(now.held - before.held, escrow);
    assert.equal(before.free - now.free, escrow + units(put.transaction_fees), 'nothing else is paid');

    const listed = (await json(['ls'])).find(object => object.id === id);
    assert.deepEqual([listed.name, listed.bytes, listed.code], [path.basename(big), statSync(big).size, '4/8']);
  });

  test('is reached by one command right after the other', async () => {
    // Each command is a connection of its own with every miner: none may stay behind at the miner.
    for (let command = 1; command <= 8; command++) {
      const faults = (await pieces(id)).filter(piece => !piece.readable).map(({ name, fault }) => `${name} ${fault}`);
      assert.deepEqual(faults, [], `at command ${command}`);
    }
  });

  test('comes back equal with four miners killed; with a fifth gone, says what is missing and leaves no file', async () => {
    const four = ['miner-1', 'miner-3', 'miner-5', 'miner-7'], fifth = 'miner-8';
    await without(four, async () => {
      await json(['get', id, '-o', `${work}/four-gone`]);
      assert.equal(await sha256(`${work}/four-gone`), hash);

      await without([fifth], async () => {
        const files = readdirSync(work);
        const { code, stdout, stderr } = await lunarx(['get', id, '-o', `${work}/five-gone`]);
        assert.equal(code, 1, stderr);
        assert.equal(stdout.toString(), '');
        assert.match(stderr, /\b3 pieces\b.*\b4\b.*needed/, 'how many there are, and are needed');
        for (const piece of await pieces(id)) {
          if ([...four, fifth].includes(piece.name)) assert.match(stderr, named(piece), 'a missing piece');
          else assert.doesNotMatch(stderr, named(piece), 'a piece that is there');
        }
        assert.deepEqual(readdirSync(work), files);
      });
    });
  });

  test('is found again once the miners are back, on their old data', async () => {
    await allAnswer(id);
    await json(['get', id, '-o', `${work}/back`]);
    assert.equal(await sha256(`${work}/back`), hash);
  });

  test('a flipped byte on a disk is detected, routed around and named', async () => {
    // Pieces are asked for by number: that of the lowest is, whoever else is there.
    const all = await pieces(id), [victim] = all;
    flip(victim);
    const corrupt = [{ segment: 0, piece: victim.piece, miner: victim.miner }];
    const others = all.slice(-4).map(piece => piece.name);
    await without(others.slice(1), async () => {
      // Five are left, four of them whole. A get may leave out a miner that is slow just now, and then has
      // nothing to tell of it: so it may take more than one. None may give wrong bytes.
      let out, stderr;
      for (let attempt = 0; attempt < 5 && !out?.corrupt.length; attempt++) {
        const got = await lunarx(['get', id, '-o', `${work}/flipped`, '--force', '--json']);
        assert.equal(got.code, 0, got.stderr);
        assert.equal(await sha256(`${work}/flipped`), hash);
        out = JSON.parse(got.stdout);
        stderr = got.stderr;
      }
      assert.deepEqual(out.corrupt.map(({ segment, piece, miner }) => ({ segment, piece, miner })), corrupt);
      assert.match(named(victim).exec(stderr)?.[0] ?? '', /corrupt/, stderr);

      // Four are left, three of them whole: the corrupt one is asked for sure, and can not be replaced.
      await without(others.slice(0, 1), async () => {
        const files = readdirSync(work);
        const got = await lunarx(['get', id, '-o', `${work}/three-whole`]);
        assert.equal(got.code, 1, got.stderr);
        assert.match(got.stderr, /\b3 pieces\b.*\b4\b.*needed/);
        assert.match(named(victim).exec(got.stderr)?.[0] ?? '', /corrupt/, got.stderr);
        assert.deepEqual(readdirSync(work), files);
      });
    });
    await allAnswer(id);
  });

  test('is removed: contracts end, and only what served windows cost stays held', async () => {
    const { held } = await funds();
    await json(['rm', id]);
    assert.deepEqual(await contracts(), []);
    assert.ok((await funds()).held * 100n < held, 'minutes of thirty days');
    assert.ok(!(await json(['ls'])).some(object => object.id === id));
  });
});

test('sizes at every edge, names with spaces and other letters, and pipes', async () => {
  const sizes = [0, 1, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1];
  const name = 'Лунный свет – 月の光 (1).bin';
  for (const size of sizes) {
    const file = path.join(work, name), bytes = randomBytes(size);
    writeFileSync(file, bytes);
    const { id } = await json(['put', file, '--code', '2/3', '--days', '1']);
    const listed = (await json(['ls'])).find(object => object.id === id);
    assert.equal(listed.name, name);
    const { code, stdout, stderr } = await lunarx(['get', id, '-o', '-']);
    assert.equal(code, 0, stderr);
    assert.ok(stdout.equals(bytes), `${size} bytes`);
    await json(['rm', id]);
  }
  const piped = path.join(work, 'piped');
  writeFileSync(piped, randomBytes(12_345_678));
  const { id } = await json(['put', '-', '--name', 'from a pipe', '--code', '2/4'], { input: createReadStream(piped) });
  const { code, stdout, stderr } = await lunarx(['get', id, '-o', '-']);
  assert.equal(code, 0, stderr);
  assert.ok(stdout.equals(readFileSync(piped)));
  await json(['rm', id]);
});

/** The file's bytes, the second half once `gate` opens. */
async function* halves(file, gate) {
  const half = Math.floor(statSync(file).size / 2);
  yield* createReadStream(file, { end: half - 1 });
  await gate;
  yield* createReadStream(file, { start: half });
}
/** The name of a miner that is just taking a piece. */
function uploading() {
  const bytes = file => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  return [...names.values()].find(name => {
    const incoming = path.join(store(name), 'incoming');
    return readdirSync(incoming).some(file => file.endsWith('.part') && bytes(path.join(incoming, file)) > 0);
  });
}

test('a validator and a miner killed in mid-traffic: chain, miners and contracts go on', async () => {
  const earlier = path.join(work, 'earlier');
  writeFileSync(earlier, randomBytes(8 << 20));
  const before = await json(['put', earlier, '--code', '4/8', '--days', '1']);
  const stop = new AbortController();
  let open;
  const gate = new Promise(resolve => { open = resolve; });
  // From a pipe that gives the second half only after the kill: then the first is certainly under way.
  const put = json(['put', '-', '--code', '4/7', '--name', 'in mid-traffic'],
    { input: Readable.from(halves(big, gate)), timeout: 300_000, signal: stop.signal });
  put.catch(() => {}); // awaited below, unless something fails before
  try {
    const miner = await until('an upload began', uploading);
    const killedAt = await without([miner, 'validator-3'], async () => {
      open();
      const at = await height(base + 1);
      await until('blocks go on', async () => (await height(base + 1)) > at + 2);
      return at;
    });
    // GRANDPA needs more than two thirds of the votes, with three validators all of them: unless a newcomer is
    // elected by now, the put ends once the third is back.
    const { id, contracts: ids } = await put;
    await until('the validator caught up', async () => {
      try { return (await height(base + 3)) > killedAt; } catch { return false; }
    });
    const active = (await contracts()).filter(c => c.state === 'active');
    assert.equal(ids.length, 7);
    assert.deepEqual(active.map(c => c.id).sort(), [...ids, ...before.contracts].sort(), 'the new, and the earlier');
    await json(['get', id, '-o', `${work}/traffic`]);
    assert.equal(await sha256(`${work}/traffic`), await sha256(big));
    await json(['rm', id]);
  } finally {
    open();
    stop.abort();
  }

  // The earlier object: every miner serves it again, and every contract pays for what was served.
  await allAnswer(before.id);
  await json(['get', before.id, '-o', `${work}/earlier-back`]);
  assert.equal(await sha256(`${work}/earlier-back`), await sha256(earlier));
  const from = await height(base + 1);
  await json(['rm', before.id]);
  assert.deepEqual(await contracts(), []);
  const events = (await eventsSince(api, from)).filter(event => event.section === 'contracts');
  const shortened = events.filter(event => event.method === 'Shortened').map(event => event.data);
  assert.deepEqual(shortened.map(e => e.id.toHex()).sort(), [...before.contracts].sort());
  assert.ok(shortened.every(e => e.refunded.toBigInt() > 0n), 'the rest of the day is back at once');
});

describe('errors say what happened', { concurrency: false }, () => {
  test('an unreachable chain', async () => {
    const url = `ws://127.0.0.1:${base + 99}`;
    const { code, stdout, stderr } = await lunarx(['miners'], { extra: { LUNARX_RPC: url } });
    assert.equal(code, 1, stderr);
    assert.equal(stdout.toString(), '');
    assert.match(stderr, new RegExp(`no chain node answers at ${url}`));
    assert.match(stderr, /try: .*--rpc/);
  });
  test('an empty wallet', async () => {
    const extra = { LUNARX_HOME: path.join(work, 'empty-wallet') };
    const { address } = await json(['wallet', 'new'], { extra });
    const dry = await json(['put', big, '--dry-run'], { extra });
    assert.deepEqual([dry.balance, dry.affordable], ['0', false]);
    const { code, stdout, stderr } = await lunarx(['put', big], { extra });
    assert.equal(code, 1, stderr);
    assert.equal(stdout.toString(), '');
    const [, needed] = /\b0 LX\b.*?([\d.]+) LX.*needed/.exec(stderr) ?? assert.fail(stderr);
    assert.ok(units(needed) >= units(dry.cost), `${needed} of at least ${dry.cost}`);
    assert.deepEqual(await rpc('lunarx_contractsOf', [address]), []);
    assert.deepEqual(await json(['ls'], { extra }), []);
  });
  test('more pieces than miners, a bad code, a missing file, an unknown object', async () => {
    const missing = path.join(work, 'none'), unknown = '00'.repeat(32);
    for (const [args, expected, what] of [
      [['put', big, '--code', '10/200'], 1, /\b(8|10)\b.*miners.*\b200\b.*needed/],
      [['put', big, '--code', '9/8'], 2, /code 9\/8 is not within 1 <= k <= n/],
      [['put', missing], 1, new RegExp(`cannot read ${missing}\n.*No such file`)],
      [['get', unknown], 1, new RegExp(`no object "?${unknown}`)],
    ]) {
      const { code, stdout, stderr } = await lunarx(args);
      assert.equal(code, expected, `${args}: ${stderr}`);
      assert.equal(stdout.toString(), '');
      assert.match(stderr, what);
    }
    assert.deepEqual(await contracts(), [], 'nothing was opened');
  });
});
