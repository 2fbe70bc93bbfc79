"""Little stories from a grammar: someone, somewhere, a wish, a trouble, a turn, an end."""

from phrases import draw, expand, typed

NAMES = """Anna Ben Clara David Emma Felix Grace Henry Ida Jack Kate Leo Mia Noah Olga Paul Rosa Sam Tom Lily Max Nora Oscar Vera Will
Ella Finn Hugo Ivy Jonas Lena Mark Nina Otto Pia Ruth Simon Tina Zoe Alice Bob Carl Dora Eric Maria John Peter Sarah Lucy Mary""".split()
HEROES = {"cat": "small grey", "dog": "friendly brown", "mouse": "tiny", "fox": "clever red", "bear": "big", "bird": "little blue",
          "rabbit": "quick white", "frog": "green", "horse": "strong", "owl": "wise old", "duck": "yellow", "hedgehog": "shy",
          "dragon": "gentle", "robot": "little", "girl": "brave", "boy": "curious", "fish": "silver", "turtle": "slow", "lion": "young",
          "king": "old", "queen": "kind", "witch": "good", "elephant": "grey", "pig": "round", "sheep": "woolly", "snail": "patient",
          "ship": "little", "star": "small", "tree": "tall", "computer": "lonely", "train": "red", "cow": "brown", "bee": "busy",
          "pirate": "friendly", "wolf": "hungry", "princess": "clever", "monkey": "merry", "ghost": "shy", "knight": "brave",
          "penguin": "funny", "squirrel": "quick", "cloud": "white"}
PLACES = """in a quiet wood|by the sea|near a small village|on a green hill|in an old house|by a wide river|in a garden full of flowers|
at the foot of a mountain|in a big city|on a little island|beside a blue lake|behind an old mill""".replace("\n", "").split("|")
THINGS = """a golden key|a red ball|a silver bell|a warm coat|an old map|a bright lamp|a sweet apple|a blue stone|a lost letter|a small boat|
a round mirror|a green umbrella|a wooden flute|a piece of cheese|a yellow kite""".replace("\n", "").split("|")
FRIENDS = """an old owl|a little mouse|a kind farmer|a merry bird|a tired traveller|a small boy|a clever girl|a slow turtle|a friendly
 dog|a black cat|a grey goose|a wise old woman""".replace("\n", "").split("|")
WISHES = ("wanted to find $thing", "looked for $thing", "dreamed of $thing", "had lost $thing", "wished for $thing")
DAYS_ = ("One day", "One morning", "One cold evening", "One sunny day", "On a rainy day", "Early one morning")
TROUBLES = ("{a storm came|it began to rain|the wind grew strong}, and $he {hid under a tree|was afraid|could not go on}",
            "$he {lost the way|took the wrong path} and {sat down|began to cry|did not know what to do}",
            "it grew dark, and $he {was all alone|could not see the path|heard a strange sound}",
            "the {bridge|gate|door} was {broken|closed}, and $he {had to wait|could not pass}")
TURNS = ("Then $friend came by and said: \"{Do not be afraid|Come with me|I can help you|I know the way}.\"",
         "There $he met $friend, who {smiled|laughed|listened} and said: \"{Let us go together|I will help you|Follow me}.\"",
         "But $friend {saw|heard} $him and {stopped to help|came to help|showed the way}.")
FINDS = ("Together they {went on|walked on|looked everywhere}, and {at last|in the end|under a stone|behind a door} they found $thing.",
         "They searched {all day|all night|for a long time} and {at last|in the end} found $thing {by the road|under a bush|in a box}.")
ENDS = ("From that day on they were {friends|good friends|best friends}.", "$Name was {very happy|happy again|glad} and {went home|ran home|slept well that night}.",
        "And $name {never forgot|always remembered} {that day|the kind friend|it}.", "They {shared it|laughed|danced} and {were happy|went home together}.")
KINDS_OF_REQUEST = ("{tell|write} me a [little|short|small] story", "tell [me] a story", "i want [to hear] a story", "a story, please",
                    "can you tell me a [little|short] story", "[please] tell a [little|short] story", "do you know a [good] story",
                    "make up a story", "write a [little|short] story", "{give me|i would like} a story", "story", "could you tell a story",
                    "tell a tale", "tell me a tale", "read me a story", "let me hear a story", "how about a story")


def article(words):
    return ("an " if words[0] in "aeiou" else "a ") + words


def a_story(rng, hero=None, name=None, about=None):
    hero = hero or rng.choice(sorted(HEROES))
    name = name or rng.choice(NAMES)
    he, him = rng.choice((("he", "him"), ("she", "her")))
    thing = about or rng.choice(THINGS)
    the_thing = "the " + thing.split(" ", 1)[1]
    opening = expand(rng, rng.choice((
        "Once upon a time there was $hero {called|named} $Name, who lived $place.", "There once was $hero {called|named} $Name, who lived $place.",
        "$Name was $hero who lived $place.", "Once there lived $place $hero {called|named} $Name.")))
    wish = rng.choice(WISHES)
    parts = [opening, f"{rng.choice(DAYS_)} $Name {wish}." if rng.random() < 0.4 else f"$Name {wish}.",
             "{So $he went out|$Name went out into the world|So $he set out on a long way}, but " + rng.choice(TROUBLES) + ".",
             rng.choice(TURNS), rng.choice(FINDS), rng.choice(ENDS)]
    text = expand(rng, " ".join(parts))
    first, rest = text.find("$thing"), "$thing"
    text = text[:first] + thing + text[first + len(rest):].replace("$thing", the_thing)
    for slot, value in (("$hero", article(f"{HEROES.get(hero, 'little')} {hero}")), ("$Name", name), ("$name", name), ("$place", rng.choice(PLACES)),
                        ("$he", he), ("$him", him), ("$friend", rng.choice([f for f in FRIENDS if hero not in f]))):
        if slot == "$he":
            text = text.replace("$him", him)
        text = text.replace(slot, value)
    return text


def story(rng, held_out=False):
    """(request, story, follow-up request, its story)"""
    kind = rng.random()
    hero = rng.choice(sorted(HEROES))
    again = typed(rng, expand(rng, rng.choice(("another [one]", "one more [story]", "tell me another [story|one]", "again", "another story [please]",
                                               "can you tell another one"))), False)
    follow = a_story(rng)
    if rng.random() < 0.4:
        other = rng.choice(sorted(HEROES))
        again = typed(rng, expand(rng, rng.choice(("now one about $a", "and one about $a", "tell one about $a", "another one about $a", "what about $a"))
                                  .replace("$a", article(other))), False)
        follow = a_story(rng, other)
    if kind < 0.36:
        make = lambda: expand(rng, rng.choice(KINDS_OF_REQUEST))
        told = a_story(rng)
    elif kind < 0.82:
        about = rng.choice((" about $a", " about $a", " about $a", " with $a", " of $a", " about a $adj")).replace("$adj", f"{HEROES[hero]} {hero}").replace("$a", article(hero))
        make = lambda: expand(rng, rng.choice(KINDS_OF_REQUEST).replace(", please", "")) + about
        told = a_story(rng, hero)
    elif kind < 0.92:
        name = rng.choice(NAMES)
        make = lambda: expand(rng, rng.choice(KINDS_OF_REQUEST).replace(", please", "") + rng.choice((" about $a {called|named} $n", " about $a whose name is $n"))).replace(
            "$a", article(hero)).replace("$n", name)
        told = a_story(rng, hero, name)
    else:
        name = rng.choice(NAMES)
        make = lambda: expand(rng, rng.choice(KINDS_OF_REQUEST).replace(", please", "") + " about $n").replace("$n", name)
        told = a_story(rng, None, name)
    text = draw(rng, make, held_out)
    return None if text is None else typed(rng, text, False), told, again, follow
