// Sends LX from a development account: node fund.mjs WS-URL SECRET-URI ADDRESS LX
import { ApiPromise, WsProvider } from '@polkadot/api';
import { Keyring } from '@polkadot/keyring';
import { cryptoWaitReady } from '@polkadot/util-crypto';

const [url, uri, to, amount] = process.argv.slice(2);
if (!amount) {
  console.error('usage: node fund.mjs WS-URL SECRET-URI ADDRESS LX');
  process.exit(2);
}
const late = setTimeout(() => fail('not finalized within 90 s'), 90_000);
function fail(why) {
  console.error(`fund: ${why}`);
  process.exit(1);
}

await cryptoWaitReady();
const api = await ApiPromise.create({ provider: new WsProvider(url), noInitWarn: true });
const from = new Keyring({ type: 'sr25519' }).addFromUri(uri);
await new Promise((resolve, reject) => {
  api.tx.balances.transferKeepAlive(to, BigInt(amount) * 10n ** 12n).signAndSend(from, ({ status, dispatchError }) => {
    if (dispatchError) reject(new Error(dispatchError.toString()));
    if (status.isFinalized) resolve();
  }).catch(reject);
}).catch(error => fail(error.message));
clearTimeout(late);
await api.disconnect();
