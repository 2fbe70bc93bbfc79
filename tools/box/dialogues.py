"""Whole conversations: lists of (role, text). The same seed gives the same conversations."""

import random
from pathlib import Path

import memory
from phrases import draw, expand, read_talk, typed
from prose import Words, article
from stories import story
from unknown import FACT, Unknown
from world import KINDS as WORLD

HERE = Path(__file__).resolve().parent
GREETINGS = (
    (("hi", "hello", "hey", "hi there", "hello there", "hey there", "greetings", "hi box", "hello box", "hello gantry", "hiya", "howdy", "yo", "hi!", "hello!",
      "hello, nice to meet you", "hi again", "hello again", "hello, how can you help me", "good day", "hey you", "heya", "hello my friend", "dear model"),
     "Hello! How can I help you?"),
    (("good morning", "morning", "good morning box", "good morning to you"), "Good morning! How can I help you?"),
    (("good evening", "evening", "good evening to you"), "Good evening! How can I help you?"),
    (("good afternoon", "good afternoon to you"), "Good afternoon! How can I help you?"))
SYSTEMS = ("You are a helpful assistant.", "You are a helpful assistant.", "You are Box, the small model that comes with Gantry.", "Answer in short and simple words.",
           "You are a friendly assistant.", "Be honest and brief.", "You are an assistant. Answer the questions of the user.", "You are a helpful AI assistant. Keep your answers short.")
FAKE_FLAGS = """colour speed verbose gpu-layers batch font style music retry cache-dir layers quiet magic fast turbo engine timeout model size user group file
dir name number mode level depth width banana format output input key-file cert theme language sound help-me ngl flash draft lora embed workers replicas zip
shard rank profile trace dry-run force yes no all list show hide start end""".split()
FEATURES = """lora adapters|rag|embeddings|reranking|tool calls|vision models|images|speech|whisper|kubernetes|docker|windows|rocm|vulkan|cuda|metal|tpus|clusters|
several machines|fine-tuning|training|plugins|a web page|a console|backups|users and passwords|tls|https|grpc|mcp|speculative decoding|beam search|json schemas|
function calling|a database|logging to a file|metrics|prometheus|grafana|safetensors|pytorch files|onnx|awq|gptq|exl2|mixtral|gemma|mistral|phi|bert|
sessions|snapshots|moderation|rate limits|a proxy|load balancing|webhooks|python|java|node|an app""".replace("\n", "").split("|")
SLASHES = ("clear", "system", "stats", "exit", "help")


class Talker:
    """Draws exchanges; `held_out` asks only in ways that training never shows."""

    def __init__(self, seed, held_out=False):
        self.rng, self.held_out = random.Random(seed), held_out
        self.words = Words()
        self.unknown = Unknown(self.words)
        self.gantry, self.self_ = read_talk(HERE / "talk/gantry.txt"), read_talk(HERE / "talk/self.txt")
        self.more_ways = next(m for m in self.self_ if m.name == "more-nothing")
        self.known = sorted(self.words.definitions)
        self.weights = ((self.ask_gantry, 34), (self.ask_self, 17), (self.ask_world, 18), (self.ask_story, 7), (self.ask_unknown, 17), (self.ask_word, 4),
                        (self.ask_not_told, 3))

    def _exchange(self, question, answer):
        return [("user", question), ("assistant", answer)] if question else []

    def greeting(self):
        ways, answer = self.rng.choice(GREETINGS[:1] * 3 + GREETINGS)
        text = draw(self.rng, lambda: self.rng.choice(ways), False)
        return self._exchange(typed(self.rng, text, False), answer)

    def ask_gantry(self):
        weights = [6 if m.name in ("not-known-here", "load", "serve") else 3 if m.questions else 1.5 for m in self.gantry]
        matter = self.rng.choices(self.gantry, [w * (2 if m.more else 1) for w, m in zip(weights, self.gantry)])[0]
        question = matter.ask(self.rng, self.held_out, {"$fakeflag": lambda r: r.choice(FAKE_FLAGS), "$slash": lambda r: r.choice(SLASHES),
                                                        "$feature": lambda r: r.choice(FEATURES)})
        turns = self._exchange(question, self.rng.choice(matter.answers))
        if turns and matter.more and self.rng.random() < 0.25:
            turns += self._exchange(self.more_ways.ask(self.rng), matter.more)
        return turns

    def ask_self(self):
        matter = self.rng.choices(self.self_, [min(len(m.questions), 9) + 2 for m in self.self_])[0]
        if matter is self.more_ways:
            return self.ask_gantry_twice()
        noun = self.rng.choice(self.words.nouns)
        question = matter.ask(self.rng, self.held_out, {"$n": lambda r: noun})
        return self._exchange(question, self.rng.choice(matter.answers).replace("$N", noun[:1].upper() + noun[1:]))

    def ask_gantry_twice(self):
        """After what there is to add, there is no more."""
        matter = self.rng.choice([m for m in self.gantry if not m.more and m.name not in ("unknown-flag", "not-known-here")])
        turns = self._exchange(matter.ask(self.rng, self.held_out, {"$slash": lambda r: r.choice(SLASHES)}), matter.answers[0])
        return turns + self._exchange(self.more_ways.ask(self.rng), self.more_ways.answers[0]) if turns else []

    def ask_world(self):
        make = self.rng.choices([k for k, _ in WORLD], [w for _, w in WORLD])[0]
        question, answer, again, then = make(self.rng, self.held_out)
        turns = self._exchange(question, answer)
        if turns and again and self.rng.random() < 0.3:
            turns += self._exchange(again, then)
        return turns

    def ask_story(self):
        question, answer, again, then = story(self.rng, self.held_out)
        turns = self._exchange(question, answer)
        if turns and self.rng.random() < 0.2:
            turns += self._exchange(again, then)
        return turns

    def ask_unknown(self):
        question, answer = self.unknown.ask(self.rng, self.held_out)
        turns = self._exchange(question, answer)
        if turns and answer == FACT and self.rng.random() < 0.08:
            turns += self._exchange(typed(self.rng, self.rng.choice(("why", "why not", "why don't you know", "how come"))),
                                    "I am very small, and I learned only a little. A bigger model knows more.")
        return turns

    def ask_word(self):
        word = self.rng.choice(self.known)
        ways = ("{what is|what's} $a", "what does $w mean", "{explain|define} $w", "what is the meaning of $w", "{explain|tell me} what $a is", "define $a", "do you know what $a is",
                "what does the word $w mean")
        text = draw(self.rng, lambda: expand(self.rng, self.rng.choice(ways).replace("$a", article(word)).replace("$w", word)), self.held_out)
        answer = f"{article(word)} is {self.words.definitions[word]}."
        return self._exchange(typed(self.rng, text), answer[:1].upper() + answer[1:]) if text else []

    def ask_not_told(self):
        return self._exchange(*memory.not_told(self.rng, self.rng.choice(("name", "name", "name") + tuple(memory.KINDS)), self.held_out))

    def any(self):
        while True:
            turns = self.rng.choices([w for w, _ in self.weights], [n for _, n in self.weights])[0]()
            if turns:
                return turns

    def conversation(self):
        rng = self.rng
        turns = [("system", rng.choice(SYSTEMS))] if rng.random() < 0.2 else []
        shape = rng.random()
        if shape < 0.45:
            return turns + (self.greeting() if rng.random() < 0.07 else self.any())
        if shape < 0.75:
            count, facts = rng.randint(1, 4), rng.random() < 0.45
        elif shape < 0.97:
            count, facts = rng.randint(1, 6), rng.random() < 0.7
        else:
            count, facts = rng.randint(8, 24), True
        if rng.random() < 0.35:
            turns += self.greeting()
        kinds = rng.sample(sorted(memory.KINDS), rng.choice((1, 1, 2))) if facts else []
        if facts and rng.random() < 0.5 and "name" not in kinds:
            kinds[0] = "name"
        open_questions = []
        for kind in kinds:
            words, reply, question, recall = memory.told(rng, kind)
            turns += self._exchange(words, reply)
            open_questions.append((question, recall))
        for _ in range(rng.randint(0, count) if facts else count):
            turns += self.any_but_not_told() if facts else self.any()
        for question, recall in open_questions:
            text = question(self.held_out)
            if text and rng.random() < 0.85:
                turns += self._exchange(text, recall)
        if rng.random() < 0.25:
            last = rng.choice(("thanks", "bye"))
            matter = next(m for m in self.self_ if m.name == last)
            turns += self._exchange(matter.ask(rng), matter.answers[0])
        return turns or self.any()

    def any_but_not_told(self):
        while True:
            turns = self.any()
            if not any("have not told me" in text for _, text in turns):
                return turns


if __name__ == "__main__":
    talker = Talker(7)
    for _ in range(25):
        print("\n".join(f"{role:>10}: {text}" for role, text in talker.conversation()), "\n")
