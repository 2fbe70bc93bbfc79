"""Things that a person says of himself, and the questions that need them back later."""

from phrases import draw, expand, typed
from stories import NAMES

_PARTS = "ba be bo da de di do fa fi ga ka ke ki la le li lo lu ma me mi mo na ne ni no pa pe ra re ri ro ru sa se si so ta te ti to va vi wa ya za zo".split()
_TAILS = ("n", "s", "l", "r", "", "", "", "k", "th", "m")
COLOURS = "red blue green yellow black white orange purple pink brown grey".split()
ANIMALS = "dog cat horse rabbit bird hamster fish mouse goat parrot turtle snake".split()
TOWNS = """Berlin Paris London Rome Madrid Vienna Oslo Dublin Hamburg Leeds Lyon Boston Chicago Toronto Sydney Munich Porto Turin Kyoto Delhi
Zurich Prague Bremen Bristol Naples Seville Ghent Cork Perth Lagos""".split()
JOBS = "teacher doctor farmer baker nurse driver student writer painter cook pilot singer lawyer sailor carpenter gardener programmer".split()
FOODS = "bread soup cheese pizza rice apples pasta cake fish chocolate potatoes ice cream".split()


def made_up(rng):
    return ("".join(rng.choice(_PARTS) for _ in range(rng.choice((1, 2, 2, 3)))) + rng.choice(_TAILS)).capitalize()


def name(rng):
    return rng.choice(NAMES) if rng.random() < 0.5 else made_up(rng)


def _keep(rng, text, value, question=False):
    """typed(), but the value keeps its capitals, so that the answer can repeat it."""
    for _ in range(8):
        out = typed(rng, text, question)
        if value in out:
            return out
    return text


class Kind:
    def __init__(self, values, tells, replies, asks, recalls, unknown):
        self.values, self.tells, self.replies, self.asks, self.recalls, self.unknown = values, tells, replies, asks, recalls, unknown

    def tell(self, rng):
        value = self.values(rng)
        return value, _keep(rng, expand(rng, rng.choice(self.tells).replace("$", value)), value), rng.choice(self.replies).replace("$", value)

    def ask(self, rng, held_out=False):
        text = draw(rng, lambda: expand(rng, rng.choice(self.asks)), held_out)
        return None if text is None else typed(rng, text)


KINDS = {
    "name": Kind(name, ("my name is $", "my name is $", "i am $", "i'm $", "call me $", "you can call me $", "i am called $", "the name is $", "my name's $",
                        "{hi|hello|hey}, i am $", "{hi|hello|hey}, my name is $", "{hi|hello|hey}, i'm $", "{hi|hello}! my name is $", "$ is my name", "this is $"),
                 ("Nice to meet you, $! How can I help you?",),
                 ("{what is|what's} my name", "{do you|can you} remember my name", "do you know my name", "who am i", "tell me my name", "what am i called",
                  "what did i say my name was", "say my name", "can you tell me my name", "what was my name [again]", "how am i called", "do you know who i am",
                  "do you remember who i am", "and {what is|what's} my name", "my name is what", "which name did i give you"),
                 ("Your name is $.",), "You have not told me your name."),
    "colour": Kind(lambda rng: rng.choice(COLOURS), ("my favourite {colour|color} is $", "i like the {colour|color} $", "$ is my favourite {colour|color}", "the {colour|color} i like best is $"),
                   ("$ is a nice colour.",), ("{what is|what's} my favourite {colour|color}", "which {colour|color} do i like [best]", "do you remember my favourite {colour|color}",
                                              "tell me my favourite {colour|color}", "what {colour|color} do i like"), ("Your favourite colour is $.",),
                   "You have not told me your favourite colour."),
    "pet": Kind(lambda rng: f"{rng.choice(ANIMALS)} {rng.choice(('called', 'named'))} {name(rng)}", ("i have a $", "i've got a $", "at home i have a $", "my pet is a $"),
                ("That is nice! I hope your $p is well.",), ("{what is|what's} my $p called", "{what is|what's} the name of my $p", "do you remember my $p's name", "how is my $p called",
                                                             "what did i call my $p", "do you know the name of my $p"),
                ("Your $p is called $n.",), "You have not told me that."),
    "town": Kind(lambda rng: rng.choice(TOWNS) if rng.random() < 0.6 else made_up(rng), ("i live in $", "i am from $", "i'm from $", "i come from $", "my home is in $", "my home town is $"),
                 ("$ must be a nice place.",), ("where do i live", "where am i from", "where is my home", "do you remember where i live", "which town do i live in", "where do i come from"),
                 ("You told me: $.",), "You have not told me where you live."),
    "job": Kind(lambda rng: rng.choice(JOBS), ("i am a $", "i'm a $", "i work as a $", "my job is $", "by trade i am a $"), ("That is good work.",),
                ("{what is|what's} my job", "what do i do [for a living]", "what is my work", "do you remember my job", "do you know what i do"), ("You are a $.",),
                "You have not told me your job."),
    "food": Kind(lambda rng: rng.choice(FOODS), ("i like $", "i like to eat $", "my favourite food is $", "i love $"), ("That sounds good!",),
                 ("what do i like [to eat]", "{what is|what's} my favourite food", "do you remember what i like", "what food do i like"), ("You like $.",),
                 "You have not told me what you like."),
    "age": Kind(lambda rng: str(rng.randint(6, 90)), ("i am $ years old", "i'm $ years old", "i am $", "my age is $", "i am $ years of age"), ("Thank you for telling me.",),
                ("how old am i", "{what is|what's} my age", "do you remember my age", "do you know how old i am", "tell me my age"), ("You are $ years old.",), "You have not told me your age."),
}


def told(rng, kind):
    """(what was told, the words, the reply, make the question, the answer)"""
    facts = KINDS[kind]
    value, words, reply = facts.tell(rng)
    fill = lambda text: text.replace("$", value)
    if kind == "pet":
        animal, _, pet = value.split(" ")
        fill = lambda text: text.replace("$p", animal).replace("$n", pet)
        reply = fill(facts.replies[0])
        return words, reply, (lambda held_out=False: _pet_question(rng, facts, animal, held_out)), fill(facts.recalls[0])
    reply = reply[:1].upper() + reply[1:]
    return words, reply, (lambda held_out=False: facts.ask(rng, held_out)), fill(facts.recalls[0])


def _pet_question(rng, facts, animal, held_out):
    text = draw(rng, lambda: expand(rng, rng.choice(facts.asks)).replace("$p", animal), held_out)
    return None if text is None else typed(rng, text)


def not_told(rng, kind, held_out=False):
    if kind == "pet":
        return _pet_question(rng, KINDS[kind], rng.choice(ANIMALS), held_out), KINDS[kind].unknown
    return KINDS[kind].ask(rng, held_out), KINDS[kind].unknown
