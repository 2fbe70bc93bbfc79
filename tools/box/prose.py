"""Free text: WordNet's glosses and example sentences, and the project's own documentation."""

import re
from pathlib import Path

WORDNET = Path("/usr/share/wordnet")
HERE = Path(__file__).resolve().parent
KNOWN_WORDS = 60       # nouns that the model can explain
_SMALL = re.compile(r"^[a-z]+$")
_COARSE = re.compile(r"\b(sex\w*|fuck\w*|shit\w*|rape\w*|whore\w*|penis|vagina|nigger\w*|slut\w*|genital\w*|coitus|erotic\w*|prostitut\w*|naked|breast\w*|"
                     r"kill\w*|murder\w*|suicid\w*|nazi\w*|hitler|negro\w*|slave\w*|bitch\w*|bastard\w*|damn\w*|jew\w*|drug\w*|cunt|ass|faggot|dyke|obscene)\b", re.I)
_THINGS = ("05", "06", "08", "13", "17", "18", "20")  # animals, artifacts, bodies, food, nature, people, plants
_TOLD_ELSEWHERE = set("sun moon earth water ice computer program model token server robot machine story name day week month year".split())


def article(word):
    return ("an " if word[0] in "aeiou" else "a ") + word


class Words:
    """WordNet's nouns by how often they are met, its people and places, definitions and sentences."""

    def __init__(self):
        counts = {}
        for line in open(WORDNET / "cntlist.rev", encoding="ascii"):
            key, sense, count = line.split()
            lemma, rest = key.split("%")
            if rest.startswith("1:") and sense == "1":
                counts[lemma] = max(counts.get(lemma, 0), int(count))
        offsets = {}  # the first sense of each noun
        for line in open(WORDNET / "index.noun", encoding="ascii"):
            if not line.startswith(" "):
                fields = line.split()
                offsets[fields[0]] = fields[-int(fields[2])]
        glosses, instances, self.sentences = {}, [], []
        for kind in ("noun", "verb", "adj", "adv"):
            for line in open(WORDNET / f"data.{kind}", encoding="latin-1"):
                if line.startswith(" "):
                    continue
                head, gloss = line.rstrip().split(" | ", 1)
                self.sentences += [s for s in re.findall(r'"([^"]+)"', gloss) if not _COARSE.search(s) and s.isascii()]
                if kind != "noun":
                    continue
                fields = head.split()
                glosses[fields[0]] = (fields[1], gloss)
                if "@i" in fields and fields[4][0].isupper():
                    names = fields[4:4 + 2 * int(fields[3], 16):2]
                    instances += [(fields[1], name.replace("_", " "), gloss) for name in names[:3]]
        clean = [(file, name) for file, name, gloss in instances if name.isascii() and len(name) < 24 and not _COARSE.search(gloss + name)]
        self.people = sorted({name for file, name in clean if file == "18" and " " in name})
        self.places = sorted({name for file, name in clean if file == "15"})
        self.definitions = {}
        for word in sorted(counts, key=lambda w: (-counts[w], w)):
            file, gloss = glosses.get(offsets.get(word, ""), ("", ""))
            gloss = gloss.split(";")[0].strip()
            if (file in _THINGS and _SMALL.match(word) and len(word) > 2 and re.match(r"(a|an|the|any) ", gloss) and 4 <= len(gloss.split()) <= 13 and
                    "(" not in gloss and '"' not in gloss and not _COARSE.search(gloss + " " + word) and word not in _TOLD_ELSEWHERE and
                    word not in gloss):
                self.definitions[word] = gloss
            if len(self.definitions) == KNOWN_WORDS:
                break
        nouns = [w for w in sorted(counts, key=lambda w: (-counts[w], w)) if _SMALL.match(w) and 2 < len(w) < 12 and not _COARSE.search(w) and
                 not w.endswith("s") and w not in _TOLD_ELSEWHERE]
        self.nouns = nouns[200:2600]
        common = set(nouns[:4000]) | set(self.definitions)
        self.rare = [w for w in sorted(offsets) if _SMALL.match(w) and 5 < len(w) < 13 and w not in common and not _COARSE.search(w)][::9]


def documents():
    """The project's own documentation, one paragraph a line, as it was when the vocabulary was made: later edits of the
    documentation do not change the model."""
    return (HERE / "talk/documents.txt").read_text(encoding="utf-8").splitlines()
