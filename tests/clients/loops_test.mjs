// Loops of tools of three steps, driven by OpenAI's own client: whole answers, streams, and the client's own runner of tools.
// What there is to ask is what the server lists under /loops (tests/scenario/loops.h): a model for each row of replies.
// The messages go back exactly as they came. Without that list (a server of real models) everything is skipped.
import assert from "node:assert/strict";
import fs from "node:fs";
import test from "node:test";
import OpenAI from "openai";

const url = process.env.GANTRY_URL ?? "http://127.0.0.1:8080";
const apiKey = process.env.GANTRY_KEY ?? "none";
const client = new OpenAI({ baseURL: url + "/v1", apiKey, maxRetries: 0, timeout: 120_000 });

const kAtOnce = 4; // loops

const results = {
  look_up: ({ place, thought }) => {
    assert.equal(place, "Quillmouth");
    assert.equal(typeof thought, "boolean");
    return "It is the harbourside.";
  },
  forecast: ({ place, days }) => {
    assert.deepEqual([place, days], ["Quillmouth", 3]);
    return { sky: "gusty" };
  },
  clock: (given) => {
    assert.deepEqual(given, {});
    return "half past nine";
  },
};
const object = (properties) => ({ type: "object", properties });
const text = { type: "string" }, flag = { type: "boolean" };
const parameters = {
  look_up: object({ place: text, thought: flag }),
  forecast: object({ place: text, days: { type: "integer" }, thought: flag }),
  clock: object({}),
};
const tools = Object.entries(parameters).map(([name, parameters]) => ({
  type: "function",
  function: { name, description: `It does ${name}.`, parameters },
}));
const question = [
  { role: "system", content: "You are brief." },
  { role: "user", content: "What is the weather there, and what time is it?" },
];

async function whole(body) {
  const [choice] = (await client.chat.completions.create(body)).choices;
  return choice;
}

// As clients do that put a stream together themselves: texts grow, a call begins with its id.
async function streamed(body) {
  const message = {};
  let finish = null;
  for await (const chunk of await client.chat.completions.create({ ...body, stream: true })) {
    const [choice] = chunk.choices;
    if (!choice) continue;
    finish = choice.finish_reason ?? finish;
    for (const [name, value] of Object.entries(choice.delta)) {
      if (name !== "tool_calls") {
        message[name] = typeof value === "string" && name !== "role" ? (message[name] ?? "") + value : value;
        continue;
      }
      for (const { index, ...piece } of value) {
        message.tool_calls ??= [];
        const call = message.tool_calls[index];
        if (call) call.function.arguments += piece.function.arguments;
        else message.tool_calls[index] = piece;
      }
    }
  }
  return { message, finish_reason: finish };
}

const callsOf = (message) => (message.tool_calls ?? []).map((call) => [call.function.name, JSON.parse(call.function.arguments)]);

// What a step says, as far as the reply says it of itself.
function check({ message, finish_reason }, { finish, calls, thought, words }) {
  assert.equal(message.role, "assistant");
  assert.deepEqual(callsOf(message), calls, JSON.stringify(message));
  assert.equal(finish_reason, finish);
  assert.equal(message.reasoning_content ?? null, thought);
  assert.equal(message.content || null, words);
}

function checkFirst(answer) {
  const [, given] = callsOf(answer.message)[0] ?? assert.fail(`no call: ${JSON.stringify(answer.message)}`);
  check(answer, {
    finish: "tool_calls",
    calls: [["look_up", { place: "Quillmouth", thought: given.thought }]],
    thought: given.thought ? "First of all, where that is." : null,
    words: "I look it up.",
  });
  return given;
}

function checkSecond(answer) {
  const [, given] = callsOf(answer.message)[0] ?? assert.fail(`no call: ${JSON.stringify(answer.message)}`);
  check(answer, {
    finish: "tool_calls",
    calls: [
      ["forecast", { place: "Quillmouth", thought: given.thought, days: 3 }],
      ["clock", {}],
    ],
    thought: given.thought ? "Now the weather and the time." : null,
    words: null,
  });
}

function checkLast(answer) {
  const thought = answer.message.reasoning_content !== undefined;
  check(answer, {
    finish: "stop",
    calls: [],
    thought: thought ? "That is all." : null,
    words: thought ? "Gusty, I thought." : "Gusty.",
  });
}

// The prompt of the next step has what was called and what came of it; what was thought just before as well, or it is named.
async function checkPrompt(body, words, thought) {
  const response = await fetch(url + "/apply-template", {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${apiKey}` },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.error.message), answer.error);
  for (const word of words) assert.ok(answer.prompt.includes(word), `no '${word}' in ${answer.prompt}`);
  if (thought && !answer.changes.includes("reasoning-left-out"))
    assert.ok(answer.prompt.includes(thought), `no '${thought}' with ${answer.changes} in ${answer.prompt}`);
}

function tell(messages, message) {
  messages.push(message);
  for (const call of message.tool_calls ?? []) {
    const content = results[call.function.name](JSON.parse(call.function.arguments));
    messages.push({
      role: "tool",
      tool_call_id: call.id,
      content: typeof content === "string" ? content : JSON.stringify(content),
    });
  }
}

async function drive(loop, ask) {
  const messages = [...question];
  const body = { model: loop.model, temperature: 0, messages, tools };
  const first = await ask(body);
  const said = checkFirst(first);
  if (!loop.template) assert.equal(said.thought, loop.thinks);
  tell(messages, first.message);
  await checkPrompt(body, ["look_up", "Quillmouth", "harbourside"], first.message.reasoning_content);
  const second = await ask(body);
  checkSecond(second);
  tell(messages, second.message);
  await checkPrompt(body, ["look_up", "harbourside", "forecast", "clock", "gusty", "half past nine"], second.message.reasoning_content);
  checkLast(await ask(body));
  const ids = [first, second].flatMap((answer) => answer.message.tool_calls.map((call) => call.id));
  assert.equal(new Set(ids).size, 3, `${ids}`);
  assert.ok(loop.own_ids || ids.every((id) => id.startsWith("call_")), `${ids}`);
}

// The client's runner calls the tools and sends what it was told, with all that the client itself adds.
async function run(loop) {
  const runner = client.chat.completions.runTools({
    model: loop.model,
    temperature: 0,
    stream: true,
    messages: question,
    tools: tools.map((tool) => ({
      type: "function",
      function: { ...tool.function, function: results[tool.function.name], parse: JSON.parse },
    })),
  });
  assert.match(await runner.finalContent(), /^Gusty/);
  const calls = runner.messages.flatMap((message) => message.tool_calls ?? []);
  assert.deepEqual(calls.map((call) => call.function.name), ["look_up", "forecast", "clock"]);
}

const response = await fetch(url + "/loops");
const loops = response.ok ? await response.json() : [];
const skip = response.ok ? false : "the server lists no loops";
const silent = loops.filter((loop) => !loop.calls);

for (const { model, row } of silent) test(`${model}`, { skip: `the row ${row} has no notation of calls` }, () => {});

test("there are loops of every row", { skip }, () => {
  assert.deepEqual(silent.map((loop) => loop.row), ["none"]);
  assert.ok(loops.length >= 40, `${loops.length}`);
});

// Of templates that refuse what was said in words of their own the documentation knows.
const exceptions = fs.readFileSync(new URL("../../docs/formats/exceptions.md", import.meta.url), "utf8");
const isException = (loop, error) =>
  error.code === "template" && loop.template && exceptions.includes("`" + loop.template + "`");

test("loops of tools", { skip, concurrency: kAtOnce }, async (all) => {
  const running = loops.filter((loop) => loop.calls).map((loop) =>
    all.test(loop.model, async (one) => {
      try {
        for (const ask of loop.template ? [whole] : [whole, streamed]) await drive(loop, ask);
        if (!loop.template) await run(loop);
      } catch (error) {
        if (!isException(loop, error)) throw error;
        one.skip(error.message);
      }
    }),
  );
  await Promise.all(running);
});
