// Files on the network, end to end: real processes, real disks, a real file of over 50 MB.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createReadStream, existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync, openSync, readSync, writeSync, closeSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { base, data, devnet, json, lunarx, rpc, sha256, until } from './network.mjs';

const work = mkdtempSync(path.join(tmpdir(), 'lunarx-'));
const big = realpathSync(process.execPath); // the Node.js binary itself
let account;

before(async () => {
  account = (await json(['wallet', 'show'])).address;
});
after(() => rmSync(work, { recursive: true, force: true }));

async function contracts() {
  const all = [];
  for (let after = null; ;) {
    const page = await rpc('lunarx_contractsOf', [account, after]);
    all.push(...page);
    if (page.length < 256) return all;
    after = page.at(-1).id;
  }
}
const height = async port => Number((await rpc('chain_getHeader', [], port)).number);

describe('one large file', { concurrency: false }, () => {
  let id, hash;

  test('is put with 4 of 8: contracts active, fee in escrow on chain', async () => {
    assert.ok(statSync(big).size > 50e6, `${big} has ${statSync(big).size} bytes`);
    hash = await sha256(big);
    const dry = await json(['put', big, '--code', '4/8', '--dry-run']);
    assert.equal((await contracts()).length, 0, 'a dry run opens nothing');
    const put = await json(['put', big, '--code', '4/8']);
    id = put.id;
    assert.ok(id && dry, 'put prints its id');
    const all = await contracts();
    assert.equal(all.length, 8);
    assert.ok(all.every(c => c.state === 'active'), JSON.stringify(all.map(c => c.state)));
    assert.equal(new Set(all.map(c => c.miner)).size, 8, 'eight distinct miners');
    const escrow = all.reduce((sum, c) => sum + BigInt(c.escrow), 0n);
    assert.ok(escrow > 0n);
    const list = await json(['ls']);
    assert.ok(list.some(object => object.id === id));
  });

  test('comes back equal after four miners were killed', async () => {
    await devnet('kill', 'miner-1', 'miner-3', 'miner-5', 'miner-7');
    await json(['get', id, '-o', `${work}/four-gone`]);
    assert.equal(await sha256(`${work}/four-gone`), hash);
  });

  test('says what is missing when a fifth is gone, and leaves no file', async () => {
    await devnet('kill', 'miner-8');
    const { code, stderr } = await lunarx(['get', id, '-o', `${work}/five-gone`]);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /4/, 'how many are needed');
    assert.match(stderr, /missing|unreachable|piece/i);
    assert.deepEqual(readdirSync(work).filter(name => name.includes('five-gone')), []);
    await devnet('start', 'miner-1', 'miner-3', 'miner-5', 'miner-7', 'miner-8');
  });

  test('is found again once the miners are back, on their old data', async () => {
    await until('the miners answer', async () => {
      const { code } = await lunarx(['get', id, '-o', `${work}/back`, '--force']);
      return code === 0;
    }, 120);
    assert.equal(await sha256(`${work}/back`), hash);
  });

  test('a flipped byte on a disk is detected, routed around and named', async () => {
    const pieces = `${data}/miner-4/store/pieces`;
    const file = readdirSync(pieces, { recursive: true }).map(name => path.join(pieces, name.toString()))
      .filter(name => name.endsWith('.piece')).sort((a, b) => statSync(b).size - statSync(a).size)[0];
    const fd = openSync(file, 'r+'), byte = Buffer.alloc(1), at = Math.floor(statSync(file).size / 2);
    readSync(fd, byte, 0, 1, at);
    writeSync(fd, Buffer.from([byte[0] ^ 1]), 0, 1, at);
    closeSync(fd);
    // With four others gone, the corrupt one is asked for sure.
    await devnet('kill', 'miner-1', 'miner-3', 'miner-5');
    const got = await lunarx(['get', id, '-o', `${work}/flipped`, '--json']);
    assert.equal(got.code, 0, got.stderr);
    assert.equal(await sha256(`${work}/flipped`), hash);
    const providers = await rpc('lunarx_providers', []);
    const miner = providers.find(p => p.addresses.some(a => a.includes(`/${base + 44}`)));
    const named = got.stdout.toString() + got.stderr;
    assert.ok(named.includes(miner.account) || named.includes(miner.nodeId), `names ${miner.account}: ${named}`);
    await devnet('start', 'miner-1', 'miner-3', 'miner-5');
  });

  test('is removed: contracts end, nothing stays held', async () => {
    await json(['rm', id]);
    assert.deepEqual(await contracts(), []);
    const balance = await json(['balance']);
    assert.equal(Number(balance.held ?? 0), 0, JSON.stringify(balance));
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
  const { stdout } = await lunarx(['get', id, '-o', '-']);
  assert.ok(stdout.equals(readFileSync(piped)));
  await json(['rm', id]);
});

test('a validator and a miner killed in mid-traffic: chain, miners and contracts go on', async () => {
  const put = json(['put', big, '--code', '4/7', '--name', 'in mid-traffic'], { timeout: 300_000 });
  await until('uploads began', () => existsSync(`${data}/miner-6/store`) && readdirSync(`${data}/miner-6/store`, { recursive: true }).length > 4);
  await devnet('kill', 'validator-3', 'miner-6');
  const before = await height(base + 1);
  await until('blocks go on', async () => (await height(base + 1)) > before + 2);
  // GRANDPA needs more than two thirds of the votes, with three validators all of them: the put ends
  // once the third is back.
  await devnet('start', 'validator-3', 'miner-6');
  const { id } = await put;
  await until('the validator caught up', async () => {
    try { return (await height(base + 3)) > before; } catch { return false; }
  });
  assert.equal((await contracts()).filter(c => c.state === 'active').length, 7);
  await json(['get', id, '-o', `${work}/traffic`]);
  assert.equal(await sha256(`${work}/traffic`), await sha256(big));
  await json(['rm', id]);
});

describe('errors say what happened', { concurrency: false }, () => {
  test('an unreachable chain', async () => {
    const { code, stderr } = await lunarx(['miners'], { extra: { LUNARX_RPC: `ws://127.0.0.1:${base + 99}` } });
    assert.equal(code, 1);
    assert.match(stderr, /reach|connect/i);
  });
  test('an empty wallet', async () => {
    const extra = { LUNARX_HOME: path.join(work, 'empty-wallet') };
    assert.equal((await lunarx(['wallet', 'new'], { extra })).code, 0);
    const { code, stderr } = await lunarx(['put', big], { extra });
    assert.equal(code, 1);
    assert.match(stderr, /balance|LX/);
  });
  test('more pieces than miners, a bad code, a missing file, an unknown object', async () => {
    for (const [args, what] of [
      [['put', big, '--code', '10/200'], /miner/i],
      [['put', big, '--code', '9/8'], /code|9/i],
      [['put', path.join(work, 'none')], /none/],
      [['get', '00'.repeat(32)], /object|unknown|not/i],
    ]) {
      const { code, stderr } = await lunarx(args);
      assert.ok(code === 1 || code === 2, `${args}: ${code}`);
      assert.match(stderr, what);
    }
  });
});
