// `helm test`: a caller without a key is refused, one with a key gets a price. Ends with 1 and says what to do if not.
const { WEIR_URL: url, WEIR_ASSET: asset, WEIR_KEY: key, WEIR_KEY_SECRET: secret } = process.env;
const path = `${url}/price?asset=${encodeURIComponent(asset)}`;

function fail(problem, fix) {
  console.error(`FAILED: ${problem}\n   FIX: ${fix}`);
  process.exit(1);
}

async function ask(headers) {
  try {
    const answer = await fetch(path, { headers, signal: AbortSignal.timeout(10_000) });
    return { status: answer.status, text: await answer.text() };
  } catch (error) {
    const reason = error.cause?.code ?? error.cause?.message ?? error.message;
    return fail(
      `${url} does not answer (${reason})`,
      'wait until the pods of price are ready: kubectl get pods -l app.kubernetes.io/component=price',
    );
  }
}

const refused = await ask({});
if (refused.status !== 401) {
  fail(
    `without a key ${path} answered ${refused.status}, and not 401: ${refused.text}`,
    'look at the log of price: kubectl logs -l app.kubernetes.io/component=price',
  );
}
console.log('ok: without a key 401');

if (!key) {
  fail(
    `there is no Secret ${secret} with a key named "key" in the namespace of the release`,
    `apply a PriceFeed and an ApiKeyPolicy that issues a key into ${secret}, such as crds/examples/majors.yaml and crds/examples/demo-key.yaml, or name another Secret in tests.keySecret`,
  );
}
const served = await ask({ authorization: `Bearer ${key}` });
if (served.status !== 200) {
  fail(
    `with the key of ${secret} ${path} answered ${served.status}: ${served.text}`,
    'wait until the resources are ready: kubectl wait --for=condition=Ready pricefeeds,apikeypolicies --all; kubectl get pf,akp says why they are not',
  );
}
const { price } = JSON.parse(served.text);
if (typeof price !== 'number') fail(`the answer holds no price: ${served.text}`, 'this is a fault of Weir: report it');
console.log(`ok: with a key 200, ${asset} ${price}`);
