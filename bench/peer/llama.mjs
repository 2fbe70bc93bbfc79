// llama.cpp's own speed on one model, through node-llama-cpp: one JSON line, as gantry_bench_speed prints it.
// node llama.mjs MODEL [threads] [prompt] [tokens] [rounds] [batch]
// With a batch each of its sequences reads the prompt once; then all write at once, which the binding joins into steps.
import {getLlama, LlamaLogLevel} from "node-llama-cpp";

const [model_path, threads = 2, prompt = 512, tokens = 64, rounds = 3, batch = 1] =
    process.argv.slice(2).map((value, index) => index === 0 ? value : Number(value));
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

const llama = await getLlama({gpu: false, maxThreads: threads, logLevel: LlamaLogLevel.error, build: "never"});
const load_start = performance.now();
const model = await llama.loadModel({modelPath: model_path, useMmap: true});
const load_s = (performance.now() - load_start) / 1000;
const context = await model.createContext({
  contextSize: prompt + tokens * (batch > 1 ? rounds : 1) + 8, batchSize: 512, threads, sequences: batch});
const sequences = Array.from({length: batch}, () => context.getSequence());
const ids = Array.from({length: prompt}, (_, i) => (i * 7919 + 17) % 30000);

const prefill = [], decode = [];
const read = async (sequence) => {
  await sequence.clearHistory();
  const start = performance.now();
  await sequence.evaluateWithoutGeneratingNewTokens(ids);
  prefill.push(prompt / (performance.now() - start) * 1000);
};
const write = async (sequence) => {
  let made = 0;
  for await (const token of sequence.evaluate([ids[0]], {temperature: 0, yieldEogToken: true})) {
    if (++made >= tokens) break;
  }
  return made;
};
if (batch > 1) for (const sequence of sequences) await read(sequence);
for (let round = 0; round < rounds; ++round) {
  if (batch === 1) await read(sequences[0]);
  const start = performance.now();
  const made = (await Promise.all(sequences.map(write))).reduce((sum, count) => sum + count, 0);
  decode.push(made / (performance.now() - start) * 1000);
}
console.log(JSON.stringify({prompt, tokens, batch, load_s: Number(load_s.toFixed(2)), prefill: Number(median(prefill).toFixed(1)),
                            decode: Number(median(decode).toFixed(2))}));
process.exit(0);
