// Loads every .gguf of a folder in llama.cpp and holds its predictions against those of F32.gguf there.
// node check.mjs FOLDER [PACKAGES]
// PACKAGES: a node_modules folder that holds node-llama-cpp (default: bench/peer/node_modules). Without it the check is
// skipped, aloud, with status 77. A line for each file: mean KL divergence from F32 in nats, how often the first choice is
// the same, perplexity. Status 1 when a file does not load, or predicts what is no number.
import {existsSync, readdirSync} from "node:fs";
import {dirname, join, resolve} from "node:path";
import {fileURLToPath, pathToFileURL} from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const [folder, packages = join(here, "../../bench/peer/node_modules")] = process.argv.slice(2);
const library = join(resolve(packages), "node-llama-cpp/dist/index.js");
if (!existsSync(library)) {
  console.error(`SKIPPED: node-llama-cpp is absent (${library})`);
  process.exit(77);
}
const {getLlama, LlamaLogLevel} = await import(pathToFileURL(library));
const llama = await getLlama({gpu: false, logLevel: LlamaLogLevel.error, build: "never"});

const story = "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a " +
    "big, red ball. She wanted to play with it, but it was too high.";

// [position][token] -> log probability, and the tokens fed
async function predictions(path) {
  const model = await llama.loadModel({modelPath: path});
  const context = await model.createContext({contextSize: 256, threads: 2});
  const sequence = context.getSequence();
  const has_vocabulary = model.fileInfo.metadata?.tokenizer?.ggml?.model !== "no_vocab";
  const tokens = has_vocabulary ? [model.tokens.bos ?? [], model.tokenize(story)].flat()
                                : Array.from({length: 80}, (_, i) => (i * 73 + 11) % 250);
  const outputs = await sequence.controlledEvaluate(tokens.map((token) => [token, {generateNext: {logits: true}}]));
  const rows = outputs.map(({next}) => {
    const most = Math.max(...next.logits.values());
    const total = Math.log([...next.logits.values()].reduce((sum, logit) => sum + Math.exp(logit - most), 0));
    return new Map([...next.logits].map(([token, logit]) => [token, logit - most - total]));
  });
  await context.dispose();
  await model.dispose();
  return {tokens, rows};
}

const first = (row) => [...row].reduce((best, entry) => entry[1] > best[1] ? entry : best)[0];

function compare(truth, other) {
  let divergence = 0, same = 0, loss = 0;
  truth.rows.forEach((row, i) => {
    for (const [token, log] of row) divergence += Math.exp(log) * (log - other.rows[i].get(token));
    same += first(row) === first(other.rows[i]) ? 1 : 0;
    if (i + 1 < truth.tokens.length) loss -= other.rows[i].get(truth.tokens[i + 1]);
  });
  return {divergence: divergence / truth.rows.length, same: same / truth.rows.length,
          perplexity: Math.exp(loss / (truth.rows.length - 1))};
}

const truth = await predictions(join(folder, "F32.gguf"));
let failed = 0;
for (const name of readdirSync(folder).filter((name) => name.endsWith(".gguf")).sort()) {
  try {
    const {divergence, same, perplexity} = compare(truth, await predictions(join(folder, name)));
    if (![divergence, perplexity].every(Number.isFinite)) throw new Error("its predictions are no numbers");
    console.log(`${name.padEnd(18)} divergence ${divergence.toExponential(2)}  first choice ${(100 * same).toFixed(0)}%  ` +
                `perplexity ${perplexity.toFixed(3)}`);
  } catch (error) {
    failed += 1;
    console.log(`${name.padEnd(18)} FAILED: ${error.message}`);
  }
}
process.exit(failed > 0 ? 1 : 0);
