"""What the model is taught is true of this program, whole, and held apart. Standard library only."""

import random
import re
import unittest
from pathlib import Path

import memory
import stories
import world
from evaluate_prompts import ask_all, read_prompts
from phrases import FLAG_QUESTIONS, expand, is_held_out, read_talk, typed

HERE = Path(__file__).resolve().parent
COMMAND_LINE = HERE.parents[1] / "docs/operating/cli.md"
SLOTS = ("$fakeflag", "$slash", "$feature", "$ns", "$n")


class Talk(unittest.TestCase):
    def setUp(self):
        self.gantry, self.itself = read_talk(HERE / "talk/gantry.txt"), read_talk(HERE / "talk/self.txt")

    def test_every_flag_it_explains_is_one_of_the_program(self):
        listed = set(re.findall(r"`(?:-\w`, `)?(--[a-z-]+)", COMMAND_LINE.read_text(encoding="utf-8")))
        flags = [m.flag for m in self.gantry if m.flag]
        self.assertGreater(len(flags), 25)
        for flag in flags:
            self.assertIn("--" + flag.lstrip("-"), listed)

    def test_flags_in_answers_are_flags_of_the_program(self):
        page = COMMAND_LINE.read_text(encoding="utf-8")
        for matter in self.gantry:
            for answer in matter.answers + [matter.more or ""]:
                for flag in re.findall(r"--[a-z][a-z-]+", answer):
                    self.assertIn(flag, page, matter.name)

    def test_numbers_in_answers_are_those_of_the_program(self):
        page = COMMAND_LINE.read_text(encoding="utf-8")
        self.assertRegex(page, r"`--port N`[^\n]*\| 8421 \|")
        self.assertRegex(page, r"`--drain TIME`[^\n]*\| 30 \|")

    def test_templates_expand_to_plain_words(self):
        rng = random.Random(1)
        for matter in self.gantry + self.itself:
            for question in matter.questions:
                for _ in range(4):
                    text = expand(rng, question)
                    for slot in SLOTS:
                        text = text.replace(slot, "thing")
                    self.assertNotRegex(text, r"[{}\[\]|$]", matter.name)
                    self.assertTrue(text)

    def test_training_never_asks_in_held_out_words(self):
        rng, asked = random.Random(2), 0
        for matter in self.gantry:
            for _ in range(30):
                question = expand(rng, rng.choice(matter.questions)) if matter.questions else rng.choice(FLAG_QUESTIONS)
                asked += is_held_out(question)
        self.assertGreater(asked, 50, "something is held out")
        plain = set()
        for matter in self.gantry:
            plain.update(expand(rng, q) for q in matter.questions)
        for _ in range(2000):
            matter = rng.choice(self.gantry)
            rough = matter.ask(rng, False)
            if rough is not None and rough[:-1].lower() in plain:
                self.assertFalse(is_held_out(rough[:-1].lower()), rough)


class World(unittest.TestCase):
    def test_sums_are_right(self):
        rng, checked = random.Random(3), 0
        for _ in range(1500):
            _, answer, _, _ = world.total(rng)
            if match := re.fullmatch(r"(\d+) (plus|minus|times) (\d+) is (\d+)\.", answer):
                a, b, result = int(match[1]), int(match[3]), int(match[4])
                self.assertEqual({"plus": a + b, "minus": a - b, "times": a * b}[match[2]], result)
                checked += 1
        self.assertGreater(checked, 1000)

    def test_unknown_lands_are_not_known(self):
        self.assertFalse(set(world.CAPITALS) & set(world.OTHER_LANDS))

    def test_opposites_go_both_ways(self):
        rng = random.Random(4)
        for _ in range(500):
            question, answer, _, _ = world.opposite(rng)
            if question:
                self.assertRegex(answer, r"^The opposite of [a-z]+ is [a-z]+\.$")


class Stories(unittest.TestCase):
    def test_no_slot_is_left_open(self):
        rng = random.Random(5)
        for hero in stories.HEROES:
            for _ in range(10):
                text = stories.a_story(rng, hero, "Pip")
                self.assertNotRegex(text, r"[{}\[\]|$]")
                self.assertIn(hero, text)
                self.assertIn("Pip", text)
                self.assertRegex(text, r"[.]$")

    def test_a_story_asked_about_someone_is_about_him(self):
        rng, met = random.Random(6), 0
        for _ in range(600):
            question, text, _, _ = stories.story(rng)
            for hero in stories.HEROES if question else ():
                if re.search(rf"\babout an? {hero}\b", question.lower()):
                    self.assertIn(hero, text)
                    met += 1
        self.assertGreater(met, 50)


class Memory(unittest.TestCase):
    def test_what_was_told_is_in_the_answer(self):
        rng = random.Random(7)
        for kind in memory.KINDS:
            for _ in range(60):
                words, reply, ask, answer = memory.told(rng, kind)
                self.assertNotIn("$", words + reply + answer)
                told = re.findall(r"[A-Z]?[\w]+", answer.removesuffix("."))[-1]
                if kind not in ("age",):
                    self.assertIn(told.lower(), words.lower())
                self.assertTrue(ask() is None or "$" not in ask())

    def test_typing_keeps_the_words(self):
        rng = random.Random(8)
        for _ in range(200):
            self.assertIn("gguf", typed(rng, "what is gguf").lower().replace("guff", "gguf"))


class Prompts(unittest.TestCase):
    def test_the_fixed_prompts_are_whole(self):
        conversations = read_prompts(HERE / "prompts.txt")
        self.assertGreater(len(conversations), 60)
        for _, turns in conversations:
            for question, wanted, _ in turns:
                self.assertTrue(question.strip())
                re.compile(wanted)

    def test_an_answer_is_judged_by_what_it_holds(self):
        prompts = [("a", [["Hi", "hello", None], ["Bye", "good", "bad"]])]
        answers = {"Hi": "Hello!", "Bye": "Good and bad."}
        results = ask_all(lambda messages: answers[messages[-1]["content"]], prompts)
        self.assertEqual([r["good"] for r in results], [True, False])


if __name__ == "__main__":
    unittest.main()
