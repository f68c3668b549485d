// What the tests share: the network that scripts/test started, and the `lunarx` command on it.
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { promisify } from 'node:util';
import { ApiPromise, WsProvider } from '@polkadot/api';

const run = promisify(execFile);

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const base = Number(process.env.LUNARX_BASE_PORT);
export const data = process.env.LUNARX_DEVNET_DIR;
export const LX = 1_000_000_000_000n;
const bin = process.env.LUNARX_BIN;

const env = {
  ...process.env,
  LUNARX_HOME: `${data}/wallet`,
  LUNARX_PASSWORD: 'devnet',
  LUNARX_RPC: [1, 2, 3].map(n => `ws://127.0.0.1:${base + n}`).join(','),
};

/** Runs `lunarx`; gives { code, stdout, stderr }. `input` is a stream or a buffer for its stdin; `signal`
 *  ends it early. */
export function lunarx(args, { input, timeout = 180_000, extra = {}, signal } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(`${bin}/lunarx`, args, { env: { ...env, ...extra }, timeout, killSignal: 'SIGKILL', signal });
    const out = [], err = [];
    child.stdout.on('data', chunk => out.push(chunk));
    child.stderr.on('data', chunk => err.push(chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({
      code: signal ? `killed by ${signal} after ${timeout} ms` : code,
      stdout: Buffer.concat(out),
      stderr: Buffer.concat(err).toString(),
    }));
    child.stdin.on('error', () => {});
    if (input?.pipe) input.pipe(child.stdin); else child.stdin.end(input);
  });
}

/** Runs `lunarx` with --json and parses its answer; throws with its stderr if it fails. */
export async function json(args, options) {
  const { code, stdout, stderr } = await lunarx([...args, '--json'], options);
  if (code !== 0) throw new Error(`lunarx ${args.join(' ')}: exit ${code}\n${stderr}`);
  return JSON.parse(stdout.toString());
}

export const devnet = (...args) => run(`${root}/scripts/devnet`, args, { env: process.env, timeout: 240_000 });

export function sha256(file) {
  return new Promise((resolve, reject) => {
    const hash = createHash('sha256');
    createReadStream(file).on('error', reject).on('data', chunk => hash.update(chunk)).on('end', () => resolve(hash.digest('hex')));
  });
}

/** One JSON-RPC call over HTTP. */
export async function rpc(method, params = [], port = base + 1) {
  const response = await fetch(`http://127.0.0.1:${port}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    signal: AbortSignal.timeout(10_000),
  });
  const { result, error } = await response.json();
  if (error) throw new Error(`${method}: ${error.message}`);
  return result;
}

/** All live contracts of an account, page by page. */
export async function contractsOf(account) {
  const all = [];
  for (let after = null; ;) {
    const page = await rpc('lunarx_contractsOf', [account, after]);
    all.push(...page);
    if (page.length < 256) return all;
    after = page.at(-1).id;
  }
}

/** Polls until `condition` gives a truthy value, or fails with `what` after `seconds`. */
export async function until(what, condition, seconds = 90) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} s`);
    await new Promise(resolve => setTimeout(resolve, 250));
  }
}

/** Gives what `promise` gives, or fails with `what` after `seconds`. */
export function within(seconds, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${seconds} s`)), seconds * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** An amount of LX as `lunarx` prints it, in 10^-12 LX. */
export function units(text) {
  const [, whole, fraction = ''] = /^(\d+)(?:\.(\d{1,12}))?$/.exec(text) ?? [];
  if (whole === undefined) throw new Error(`${JSON.stringify(text)} is no amount of LX`);
  return BigInt(whole + fraction.padEnd(12, '0'));
}

/** The devnet's miners: a map from account to name, 'miner-1' to 'miner-8'. */
export async function miners() {
  const names = new Map();
  for (const { account, addresses } of await rpc('lunarx_providers')) {
    const ports = addresses.flatMap(address => address.split('/'));
    const number = [1, 2, 3, 4, 5, 6, 7, 8].find(n => ports.includes(String(base + 40 + n)));
    if (number) names.set(account, `miner-${number}`);
  }
  if (names.size !== 8) throw new Error(`${names.size} of the 8 miners are registered`);
  return names;
}

/** A polkadot.js connection to a validator, knowing the lunarx_* methods. */
export async function connect(port = base + 1) {
  const of = (name, type) => ({ name, type, isOptional: type.startsWith('Option') });
  const method = (...params) => ({ description: '', params: [...params, of('at', 'Option<Hash>')], type: 'Json' });
  const url = `ws://127.0.0.1:${port}`;
  const provider = new WsProvider(url);
  const create = ApiPromise.create({
    provider,
    noInitWarn: true,
    throwOnConnect: true,
    rpc: {
      lunarx: {
        supply: method(),
        providers: method(of('after', 'Option<AccountId>'), of('limit', 'Option<u32>')),
        provider: method(of('account', 'AccountId')),
        contract: method(of('id', 'H256')),
        contractsOf: method(of('account', 'AccountId'), of('after', 'Option<H256>'), of('limit', 'Option<u32>')),
        trackers: method(of('after', 'Option<AccountId>'), of('limit', 'Option<u32>')),
        tracker: method(of('account', 'AccountId')),
        rounds: method(),
        seats: method(of('contract', 'H256')),
        audit: method(of('contract', 'H256')),
        disputes: method(of('after', 'Option<H256>'), of('limit', 'Option<u32>')),
        challenges: method(of('subject', 'Json'), of('block', 'u32'), of('after', 'Option<H256>')),
        quote: method(of('bytes', 'u64'), of('windows', 'u32'), of('price', 'Text')),
      },
    },
  });
  try {
    return await within(60, `a connection with ${url}`, create);
  } catch (error) {
    await provider.disconnect();
    throw error;
  }
}

/** Sends a transaction and waits until it is finalized; throws with the pallet's error if it failed. */
export async function finalize(api, tx, signer) {
  let unsubscribe;
  const sent = new Promise((resolve, reject) => {
    tx.signAndSend(signer, ({ status, events, dispatchError, isError }) => {
      if (isError) return reject(new Error(`the transaction is ${status.type}`));
      if (!status.isFinalized) return;
      if (!dispatchError) return resolve(events.map(({ event }) => event));
      if (!dispatchError.isModule) return reject(new Error(dispatchError.toString()));
      const { section, name } = api.registry.findMetaError(dispatchError.asModule);
      reject(new Error(`${section}.${name}`));
    }).then(done => { unsubscribe = done; }, reject);
  });
  try {
    return await within(90, 'finality', sent);
  } finally {
    unsubscribe?.();
  }
}

/** The events of the finalized blocks after height `after`. */
export async function eventsSince(api, after) {
  const events = [];
  const last = (await api.rpc.chain.getHeader(await api.rpc.chain.getFinalizedHead())).number.toNumber();
  for (let number = after + 1; number <= last; number++) {
    const at = await api.at(await api.rpc.chain.getBlockHash(number));
    events.push(...(await at.query.system.events()).map(({ event }) => event));
  }
  return events;
}
