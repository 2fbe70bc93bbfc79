"""What the model does not know, and how it says so: facts, the present, tasks that are too hard, words without sense."""

import random

from phrases import ASKS, draw, expand, typed

FACT = "I do not know that. I am a very small model."
NOW = "I do not know. I cannot see the time, the weather or the news."
HARD = "I am too small for that. Give Gantry a bigger model."
SENSE = "I do not understand that. Could you say it in other words?"
ADVICE = "I do not know. Please ask someone who knows about such things."

PEOPLE = ("who {is|was} $p", "when was $p born", "where was $p born", "what did $p {do|write|discover|invent}", "tell me about $p",
          "when did $p die", "how old is $p", "{is|was} $p {still alive|famous|a good person}", "who was the {wife|father|son} of $p",
          "what do you {know|think} about $p", "what is $p known for", "did $p {win|lose} the war", "why is $p famous", "$p")
PLACES = ("where is $l", "how many people live in $l", "what is $l {famous for|known for}", "how {big|old|far} is $l", "tell me about $l",
          "who is the {king|president|mayor|leader} of $l", "what language do they speak in $l", "how do i get to $l",
          "what is the {history|population|currency|climate} of $l", "have you been to $l", "is $l {nice|beautiful|a country|far away}",
          "what can i {see|eat|do} in $l", "when was $l founded")
NOUNS = ("who invented the $n", "when was the first $n {made|built|sold}", "how do i {repair|build|make|cook|clean|draw} a $n", "how does a $n work",
         "what does a $n cost", "where can i buy a $n", "how {heavy|big|old|fast} is a $n", "why {is there|do we have} a $n", "what is a $n made of",
         "who has the {biggest|best} $n", "how many $ns are there [in the world]", "what is the {best|oldest|biggest} $n", "which $n is the best",
         "what is the history of the $n", "how is a $n made", "is a $n {dangerous|expensive|useful}", "tell me about the $n",
         "what do you know about $ns", "explain the $n", "what is the difference between a $n and a $m", "can a $n {fly|swim|speak}",
         "what is the {price|weight|age} of a $n", "do you like $ns", "why do $ns $v", "what is a $r", "what's a $r", "what does $r mean")
OTHER = ("who won the {world cup|war|election|match|game|race|prize} [in $y]", "what happened in $y", "who {wrote|painted|directed|composed} $t",
         "how many {stars|people|fish|languages|books|countries} are there", "what is the {tallest|longest|oldest|smallest|fastest} {mountain|river|building|car|tree|man}",
         "what is {quantum physics|relativity|gravity|photosynthesis|inflation|democracy|philosophy|dna|evolution}", "explain {gravity|relativity|evolution|the economy|black holes|electricity}",
         "how far is {the moon|mars|the sun|jupiter}", "how many planets are there", "who was the first {man on the moon|president|king|emperor}",
         "when did the {war|second world war|revolution|middle ages} {begin|end}", "what is the square root of $k", "how do airplanes fly",
         "how does {the internet|electricity|a vaccine|an engine|a phone} work", "what is the {speed of light|value of pi|atomic number of gold}",
         "who is the {richest man|president|king|pope|prime minister|best player} [in the world]", "what is the plot of $t", "is $t a good {book|film}",
         "{what|which} {film|book|song} should i {see|read|hear}", "what is the chemical formula of {salt|sugar|gold|alcohol}",
         "how do {birds|fish|trees|cars|computers|planes|magnets} work", "why do {people|cats|dogs|birds|we} {sleep|dream|cry|die|fight|yawn}",
         "what is the meaning of {$n|$r}", "who discovered {america|gold|the sea|radium|oxygen}", "what year did $p die",
         "how {do i|can i} {install|fix|update|use} {windows|my printer|a phone|photoshop|docker|python|excel}", "what is {docker|python|kubernetes|bitcoin|java|rust|photoshop}",
         "what is the {phone number|address|email} of $p", "how many {calories|vitamins} are in a $n", "where did i put my {keys|phone|glasses}",
         "what am i {thinking|doing|wearing}", "who am i {going to marry|in love with}")
PRESENT = ("{what is|what's} the {time|date|weather|news} [today|now]", "what time is it", "what day is {it|today}", "{what|which} year is {it|this}",
           "{will it|is it going to} {rain|snow} [today|tomorrow]", "how is the weather [today|in $l]", "what is the latest news", "what is the temperature {outside|in $l}",
           "is it {cold|warm|raining|sunny} {today|outside}", "what happened {today|yesterday|this week}", "who is {the president|the prime minister} now",
           "what is the price of {gold|oil|bitcoin} today", "what is the weather like [today|in $l]", "what is today's date", "any news [today]",
           "what is the weather {forecast|tomorrow}", "when does the {train|bus|shop} {leave|open|close}", "tell me the {time|date|weather|news}")
TASKS = ("write {an essay|a poem|a letter|an email|a song|a report|a speech|a novel} [about {$n|$ns|$l|$p}]", "summarise {this text|the book $t|an article}",
         "translate $t into $g", "make a {plan|list|table|recipe} for {a party|my week|$ns|dinner}", "give me a recipe for {soup|bread|$ns|cake}",
         "{solve|prove} {this equation|the theorem|my homework}", "help me with my {homework|essay|taxes|report|thesis|letter}", "write me a {poem|letter|song|cv}",
         "correct {my text|this sentence|my grammar}", "{plan|book} {a trip|a flight|a holiday} to $l", "write a {review|summary} of $t", "explain {$t|the bible} in detail",
         "invent a {game|language|name for my $n}", "compare {$n and $m|$p and $q}", "play {chess|a game} with me", "what is the integral of x", "draw a {map of $l|$n}")
ADVISE = ("should i {buy|sell} {a house|shares|a car|gold|bitcoin}", "should i {marry|leave} {him|her|my wife|my husband}", "how do i {get rich|lose weight|find love|find a job}",
          "is it {legal|safe|healthy} to {drink|smoke|eat meat|drive fast}", "how much {tax|rent} should i pay", "can i sue {my boss|my landlord}",
          "how do i {raise a child|invest money|write a will}", "what should i {wear|cook|eat|buy} [today|tonight]", "which {car|phone|house} should i buy")
TITLES = """Hamlet|Moby Dick|the Mona Lisa|War and Peace|the Odyssey|Faust|Dracula|Alice in Wonderland|the Iliad|Don Quixote|the Bible|Macbeth|Star Wars|
Titanic|Harry Potter|the Ninth Symphony|Frankenstein|The Night Watch|Robinson Crusoe|Treasure Island""".replace("\n", "").split("|")
VERBS = "sleep|run|burn|break|sing|grow|shine|move|fall|float|cost so much|exist".split("|")


class Unknown:
    def __init__(self, words):
        self.words = words  # prose.Words

    def _fill(self, rng, text):
        w = self.words
        for slot, source in (("$p", w.people), ("$q", w.people), ("$l", w.places), ("$n", w.nouns), ("$m", w.nouns), ("$r", w.rare),
                             ("$t", TITLES), ("$g", ("French", "German", "Latin", "Spanish", "Chinese")), ("$v", VERBS)):
            if slot in text:
                text = text.replace(slot, rng.choice(source))
        return text.replace("$y", str(rng.randint(1200, 2030))).replace("$k", str(rng.randint(2, 999)))

    def ask(self, rng, held_out=False):
        kind = rng.random()
        if kind < 0.05:
            return self.nonsense(rng), SENSE
        ways, answer = ((PEOPLE, FACT) if kind < 0.2 else (PLACES, FACT) if kind < 0.33 else (NOUNS, FACT) if kind < 0.52 else
                        (OTHER, FACT) if kind < 0.70 else (PRESENT, NOW) if kind < 0.83 else (TASKS, HARD) if kind < 0.95 else (ADVISE, ADVICE))
        make = lambda: self._fill(rng, expand(rng, rng.choice(ways)))
        text = draw(rng, make, held_out)
        return (None if text is None else typed(rng, text, bool(ASKS.match(text)))), answer

    def nonsense(self, rng):
        kind = rng.random()
        if kind < 0.6:
            words = ["".join(rng.choice("asdfghjklqwertyuiopzxcvbnm") for _ in range(rng.randint(3, 9))) for _ in range(rng.randint(1, 4))]
        elif kind < 0.8:
            words = rng.sample(self.words.nouns, rng.randint(3, 6))
        else:
            words = ["".join(rng.choice("?!.,#%&/0123456789") for _ in range(rng.randint(2, 6)))]
        return " ".join(words)


if __name__ == "__main__":
    from prose import Words
    rng, unknown = random.Random(0), None
    unknown = Unknown(Words())
    for _ in range(40):
        print(unknown.ask(rng))
