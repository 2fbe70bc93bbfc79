// The shipped file through llama.cpp: does it cut the trainer's texts alike, and does it answer as Gantry does?
// node tools/box/peer.mjs MODEL.gguf tools/box/tokens.json [build/box/evaluation.json]
// Needs `npm ci` in bench/peer (or PEER_MODULES=path/to/node_modules). Ends with 1 where a text is cut otherwise.
import fs from "node:fs";
import path from "node:path";
import {pathToFileURL} from "node:url";

const modules = process.env.PEER_MODULES ?? path.join(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), "../../bench/peer/node_modules");
const {getLlama, LlamaLogLevel} = await import(pathToFileURL(path.resolve(modules, "node-llama-cpp/dist/index.js")).href);
const [model_path, texts_path, evaluation_path] = process.argv.slice(2);

const llama = await getLlama({gpu: false, maxThreads: 1, logLevel: LlamaLogLevel.warn, build: "never"});
const model = await llama.loadModel({modelPath: model_path});

const rows = JSON.parse(fs.readFileSync(texts_path));
const different = rows.filter(({text, ids}) => JSON.stringify([...model.tokenize(text, true)]) !== JSON.stringify(ids));
for (const {text} of different.slice(0, 5)) console.log("cut otherwise:", JSON.stringify(text.slice(0, 200)));
console.log(`${rows.length - different.length} of ${rows.length} texts cut alike`);

if (evaluation_path) {
  const context = await model.createContext({contextSize: 1024, threads: 1});
  const answer = async (prompt) => {
    const sequence = context.getSequence(), out = [];
    for await (const token of sequence.evaluate(model.tokenize(prompt, true), {temperature: 0})) {
      out.push(token);
      if (out.length >= 200) break;
    }
    sequence.dispose();
    return model.detokenize(out, true);
  };
  let prompt = "", same = 0, count = 0;
  for (const {turn, question, answer: wanted} of JSON.parse(fs.readFileSync(evaluation_path)).results) {
    if (turn === 1) prompt = "";
    prompt += `<|im_start|>user\n${question}<|im_end|>\n<|im_start|>assistant\n`;
    const got = await answer(prompt);
    prompt += `${wanted.trim()}<|im_end|>\n`;  // both go on from the same words
    ++count;
    if (got.trim() === wanted.trim()) ++same;
    else console.log(`answers differ: ${question}\n  gantry:    ${wanted}\n  llama.cpp: ${got}`);
  }
  console.log(`${same} of ${count} greedy answers alike`);
}
process.exit(different.length === 0 ? 0 : 1);
