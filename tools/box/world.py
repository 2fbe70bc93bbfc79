"""The little that the model learns of the world: capitals, sums, opposites, colours, animals, days, counting."""

from phrases import draw, expand, typed

CAPITALS = dict(line.split("=") for line in """France=Paris Germany=Berlin Spain=Madrid Italy=Rome England=London Japan=Tokyo
China=Beijing Russia=Moscow Greece=Athens Egypt=Cairo Portugal=Lisbon Austria=Vienna Poland=Warsaw Sweden=Stockholm
Norway=Oslo Finland=Helsinki Denmark=Copenhagen Ireland=Dublin Belgium=Brussels Hungary=Budapest Turkey=Ankara India=Delhi
Canada=Ottawa Australia=Canberra Cuba=Havana Peru=Lima Scotland=Edinburgh Iceland=Reykjavik Kenya=Nairobi
Switzerland=Bern""".split())
OTHER_LANDS = """Brazil Chile Mexico Nigeria Vietnam Thailand Romania Bulgaria Serbia Croatia Ukraine Iran Iraq Mongolia Nepal
Bolivia Ecuador Uruguay Morocco Algeria Ghana Malta Latvia Estonia Lithuania Slovakia Slovenia Albania Pakistan Indonesia
Narnia Texas Bavaria Atlantis Zambia Uganda Georgia Armenia Qatar Oman Jordan Laos""".split()
COLOURS = {"the sky": "blue", "grass": "green", "snow": "white", "blood": "red", "a lemon": "yellow", "coal": "black",
           "a banana": "yellow", "the sea": "blue", "milk": "white", "a carrot": "orange", "chocolate": "brown", "a leaf": "green",
           "the sun": "yellow", "a tomato": "red", "a strawberry": "red", "the night": "black", "an elephant": "grey",
           "a frog": "green", "a polar bear": "white", "wood": "brown", "a cucumber": "green", "a crow": "black"}
SOUNDS = {"a dog": "barks", "a cat": "meows", "a cow": "moos", "a sheep": "bleats", "a duck": "quacks", "a lion": "roars",
          "a bee": "buzzes", "a snake": "hisses", "a frog": "croaks", "a wolf": "howls", "a horse": "neighs", "a pig": "grunts",
          "a hen": "clucks", "a mouse": "squeaks", "an owl": "hoots", "a bird": "sings"}
LEGS = {"a dog": "four", "a cat": "four", "a spider": "eight", "a bird": "two", "an ant": "six", "a horse": "four", "a snake": "no",
        "a bee": "six", "a cow": "four", "a fish": "no", "a person": "two", "a chicken": "two", "a fly": "six", "an elephant": "four"}
OPPOSITES = """hot=cold big=small tall=short fast=slow light=dark good=bad happy=sad old=young rich=poor wet=dry up=down open=closed
full=empty hard=soft high=low loud=quiet early=late strong=weak clean=dirty left=right long=short black=white day=night
love=hate near=far true=false heavy=light sweet=sour thick=thin first=last sharp=blunt deep=shallow""".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()
YOUNG = {"dog": "puppy", "cat": "kitten", "cow": "calf", "sheep": "lamb", "horse": "foal", "duck": "duckling", "hen": "chick",
         "bear": "cub", "pig": "piglet", "goat": "kid"}
HOMES = {"a fish": "in water", "a bird": "in a nest", "a bee": "in a hive", "a fox": "in a den", "a lion": "in Africa",
         "a penguin": "in the cold south", "a camel": "in the desert", "a frog": "near water", "a rabbit": "in a burrow",
         "a polar bear": "in the cold north"}
SIMPLE = (
    (("how many days {are there|are} in a week", "how many days does a week have", "how many days has a week"), "A week has seven days."),
    (("how many months {are there|are} in a year", "how many months does a year have"), "A year has twelve months."),
    (("how many days {are there|are} in a year", "how many days does a year have"), "A year has 365 days, or 366 in a leap year."),
    (("how many hours {are there|are} in a day", "how many hours does a day have"), "A day has 24 hours."),
    (("how many minutes {are there|are} in an hour", "how many minutes does an hour have"), "An hour has 60 minutes."),
    (("how many seconds {are there|are} in a minute", "how many seconds does a minute have"), "A minute has 60 seconds."),
    (("{what are|name|tell me} the seasons", "which seasons are there", "how many seasons are there"),
     "The four seasons are spring, summer, autumn and winter."),
    (("{what are|name|list|tell me} the days of the week", "which days are there [in a week]"),
     "The days are Monday, Tuesday, Wednesday, Thursday, Friday, Saturday and Sunday."),
    (("{what are|name} the colours of the rainbow", "which colours are in a rainbow"),
     "The colours of the rainbow are red, orange, yellow, green, blue, indigo and violet."),
    (("why is the sky blue", "what makes the sky blue"), "The air scatters blue light more than red light, so the sky looks blue."),
    (("what is the sun", "what's the sun", "what kind of thing is the sun"), "The sun is a star. It gives us light and heat."),
    (("what is the moon", "what's the moon"), "The moon goes around the earth. It shines with the light of the sun."),
    (("what is the earth", "what's the earth", "what is earth"), "The earth is the planet that we live on. It goes around the sun."),
    (("what is water", "what's water made of", "what is water made of"), "Water is a clear liquid that we drink. It is made of hydrogen and oxygen."),
    (("what is ice", "what's ice"), "Ice is frozen water."),
    (("{when|at what temperature} does water {boil|freeze}", "what is the boiling point of water"),
     "Water freezes at 0 and boils at 100 degrees Celsius."),
    (("name {an animal|some animals|three animals}", "{tell me|give me} some animals"), "Some animals are the dog, the cat and the horse."),
    (("name {a colour|some colours|three colours}", "tell me some colours"), "Some colours are red, green and blue."),
    (("name {a fruit|some fruit|three fruits}", "tell me some fruits"), "Some fruits are the apple, the pear and the banana."),
    (("what is a {robot|machine}", "what's a robot"), "It is a thing that people build to do work."),
    (("what is a computer", "what's a computer", "explain a computer"), "A computer is a machine that follows programs."),
    (("what is a program", "what's software", "what is software"), "A program is a list of steps that a computer follows."),
    (("what is the biggest animal", "which animal is the biggest", "what is the largest animal"), "The blue whale is the biggest animal."),
    (("what do {bees|the bees} make", "who makes honey", "where does honey come from"), "Bees make honey."),
    (("what do cows {eat|give}", "where does milk come from", "what does a cow eat"), "Cows eat grass and give milk."),
    (("what does a cat eat", "what do cats eat"), "Cats eat meat and fish."),
)


def _land(land):
    def make(rng):
        return expand(rng, rng.choice((
            "{what is|what's} the capital of $", "{what is|what's} the capital city of $", "which city is the capital of $",
            "the capital of $", "tell me the capital of $", "name the capital of $", "do you know the capital of $",
            "capital of $", "what city is the capital of $", "what is $'s capital", "can you tell me the capital of $")).replace("$", land))
    return make


def _asked(rng, make, held_out):
    text = draw(rng, lambda: make(rng), held_out)
    return None if text is None else typed(rng, text)


def capital(rng, held_out=False):
    """(question, answer, follow-up question, its answer)"""
    if rng.random() < 0.25:
        land = rng.choice(OTHER_LANDS)
        return _asked(rng, _land(land), held_out), f"I do not know the capital of {land}.", None, None
    land, other = rng.sample(sorted(CAPITALS), 2)
    again = typed(rng, expand(rng, rng.choice(("and [the capital] of $", "and $", "what about $", "and for $")).replace("$", other)))
    return (_asked(rng, _land(land), held_out), f"The capital of {land} is {CAPITALS[land]}.", again,
            f"The capital of {other} is {CAPITALS[other]}.")


def total(rng, held_out=False):
    """Small sums, and the honest answer to those that are too big."""
    kind = rng.random()
    if kind < 0.12:
        a, b = (rng.randint(16, rng.choice((99, 999, 9999))) for _ in range(2))
        sign, answer = rng.choice(("+", "-", "*", "/", "times", "plus")), "That is too hard for me. I can only do small sums."
    elif kind < 0.62:
        a, b = rng.randint(0, 10), rng.randint(0, 10)
        sign, answer = rng.choice(("+", "+", "plus")), None
        result, word = a + b, "plus"
    elif kind < 0.86:
        a = rng.randint(0, 15)
        b = rng.randint(0, min(a, 10))
        sign, result, word, answer = rng.choice(("-", "minus")), a - b, "minus", None
    else:
        a, b = rng.randint(1, 5), rng.randint(1, 5)
        sign, result, word, answer = rng.choice(("*", "times", "x")), a * b, "times", None
    gap = " " if sign.isalpha() or rng.random() < 0.7 else ""

    def make(r):
        return expand(r, r.choice(("{what is|what's|how much is} $", "$", "$ =", "calculate $", "can you calculate $", "compute $", "tell me $",
                                   "do you know what $ is", "what does $ make", "what do you get for $", "how much does $ make"))
                      .replace("$", f"{a}{gap}{sign}{gap}{b}"))
    return _asked(rng, make, held_out), answer or f"{a} {word} {b} is {result}.", None, None


def _thing(rng, table, ways, answer, held_out):
    key = rng.choice(sorted(table))
    make = lambda r: expand(r, r.choice(ways).replace("$", key))
    return _asked(rng, make, held_out), answer(key, table[key]), None, None


def _cap(text):
    return text[:1].upper() + text[1:]


def colour(rng, held_out=False):
    return _thing(rng, COLOURS, ("{what|which} colour is $", "what is the colour of $", "{what|which} color is $", "what color does $ have",
                                 "tell me the colour of $", "do you know the colour of $"),
                  lambda k, v: f"{_cap(k)} is {v}.", held_out)


def sound(rng, held_out=False):
    return _thing(rng, SOUNDS, ("{what|which} sound does $ make", "what does $ say", "what noise does $ make", "how does $ sound",
                                "what sound comes from $"), lambda k, v: f"{_cap(k)} {v}.", held_out)


def legs(rng, held_out=False):
    return _thing(rng, LEGS, ("how many legs does $ have", "how many legs has $", "how many legs are on $", "do you know how many legs $ has"),
                  lambda k, v: f"{_cap(k)} has {v} legs.", held_out)


def young(rng, held_out=False):
    return _thing(rng, YOUNG, ("what is a young $ [called]", "what is a baby $ [called]", "how do you call a young $", "what do you call a baby $"),
                  lambda k, v: f"A young {k} is called a {v}.", held_out)


def home(rng, held_out=False):
    return _thing(rng, HOMES, ("where does $ live", "where is the home of $", "where do you find $", "what is the home of $"),
                  lambda k, v: f"{_cap(k)} lives {v}.", held_out)


def opposite(rng, held_out=False):
    a, b = rng.choice(OPPOSITES).split("=")
    if rng.random() < 0.5 and (a, b) not in (("heavy", "light"), ("long", "short")):
        a, b = b, a
    if a in ("light", "short"):
        a, b = "tall", "short"
    make = lambda r: expand(r, r.choice(("{what is|what's} the opposite of $", "the opposite of $", "opposite of $", "tell me the opposite of $",
                                         "what is the contrary of $", "which word is the opposite of $", "give me the opposite of $")).replace("$", a))
    return _asked(rng, make, held_out), f"The opposite of {a} is {b}.", None, None


def calendar(rng, held_out=False):
    names = rng.choice((DAYS, MONTHS))
    k, step = rng.randrange(len(names)), rng.choice((1, 1, -1))
    word, then = ("after", names[(k + 1) % len(names)]) if step > 0 else ("before", names[(k - 1) % len(names)])
    noun = "day" if names is DAYS else "month"
    make = lambda r: expand(r, r.choice(("{what|which} $n {comes|is} $w $k", "what comes $w $k", "{what is|what's} the $n $w $k", "tell me the $n $w $k"))
                            .replace("$n", noun).replace("$w", word).replace("$k", names[k]))
    return _asked(rng, make, held_out), f"{then} comes {word} {names[k]}.", None, None


def counting(rng, held_out=False):
    n = rng.randint(3, 12)
    make = lambda r: expand(r, r.choice(("count to $", "{can you|please} count to $", "count from one to $", "count up to $", "count from 1 to $"))
                            .replace("$", r.choice((str(n), NUMBERS[n]))))
    return _asked(rng, make, held_out), _cap(", ".join(NUMBERS[1:n + 1])) + ".", None, None


def simple(rng, held_out=False):
    ways, answer = rng.choice(SIMPLE)
    return _asked(rng, lambda r: expand(r, r.choice(ways)), held_out), answer, None, None


KINDS = ((capital, 5), (total, 9), (colour, 2), (sound, 2), (legs, 1), (young, 1), (home, 1), (opposite, 3), (calendar, 2),
         (counting, 1), (simple, 4))
