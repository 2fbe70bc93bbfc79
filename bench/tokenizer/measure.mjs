// What the peers' programs share: the same documents as gantry_bench_tokenizer, one warm-up, the median of rounds of CPU time.
const kDocumentBytes = 32 * 1024;

function documents(bytes) {
  const out = [];
  for (let at = 0; at < bytes.length;) {
    const line = bytes.length - at > kDocumentBytes ? bytes.indexOf(10, at + kDocumentBytes) : -1;
    const end = line < 0 ? bytes.length : line + 1;
    out.push(bytes.subarray(at, end).toString());
    at = end;
  }
  return out;
}

export function measure(paths, rounds, read, encode) {
  for (const path of paths) {
    const bytes = read(path);
    const parts = documents(bytes);
    const speeds = [];
    let tokens = 0;
    for (let round = 0; round <= rounds; ++round) {
      tokens = 0;
      const start = process.cpuUsage();
      for (const part of parts) tokens += encode(part);
      const {user, system} = process.cpuUsage(start);
      if (round > 0) speeds.push(bytes.length / (user + system));
    }
    const median = speeds.sort((a, b) => a - b)[Math.floor(speeds.length / 2)];
    console.log(JSON.stringify({text: path, bytes: bytes.length, tokens, mb_s: Number(median.toFixed(2))}));
  }
}
