// The chain as a DApp or a wallet meets it: @polkadot/api against a validator of the running network.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { randomBytes } from 'node:crypto';
import { Keyring } from '@polkadot/keyring';
import { stringToU8a, u8aConcat } from '@polkadot/util';
import { blake2AsHex, cryptoWaitReady, ed25519PairFromSeed, ed25519Sign, randomAsU8a } from '@polkadot/util-crypto';
import { LX, connect, finalize, json, rpc } from './network.mjs';

const GIB = 1n << 30n;
let api, keyring;

before(async () => {
  await cryptoWaitReady();
  api = await connect();
  keyring = new Keyring({ type: 'sr25519' });
});
after(() => api?.disconnect());

// polkadot.js gives JSON arrays as objects keyed by number.
const list = async call => Object.values((await call).toJSON());
const eventsOf = (events, section, method) => events.filter(e => e.section === section && e.method === method);

/** Arguments of providers.register for a new node key, signed for `account`. */
function registration(account, capacity = 10n * GIB) {
  const node = ed25519PairFromSeed(randomAsU8a(32));
  const payload = u8aConcat(
    api.createType('Bytes', Array.from(stringToU8a('lunarx/provider/v1'))).toU8a(),
    api.genesisHash.toU8a(),
    account.publicKey,
  );
  const details = {
    encryptionKey: randomAsU8a(32),
    addresses: ['/ip4/127.0.0.1/udp/9/quic-v1'],
    region: 'test-1',
    services: 1,
    capacity,
    price: LX / 1000n,
  };
  return { node, args: [node.publicKey, ed25519Sign(payload, node), details] };
}

test('the chain names its token and its shares', async () => {
  assert.deepEqual(api.registry.chainTokens, ['LX']);
  assert.deepEqual(api.registry.chainDecimals, [12]);
  const supply = (await api.rpc.lunarx.supply()).toJSON();
  assert.equal(BigInt(supply.cap), 100_000_000n * LX);
  assert.equal(BigInt(supply.issued), 45_000_000n * LX);
  assert.equal(BigInt(supply.unminted), 55_000_000n * LX);
  assert.equal(BigInt(supply.circulating), 45_000_000n * LX, 'nothing was burnt');
});

test('lunarx_providers lists the miners with their collateral', async () => {
  const providers = await list(api.rpc.lunarx.providers(null, 256));
  assert.ok(providers.length >= 8, `${providers.length} providers`);
  for (const provider of providers) {
    assert.ok(BigInt(provider.collateral) > 0n);
    assert.equal(provider.nodeId, blake2AsHex(provider.nodeKey, 256), 'node id is the hash of the node key');
    const one = (await api.rpc.lunarx.provider(provider.account)).toJSON();
    assert.equal(one.nodeKey, provider.nodeKey);
  }
  const [first] = await list(api.rpc.lunarx.providers(null, 1));
  const [second] = await list(api.rpc.lunarx.providers(providers[0].account, 1));
  assert.equal(first.account, providers[0].account);
  assert.equal(second.account, providers[1].account);
});

test('lunarx_quote is the fee pro rata', async () => {
  const quote = (await api.rpc.lunarx.quote(GIB, 24, LX.toString())).toJSON();
  assert.equal(BigInt(quote.windowFee), LX / 1440n + 1n, 'one GiB for one of 1440 minutes, rounded up');
  assert.equal(BigInt(quote.total), 24n * (LX / 1440n + 1n));
});

test('lunarx_contract and lunarx_contractsOf show a real contract to both sides', async () => {
  const { address } = await json(['wallet', 'show']);
  const before = await api.rpc.chain.getFinalizedHead();
  const bytes = 100_000;
  const put = await json(['put', '-', '--name', 'for polkadot.js', '--code', '1/2', '--days', '1'], { input: randomBytes(bytes) });
  assert.equal(put.contracts.length, 2);
  const ofClient = await list(api.rpc.lunarx.contractsOf(address));
  assert.deepEqual(ofClient.map(c => c.id).sort(), [...put.contracts].sort());
  for (const id of put.contracts) {
    const contract = (await api.rpc.lunarx.contract(id)).toJSON();
    assert.deepEqual(contract, ofClient.find(c => c.id === id));
    assert.deepEqual(contract, await rpc('lunarx_contract', [id]), 'as plain JSON-RPC says');
    assert.equal(contract.client, address);
    assert.equal(contract.state, 'active');
    assert.ok(contract.bytes > bytes && contract.bytes < 2 * bytes, `${contract.bytes} bytes: the piece and its seal`);
    const miner = (await api.rpc.lunarx.provider(contract.miner)).toJSON();
    const quote = (await api.rpc.lunarx.quote(contract.bytes, contract.windows, miner.price)).toJSON();
    assert.deepEqual([contract.windowFee, contract.escrow], [quote.windowFee, quote.total], 'at the listed price');
    assert.ok((await list(api.rpc.lunarx.contractsOf(contract.miner))).some(c => c.id === id), 'the miner sees it');
    assert.ok((await api.rpc.lunarx.contract(id, before)).isEmpty, 'not there before');
  }
  const [first] = await list(api.rpc.lunarx.contractsOf(address, null, 1));
  const rest = await list(api.rpc.lunarx.contractsOf(address, first.id, 256));
  assert.deepEqual([first, ...rest], ofClient, 'page by page');

  await json(['rm', put.id]);
  for (const id of put.contracts) {
    const contract = (await api.rpc.lunarx.contract(id)).toJSON();
    assert.ok(contract === null || contract.ended !== null, 'over, and closed once its last window is judged');
  }
});

test('unknown things are null, bad parameters an error', async () => {
  assert.equal(await rpc('lunarx_contract', ['0x' + '11'.repeat(32)]), null);
  assert.ok((await api.rpc.lunarx.contract('0x' + '11'.repeat(32))).isEmpty);
  assert.deepEqual(await list(api.rpc.lunarx.contractsOf(keyring.addFromUri('//Nobody').address)), []);
  assert.equal(await rpc('lunarx_provider', [keyring.addFromUri('//Nobody').address]), null);
  await assert.rejects(rpc('lunarx_provider', ['nonsense']), /can not read the account/);
  await assert.rejects(api.rpc.lunarx.quote(1, 1, 'much'), /can not read the price/);
});

test('LX moves, and fees are taken', async () => {
  const bob = keyring.addFromUri('//Bob');
  const to = keyring.addFromUri(`//Receiver//${Date.now()}`);
  const events = await finalize(api, api.tx.balances.transferKeepAlive(to.address, 5n * LX), bob);
  const [transfer] = eventsOf(events, 'balances', 'Transfer');
  assert.equal(transfer.data[1].toString(), to.address);
  assert.equal((await api.query.system.account(to.address)).data.free.toBigInt(), 5n * LX);
  const [fee] = eventsOf(events, 'transactionPayment', 'TransactionFeePaid');
  assert.ok(fee.data[1].toBigInt() > 0n);
});

test('a provider registers, its collateral is held, and it may leave only after the delay', async () => {
  const account = keyring.addFromUri(`//Provider//${Date.now()}`);
  const dave = keyring.addFromUri('//Dave');
  await finalize(api, api.tx.balances.transferKeepAlive(account.address, 100n * LX), dave);
  const { node, args } = registration(account);
  const events = await finalize(api, api.tx.providers.register(...args), account);
  assert.equal(eventsOf(events, 'providers', 'Registered').length, 1);
  const provider = (await api.rpc.lunarx.provider(account.address)).toJSON();
  assert.equal(provider.region, 'test-1');
  assert.equal(BigInt(provider.collateral), LX, '0.1 LX a GiB, ten GiB');
  assert.equal((await api.query.system.account(account.address)).data.reserved.toBigInt(), LX);
  assert.equal(provider.nodeId, blake2AsHex(node.publicKey, 256));

  await assert.rejects(finalize(api, api.tx.providers.register(...registration(account).args), account), { message: 'providers.AlreadyRegistered' });
  const leaving = await finalize(api, api.tx.providers.announceExit(), account);
  assert.equal(eventsOf(leaving, 'providers', 'ExitAnnounced').length, 1);
  await assert.rejects(finalize(api, api.tx.providers.withdraw(), account), { message: 'providers.ExitDelayNotOver' });
  assert.equal((await api.query.system.account(account.address)).data.reserved.toBigInt(), LX, 'still held');
});

test('a registration signed for another account is refused, and so is one without collateral', async () => {
  const eve = keyring.addFromUri('//Eve');
  const { args } = registration(keyring.addFromUri('//Ferdie'));
  await assert.rejects(finalize(api, api.tx.providers.register(...args), eve), { message: 'providers.BadNodeSignature' });
  const tooMuch = registration(eve, 10_000_000n * GIB);
  await assert.rejects(finalize(api, api.tx.providers.register(...tooMuch.args), eve), { message: 'providers.InsufficientBalance' });
  assert.equal(await rpc('lunarx_provider', [eve.address]), null);
  assert.equal((await api.query.system.account(eve.address)).data.reserved.toBigInt(), 0n);
});
