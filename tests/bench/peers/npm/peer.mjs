// A peer of the benchmarks: `node peer.mjs wasm` is rust-verkle as WebAssembly, `node peer.mjs micro` is
// micro-eth-signer in JavaScript. Both offer the same functions (see ../README.md).
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { isDeepStrictEqual } from 'node:util';

const ORDER = 0x1cfb69d4ca675f520cce760202687600ff8f87007419047174fd06b52876e7e1n;
const WIDTH = 256;

// ---- inputs

function word(seed, stream, index) {
  const input = Buffer.alloc(16);
  input.writeBigUInt64LE(BigInt(seed), 0);
  input.writeBigUInt64LE((BigInt(stream) << 32n) + BigInt(index), 8);
  return new Uint8Array(createHash('sha256').update(input).digest());
}

const fromLittleEndian = (bytes) => BigInt('0x' + Buffer.from(bytes).reverse().toString('hex'));

const toLittleEndian = (number) =>
  new Uint8Array(Buffer.from(number.toString(16).padStart(64, '0'), 'hex').reverse());

const scalar = (seed, stream, index) => fromLittleEndian(word(seed, stream, index)) % ORDER;

const choice = (seed, stream, index, bound) =>
  Number(Buffer.from(word(seed, stream, index)).readBigUInt64LE(0) % BigInt(bound));

const range = (count, make) => Array.from({ length: count }, (_, index) => make(index));

const scalars = (seed, stream, count) => range(count, (index) => scalar(seed, stream, index));

const fromHex = (text) => new Uint8Array(Buffer.from(text, 'hex'));

function need(condition, message) {
  if (!condition) throw new Error(message);
}

// ---- cases: each makes its inputs, and returns what is timed, the bytes of its result, and the number of units

const multiplesOfG0 = (library, { seed, size }) =>
  range(size, (k) => library.commitToScalars([toLittleEndian(scalar(seed, 0, k))]));

function commit(library, { seed, size }) {
  need(size >= 1 && size <= WIDTH, 'a vector has 1 to 256 scalars');
  const vector = scalars(seed, 0, size).map(toLittleEndian);
  return {
    run: () => library.commitToScalars(vector),
    output: (result) => [library.serializeCommitment(result)],
    units: 1,
  };
}

function update(library, scenario) {
  const { seed, size } = scenario;
  const old = multiplesOfG0(library, scenario);
  const zero = new Uint8Array(32);
  const deltas = scalars(seed, 1, size).map(toLittleEndian);
  const indices = range(size, (k) => choice(seed, 2, k, WIDTH));
  return {
    run: () => old.map((commitment, k) => library.updateCommitment(commitment, indices[k], zero, deltas[k])),
    output: (result) => result.map(library.serializeCommitment),
    units: size,
  };
}

function mapToField(library, scenario) {
  const points = multiplesOfG0(library, scenario);
  return {
    run: () => library.hashCommitments(points),
    output: (result) => result,
    units: scenario.size,
  };
}

function encode(library, scenario) {
  const points = multiplesOfG0(library, scenario);
  return {
    run: () => points.map(library.serializeCommitment),
    output: (result) => result,
    units: scenario.size,
  };
}

function treeKey(library, { seed, size }) {
  const pairs = range(size, (k) => [word(seed, 0, k), word(seed, 1, k)]);
  return {
    run: () => pairs.map(([address, index]) => library.getTreeKey(address, index, 0)),
    output: (result) => result,
    units: size,
  };
}

function openings(library, { seed, size }) {
  need(size >= 1, 'a multiproof has openings');
  const common = scalars(seed, 0, WIDTH);
  const commonBytes = common.map(toLittleEndian);
  const base = library.commitToScalars(commonBytes);
  const zero = new Uint8Array(32);
  return range(size, (k) => {
    const place = k % WIDTH;
    const change = scalar(seed, 1, k);
    const vector = [...commonBytes];
    vector[place] = toLittleEndian((common[place] + change) % ORDER);
    const commitment = library.updateCommitment(base, place, zero, toLittleEndian(change));
    const serializedCommitment = library.serializeCommitment(commitment);
    return { serializedCommitment, vector, indices: [choice(seed, 2, k, WIDTH)] };
  });
}

function multiproofProve(library, scenario) {
  const inputs = openings(library, scenario);
  return {
    run: () => library.createProof(inputs),
    output: (result) => [result],
    units: scenario.size,
  };
}

// A verification that fails says so, whether the library answers false or throws.
function mustHold(verify) {
  let held;
  try {
    held = verify();
  } catch (error) {
    throw new Error(`rejected: ${error?.message ?? error}`);
  }
  need(held, 'rejected');
}

const accepted = { output: () => [Uint8Array.of(1)] };

function multiproofVerify(library, scenario) {
  const opened = openings(library, scenario);
  const proof = scenario.proof === undefined ? library.createProof(opened) : fromHex(scenario.proof);
  const inputs = opened.map(({ serializedCommitment, vector, indices: [index] }) => ({
    serializedCommitment,
    indexValuePairs: [{ index, value: vector[index] }],
  }));
  return {
    ...accepted,
    run: () => mustHold(() => library.verifyProof(proof, inputs)),
    units: scenario.size,
  };
}

function treeVerify(library, { witness, root }) {
  need(witness !== undefined && root !== undefined, 'a witness and its root are needed');
  const text = Buffer.from(witness, 'hex').toString();
  return {
    ...accepted,
    run: () => mustHold(() => library.verifyExecutionWitnessPreState('0x' + root, text)),
    units: JSON.parse(text).stateDiff.length,
  };
}

const CASES = {
  commit,
  encode,
  'map-to-field': mapToField,
  'multiproof-prove': multiproofProve,
  'multiproof-verify': multiproofVerify,
  'tree-key': treeKey,
  'tree-verify': treeVerify,
  update,
};

// ---- libraries

async function loadWasm() {
  const { loadVerkleCrypto } = await import('verkle-cryptography-wasm');
  const library = await loadVerkleCrypto();
  return { ...library, hashCommitments: (commitments) => commitments.map(library.hashCommitment) };
}

const LIBRARIES = {
  wasm: { load: loadWasm, packages: ['verkle-cryptography-wasm'], without: [] },
  micro: {
    load: () => import('micro-eth-signer/verkle.js'),
    packages: ['micro-eth-signer', '@noble/curves'],
    // 0.15.0 refuses every other valid proof: it compares with (0, 1), where (0, -1) is the identity as well.
    without: ['multiproof-verify', 'tree-verify'],
  },
};

const version = (name) =>
  JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), 'utf8')).version;

// ---- the protocol

function answer(library, cases, state, line) {
  const { repeat = 1, output = false, ...scenario } = JSON.parse(line);
  if (state.last === null || !isDeepStrictEqual(scenario, state.scenario)) {
    state.last = null;
    need(cases.includes(scenario.case), 'unsupported');
    state.last = CASES[scenario.case](library, scenario);
    state.scenario = scenario;
    globalThis.gc?.();
  }
  const { run, output: bytesOf, units } = state.last;
  const seconds = [];
  let result;
  for (let i = 0; i < Math.max(repeat, 1); i++) {
    const began = process.hrtime.bigint();
    result = run();
    seconds.push(Number(process.hrtime.bigint() - began) / 1e9);
  }
  const bytes = output ? Buffer.concat(bytesOf(result)).toString('hex') : null;
  return { case: scenario.case, seconds, output: bytes, unit_count: units };
}

async function main(name) {
  const { load, packages, without } = LIBRARIES[name];
  const cases = Object.keys(CASES).filter((one) => !without.includes(one));
  const library = await load();
  const say = (object) => process.stdout.write(JSON.stringify(object) + '\n');
  const libraries = { node: process.version };
  for (const one of packages) libraries[one] = version(one);
  say({ peer: name, cases, libraries, threads: 1 });
  const state = { scenario: null, last: null };
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      say(answer(library, cases, state, line));
    } catch (error) {
      state.last = null;
      say({ case: null, error: String(error?.message ?? error) });
    }
  }
}

await main(process.argv[2]);
