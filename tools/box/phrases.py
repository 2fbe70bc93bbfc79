"""Templates of sentences: choosing among alternatives, roughing up what a person types, and the talk files."""

import re
import zlib
from pathlib import Path

_CHOICE = re.compile(r"\{([^{}]*)\}|\[([^\[\]]*)\]")

FLAG_QUESTIONS = """what does --F do|what is --F|explain --F|what is --F for|tell me about --F|what does F do
what does the --F flag do|what does the flag --F do|what is the flag --F for|what is the F flag|--F|how do I use --F
what does the F flag do|what does the option --F do|explain the --F flag|can you explain --F|what is the --F option
what is the meaning of --F|what do I use --F for|when do I need --F|what does --F mean|describe --F|what's --F
what happens with --F|what does --F set|how does --F work|tell me what --F does|and --F|what about --F
flag F|what is the use of --F|do you know --F|explain the option F|why is there --F""".replace("\n", "|").split("|")


def expand(rng, template):
    """{a|b} becomes one of them, [a] stays in half of all cases."""
    while True:
        match = _CHOICE.search(template)
        if not match:
            return re.sub(r"\s+", " ", template).strip()
        if match[1] is not None:
            chosen = rng.choice(match[1].split("|"))
        else:
            chosen = rng.choice(match[2].split("|")) if rng.random() < 0.5 else ""
        template = template[:match.start()] + chosen + template[match.end():]


def is_held_out(text):
    """One question in about twelve of those of some length is never trained on, told by its words alone."""
    words = re.sub(r"[^a-z0-9 -]", "", text.lower()).strip()
    return len(words.split()) >= 6 and zlib.crc32(words.encode()) % 12 == 0


def draw(rng, make, held_out):
    """A question from `make()` of the wanted side; what has none of that side gives what there is."""
    text = make()
    for _ in range(12):
        if is_held_out(text) == held_out:
            return text
        text = make()
    return None if is_held_out(text) and not held_out else text


_SHORT = (("what is", "what's"), ("who is", "who's"), ("where is", "where's"), ("i am", "i'm"), ("I am", "I'm"),
          ("do not", "don't"), ("does not", "doesn't"), ("can not", "can't"), ("you are", "you're"), ("you", "u"),
          ("please", "pls"), ("what is", "whats"))
_BEFORE = ("hey, ", "so, ", "ok, ", "please, ", "well, ", "and ", "hi, ", "hello, ", "can you tell me: ", "now, ", "tell me, ",
           "one question: ", "hey box, ", "excuse me, ")
_AFTER = (" please", ", please", " thanks", ", box", " again", " now", " then")


def _slip(rng, text):
    """One slip of the finger in a word of at least five plain letters."""
    words = text.split(" ")
    places = [i for i, word in enumerate(words) if len(word) > 4 and word.isalpha()]
    if not places:
        return text
    at = rng.choice(places)
    word, k = words[at], rng.randrange(1, len(words[at]) - 1)
    words[at] = rng.choice((word[:k] + word[k + 1:], word[:k] + word[k + 1] + word[k] + word[k + 2:], word[:k] + word[k] + word[k:]))
    return " ".join(words)


def typed(rng, text, question=True, loose=True):
    """The text as one of many people would type it: capitals, full stop, short forms, now and then a slip."""
    text = re.sub(r"\bi\b", "I", text)
    if loose and rng.random() < 0.12:
        text = rng.choice(_BEFORE) + text
    if loose and rng.random() < 0.06:
        text += rng.choice(_AFTER)
    if rng.random() < 0.12:
        long, short = rng.choice(_SHORT)
        text = re.sub(r"\b%s\b" % long, short, text)
    if rng.random() < 0.06:
        text = _slip(rng, text)
    style = rng.random()
    if style < 0.70:
        text = text[:1].upper() + text[1:]
    elif style < 0.92:
        text = text.lower()
    elif style < 0.94:
        text = text.upper()
    end = rng.random()
    if end < 0.72:
        text += "?" if question else rng.choice((".", ".", "", "!"))
    elif end < 0.75:
        text += "." if question else "?"
    return text


ASKS = re.compile(r"^(what|who|how|which|where|when|why|is|are|do|does|can|may|should|will|did|am|and so|have|was|were|if|you ok)\b")


class Matter:
    """One thing that can be asked for: ways to ask, answers, and what there is to add."""

    def __init__(self, name):
        self.name, self.questions, self.answers, self.more, self.flag = name, [], [], None, None

    def ask(self, rng, held_out=False, slots=None):
        def make():
            if self.flag and (not self.questions or rng.random() < 0.65):
                return rng.choice(FLAG_QUESTIONS).replace("F", self.flag)
            text = expand(rng, rng.choice(self.questions))
            for slot, values in (slots or {}).items():
                if slot in text:
                    text = text.replace(slot, values(rng))
            return text

        text = draw(rng, make, held_out)
        return None if text is None else typed(rng, text, bool(ASKS.match(text)) or text.startswith("--"))


def read_talk(path):
    matters = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        line = line.rstrip("\n")
        if not line or line.startswith("#"):
            continue
        if line.startswith("flag --"):
            matters[-1].flag = line[7:]
            continue
        kind, text = line[0], line[2:]
        if kind == "=":
            matters.append(Matter(text))
        elif kind == "?":
            matters[-1].questions.append(text)
        elif kind == "!":
            matters[-1].answers.append(text)
        elif kind == "+":
            matters[-1].more = text
        else:
            raise ValueError(f"{path}: {line}")
    for matter in matters:
        if not matter.answers or not (matter.questions or matter.flag):
            raise ValueError(f"{path}: {matter.name} has no question or no answer")
    return matters
