// The rows of compare.sh's table for one vocabulary: node table.mjs VOCABULARY FOLDER_OF_RESULTS ENCODING
import {existsSync, readFileSync} from "node:fs";
import path from "node:path";

const [vocabulary, folder, encoding] = process.argv.slice(2);

function read(who) {
  const file = path.join(folder, `${vocabulary}.${who}`);
  const rows = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").filter(Boolean).map(JSON.parse) : [];
  const by_text = new Map();
  for (const row of rows) {
    const name = path.basename(row.text, ".txt");
    by_text.set(name, [...(by_text.get(name) ?? []), row]);
  }
  return by_text;
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const gantry = read("gantry"), llama = read("llama"), tiktoken = read("tiktoken");
const show = (rows) => rows ? median(rows.map((row) => row.mb_s)).toFixed(1) : "-";
console.log(`\n${vocabulary} (tiktoken: ${encoding})\n| text | gantry MB/s | tiktoken MB/s | llama.cpp MB/s | ratio to the faster | tokens: gantry, tiktoken, llama.cpp |`);
console.log("|---|---|---|---|---|---|");
for (const [name, rows] of gantry) {
  const peers = [tiktoken.get(name), llama.get(name)];
  // Round by round: a machine that changes its speed meanwhile changes that of all three.
  const ratios = rows.map((row, i) => row.mb_s / Math.max(...peers.map((peer) => peer?.[i]?.mb_s ?? 0)));
  const ratio = peers.some(Boolean) ? median(ratios).toFixed(1) : "-";
  const tokens = [rows, ...peers].map((all) => all?.[0].tokens ?? "-").join(", ");
  console.log(`| ${name} | ${show(rows)} | ${show(peers[0])} | ${show(peers[1])} | ${ratio} | ${tokens} |`);
}
