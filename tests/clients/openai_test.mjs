// OpenAI's own client against a running server.
//   GANTRY_URL     http://127.0.0.1:8080
//   GANTRY_MODEL   a model's id; absent: the first in the list
//   GANTRY_KEY     a key, where the server asks for one
//   GANTRY_GOLDEN  golden.json of stories260K, when that is the model: its greedy continuations are asked for
import assert from "node:assert/strict";
import fs from "node:fs";
import test from "node:test";
import OpenAI from "openai";

const baseURL = (process.env.GANTRY_URL ?? "http://127.0.0.1:8080") + "/v1";
const client = new OpenAI({ baseURL, apiKey: process.env.GANTRY_KEY ?? "none", maxRetries: 0, timeout: 120_000 });
const model = process.env.GANTRY_MODEL || (await client.models.list()).data[0].id;

// A model without a chat template refuses messages by that name; nothing else may.
const hasTemplate = await client.chat.completions
  .create({ model, max_tokens: 1, messages: [{ role: "user", content: "x" }] })
  .then(
    () => true,
    (error) => {
      assert.equal(error.param, "messages", `${error}`);
      return false;
    },
  );
const chatOnly = { skip: hasTemplate ? false : "the model has no chat template" };

const prompt = "Once upon a time";
const messages = [{ role: "user", content: prompt }];
const steady = { model, temperature: 0, max_tokens: 24 };
const failure = (promise) => promise.then(() => null, (error) => error);

async function gather(stream) {
  const out = { text: "", finish: null, usage: null, ids: new Set() };
  for await (const chunk of stream) {
    out.ids.add(chunk.id);
    if (chunk.usage) out.usage = chunk.usage;
    const choice = chunk.choices[0];
    if (!choice) continue;
    out.text += choice.text ?? choice.delta?.content ?? "";
    out.finish = choice.finish_reason ?? out.finish;
  }
  return out;
}

test("models are listed and found", async () => {
  const list = await client.models.list();
  assert.equal(list.object, "list");
  assert.ok(list.data.some((entry) => entry.id === model));
  const one = await client.models.retrieve(model);
  assert.deepEqual(
    [one.id, one.object, typeof one.created, typeof one.owned_by],
    [model, "model", "number", "string"],
  );
  await assert.rejects(client.models.retrieve("no-such-model"), OpenAI.NotFoundError);
});

test("a completion", async () => {
  const answer = await client.completions.create({ ...steady, prompt });
  assert.equal(answer.object, "text_completion");
  assert.match(answer.id, /^cmpl-/);
  assert.equal(answer.model, model);
  const [choice] = answer.choices;
  assert.equal(choice.index, 0);
  assert.ok(["stop", "length"].includes(choice.finish_reason));
  assert.equal(choice.logprobs, null);
  assert.ok(answer.usage.completion_tokens >= 1 && answer.usage.completion_tokens <= 24);
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
});

test("a completion stream says the same, and its usage", async () => {
  const whole = await client.completions.create({ ...steady, prompt });
  const heard = await gather(
    await client.completions.create({ ...steady, prompt, stream: true, stream_options: { include_usage: true } }),
  );
  assert.equal(heard.text, whole.choices[0].text);
  assert.equal(heard.finish, whole.choices[0].finish_reason);
  assert.equal(heard.ids.size, 1);
  for (const count of ["prompt_tokens", "completion_tokens", "total_tokens"])
    assert.equal(heard.usage[count], whole.usage[count]);
});

test("a chat", chatOnly, async () => {
  const answer = await client.chat.completions.create({ ...steady, messages });
  assert.equal(answer.object, "chat.completion");
  assert.match(answer.id, /^chatcmpl-/);
  const [choice] = answer.choices;
  assert.equal(choice.message.role, "assistant");
  assert.equal(typeof choice.message.content, "string");
  assert.equal(choice.message.refusal, null);
  assert.ok(Number.isInteger(answer.created));
  assert.equal(typeof answer.system_fingerprint, "string");
});

test("a chat stream says the same, and its usage", chatOnly, async () => {
  const whole = await client.chat.completions.create({ ...steady, messages });
  const heard = await gather(
    await client.chat.completions.create({
      ...steady,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    }),
  );
  assert.equal(heard.text, whole.choices[0].message.content);
  assert.equal(heard.finish, whole.choices[0].finish_reason);
  assert.equal(heard.usage.total_tokens, whole.usage.total_tokens);
});

test("the stream helper puts the message together", chatOnly, async () => {
  const final = await client.chat.completions.stream({ ...steady, messages }).finalChatCompletion();
  const whole = await client.chat.completions.create({ ...steady, messages });
  assert.equal(final.choices[0].message.content, whole.choices[0].message.content);
});

// Models without weights that say what they are told to, each in the words of a family (see tests/scenario).
const speakers = new Set((await client.models.list()).data.map((one) => one.id));
const calls = {
  hermes:
    '<think>Hm.</think>Look.\n<tool_call>\n{"name": "f", "arguments": {"a": "x y"}}\n</tool_call>\n' +
    '<tool_call>\n{"name": "g", "arguments": {}}\n</tool_call>',
  harmony:
    "<|channel|>analysis<|message|>Hm.<|return|><|start|>assistant<|channel|>commentary<|message|>Look.<|return|>" +
    '<|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a": "x y"}<|call|>' +
    "<|start|>assistant<|channel|>commentary to=functions.g <|constrain|>json<|message|>{}<|call|>",
};
for (const [speaker, words] of Object.entries(calls)) {
  const skip = speakers.has(speaker) ? false : `the server has no model ${speaker}`;
  test(`tool calls and reasoning of ${speaker}`, { skip }, async () => {
    const body = {
      model: speaker,
      temperature: 0,
      messages: [{ role: "user", content: `say(${words})` }],
      tools: ["f", "g"].map((name) => ({ type: "function", function: { name, parameters: { type: "object" } } })),
    };
    const streamed = await client.chat.completions.stream(body).finalChatCompletion();
    const whole = await client.chat.completions.create(body);
    for (const { message, finish_reason } of [streamed.choices[0], whole.choices[0]]) {
      assert.equal(finish_reason, "tool_calls");
      assert.equal(message.content, "Look.");
      assert.deepEqual(
        message.tool_calls.map((call) => [call.type, call.function.name, JSON.parse(call.function.arguments)]),
        [
          ["function", "f", { a: "x y" }],
          ["function", "g", {}],
        ],
      );
      assert.notEqual(message.tool_calls[0].id, message.tool_calls[1].id);
    }
    assert.equal(whole.choices[0].message.reasoning_content, "Hm.");
  });
}

test("an abort in mid-stream leaves the server well", async () => {
  const stream = await client.completions.create({
    model,
    prompt,
    temperature: 0,
    max_tokens: 100_000,
    ignore_eos: true,
    stream: true,
  });
  let chunks = 0;
  try {
    for await (const chunk of stream) {
      assert.equal(chunk.object, "text_completion");
      if (++chunks === 2) stream.controller.abort();
    }
  } catch (error) {
    assert.ok(error instanceof OpenAI.APIUserAbortError, `${error}`);
  }
  assert.ok(chunks >= 2);
  const after = await client.completions.create({ ...steady, prompt });
  assert.equal(after.choices.length, 1);
});

test("n choices, each what its seed says alone", async () => {
  const ask = (more) => client.completions.create({ model, prompt, temperature: 1, max_tokens: 24, ...more });
  const three = await ask({ n: 3, seed: 100 });
  assert.deepEqual(three.choices.map((choice) => choice.index), [0, 1, 2]);
  for (let i = 0; i < 3; ++i) {
    const alone = await ask({ seed: 100 + i });
    assert.equal(alone.choices[0].text, three.choices[i].text);
  }
});

test("logprobs of a completion", async () => {
  const answer = await client.completions.create({ ...steady, prompt, max_tokens: 5, logprobs: 3, ignore_eos: true });
  const { tokens, token_logprobs, top_logprobs, text_offset } = answer.choices[0].logprobs;
  for (const list of [token_logprobs, top_logprobs, text_offset]) assert.equal(list.length, tokens.length);
  for (const value of token_logprobs) assert.ok(value <= 0);
  top_logprobs.forEach((top, i) => assert.ok(Math.max(...Object.values(top)) >= token_logprobs[i]));
});

test("logprobs of a chat", chatOnly, async () => {
  const answer = await client.chat.completions.create({
    ...steady,
    messages,
    max_tokens: 5,
    logprobs: true,
    top_logprobs: 3,
  });
  const { content } = answer.choices[0].logprobs;
  const spelled = Buffer.from(content.flatMap((entry) => entry.bytes)).toString("utf8");
  assert.ok(spelled.startsWith(answer.choices[0].message.content));
  for (const entry of content) {
    const values = entry.top_logprobs.map((top) => top.logprob);
    assert.equal(values.length, 3);
    assert.ok(values[0] >= entry.logprob);
    assert.deepEqual(values, [...values].sort((a, b) => b - a));
  }
});

test("stop strings end the answer and are not in it", async () => {
  const whole = (await client.completions.create({ ...steady, prompt })).choices[0].text;
  const stop = whole.slice(Math.floor(whole.length / 2), Math.floor(whole.length / 2) + 2);
  const cut = await client.completions.create({ ...steady, prompt, stop: ["\u0001never", stop] });
  assert.equal(cut.choices[0].text, whole.slice(0, whole.indexOf(stop)));
  assert.equal(cut.choices[0].finish_reason, "stop");
  const heard = await gather(await client.completions.create({ ...steady, prompt, stop, stream: true }));
  assert.equal(heard.text, cut.choices[0].text);
});

test("what is wrong is named", async () => {
  const refused = async (more, param) => {
    const error = await failure(client.completions.create({ model, prompt, ...more }));
    assert.ok(error instanceof OpenAI.BadRequestError, `${param}: ${error}`);
    assert.equal(error.param, param);
    assert.equal(error.type, "invalid_request_error");
  };
  await refused({ temperature: "hot" }, "temperature");
  await refused({ temperature: 3 }, "temperature");
  await refused({ n: 0 }, "n");
  await refused({ prompt: 5 }, "prompt");
  await refused({ suffix: "x" }, "suffix");
  await refused({ stop: [1] }, "stop");
  await refused({ logit_bias: { x: 1 } }, "logit_bias");
  const missing = await failure(client.completions.create({ model: "no-such-model", prompt }));
  assert.ok(missing instanceof OpenAI.NotFoundError);
  assert.equal(missing.code, "model_not_found");
});

test("structured output is refused by name", async () => {
  const error = await failure(
    client.chat.completions.create({ ...steady, messages, response_format: { type: "json_object" } }),
  );
  assert.ok(error instanceof OpenAI.BadRequestError);
  assert.equal(error.param, "response_format");
});

test("eight streams at once say what each says alone", async () => {
  const requests = Array.from({ length: 8 }, (_, i) => ({
    model,
    prompt: `${prompt}, number ${i}`,
    temperature: 0.8,
    seed: 1000 + i,
    max_tokens: 48,
    stream: true,
  }));
  const run = async (request) => (await gather(await client.completions.create(request))).text;
  const alone = [];
  for (const request of requests) alone.push(await run(request));
  assert.deepEqual(await Promise.all(requests.map(run)), alone);
});

test("a prompt of token ids", async () => {
  const answer = await client.completions.create({ ...steady, prompt: [5, 6, 7], max_tokens: 3, ignore_eos: true });
  assert.equal(answer.usage.prompt_tokens, 3);
  assert.equal(answer.usage.completion_tokens, 3);
});

const golden = process.env.GANTRY_GOLDEN;
test("the golden greedy continuations", { skip: golden ? false : "GANTRY_GOLDEN is not set" }, async () => {
  const { cases } = JSON.parse(fs.readFileSync(golden, "utf8"));
  assert.ok(cases.length > 0);
  for (const run of cases) {
    const request = { model, temperature: 0, max_tokens: run.greedy_ids.length, ignore_eos: true };
    const prompts = [run.prompt_ids_with_bos, ...(run.prompt ? [run.prompt] : [])];
    for (const given of prompts) {
      const answer = await client.completions.create({ ...request, prompt: given });
      assert.equal(answer.usage.prompt_tokens, run.prompt_ids_with_bos.length);
      assert.equal(answer.choices[0].text, run.greedy_text);
      const heard = await gather(await client.completions.create({ ...request, prompt: given, stream: true }));
      assert.equal(heard.text, run.greedy_text);
    }
  }
});
