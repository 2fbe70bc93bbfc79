// llama.cpp's own speed on one model, through node-llama-cpp: one JSON line, as gantry_bench_speed prints it.
// node llama.mjs MODEL [threads] [prompt] [tokens] [rounds]
import {getLlama, LlamaLogLevel} from "node-llama-cpp";

const [model_path, threads = 2, prompt = 512, tokens = 64, rounds = 3] =
    process.argv.slice(2).map((value, index) => index === 0 ? value : Number(value));
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

const llama = await getLlama({gpu: false, maxThreads: threads, logLevel: LlamaLogLevel.error, build: "never"});
const load_start = performance.now();
const model = await llama.loadModel({modelPath: model_path, useMmap: true});
const load_s = (performance.now() - load_start) / 1000;
const context = await model.createContext({contextSize: prompt + tokens + 8, batchSize: 512, threads});
const sequence = context.getSequence();

const prefill = [], decode = [];
for (let round = 0; round < rounds; ++round) {
  await sequence.clearHistory();
  const ids = Array.from({length: prompt}, (_, i) => (i * 7919 + 17) % 30000);
  let start = performance.now();
  await sequence.evaluateWithoutGeneratingNewTokens(ids);
  prefill.push(prompt / (performance.now() - start) * 1000);
  let made = 0;
  start = performance.now();
  for await (const token of sequence.evaluate([ids[0]], {temperature: 0, yieldEogToken: true})) {
    if (++made >= tokens) break;
  }
  decode.push(made / (performance.now() - start) * 1000);
}
console.log(JSON.stringify({prompt, tokens, batch: 1, load_s: Number(load_s.toFixed(2)), prefill: Number(median(prefill).toFixed(1)),
                            decode: Number(median(decode).toFixed(2))}));
process.exit(0);
