// llama.cpp's own speed, through node-llama-cpp, as gantry_bench_tokenizer prints it: node llama.mjs VOCABULARY.gguf ROUNDS TEXT...
// bench/peer has the package.
import {readFileSync} from "node:fs";
import {createRequire} from "node:module";
import path from "node:path";
import {pathToFileURL} from "node:url";
import {measure} from "./measure.mjs";

const peer = path.resolve(process.env.GANTRY_PEER ?? path.join(import.meta.dirname ?? ".", "../peer"));
const entry = createRequire(path.join(peer, "package.json")).resolve("node-llama-cpp");
const {getLlama, LlamaLogLevel} = await import(pathToFileURL(entry));
const [vocabulary, rounds, ...paths] = process.argv.slice(2);
const llama = await getLlama({gpu: false, maxThreads: 1, logLevel: LlamaLogLevel.disabled, build: "never"});
const model = await llama.loadModel({modelPath: vocabulary, vocabOnly: true});
measure(paths, Number(rounds), readFileSync, (text) => model.tokenize(text, false, "trimLeadingSpace").length);
process.exit(0);
