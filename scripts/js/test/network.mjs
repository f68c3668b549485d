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

/** Runs `lunarx`; gives { code, stdout, stderr }. `input` is a stream or a buffer for its stdin. */
export function lunarx(args, { input, timeout = 180_000, extra = {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(`${bin}/lunarx`, args, { env: { ...env, ...extra }, timeout, killSignal: 'SIGKILL' });
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

/** A polkadot.js connection to a validator, knowing the lunarx_* methods. */
export function connect(port = base + 1) {
  const method = (...params) => ({ description: '', params, type: 'Json' });
  const of = (name, type) => ({ name, type, isOptional: type.startsWith('Option') });
  return ApiPromise.create({
    provider: new WsProvider(`ws://127.0.0.1:${port}`),
    noInitWarn: true,
    rpc: {
      lunarx: {
        supply: method(),
        providers: method(of('after', 'Option<AccountId>'), of('limit', 'Option<u32>')),
        provider: method(of('account', 'AccountId')),
        contract: method(of('id', 'H256')),
        contractsOf: method(of('account', 'AccountId'), of('after', 'Option<H256>')),
        quote: method(of('bytes', 'u64'), of('windows', 'u32'), of('price', 'Text')),
      },
    },
  });
}

/** Sends a transaction and waits until it is finalized; throws with the pallet's error if it failed. */
export function finalize(api, tx, signer) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('not finalized within 90 s')), 90_000);
    tx.signAndSend(signer, ({ status, events, dispatchError }) => {
      if (!status.isFinalized) return;
      clearTimeout(timer);
      if (!dispatchError) return resolve(events.map(({ event }) => event));
      if (!dispatchError.isModule) return reject(new Error(dispatchError.toString()));
      const { section, name } = api.registry.findMetaError(dispatchError.asModule);
      reject(new Error(`${section}.${name}`));
    }).catch(error => { clearTimeout(timer); reject(error); });
  });
}
