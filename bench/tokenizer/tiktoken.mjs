// tiktoken's own speed, as gantry_bench_tokenizer prints it: node tiktoken.mjs ENCODING ROUNDS TEXT...
import {readFileSync} from "node:fs";
import {get_encoding} from "tiktoken";
import {measure} from "./measure.mjs";

const [encoding, rounds, ...paths] = process.argv.slice(2);
const tokenizer = get_encoding(encoding);
// As plain text, the markers of the vocabulary too.
measure(paths, Number(rounds), readFileSync, (text) => tokenizer.encode(text, [], []).length);
