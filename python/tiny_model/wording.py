"""Random names, commands and sentences, and ways to ask for each skill. Seeded by the caller."""

from __future__ import annotations

import random
import string

from .commands import commands
from .corpus import lines, words

extensions = "txt md py ts js json yaml toml sh c h rs go csv html css log cfg ini lock".split()
folders = "src docs test lib app notes data scripts config build tools examples out".split()
names = "README LICENSE Makefile main index app setup notes todo a b x test hello data info".split()
reads = """read {f}
Read {f}
read {f}
please read {f}
read the file {f}
read file {f}
show {f}
show me {f}
open {f}
can you read {f}?
could you read {f} please""".split("\n")
two_reads = """read {f} and {g}
Read {f} and {g}
read {f} and {g}
please read {f} and {g}
read {f} and {g} please
read both {f} and {g}
read the files {f} and {g}""".split("\n")
runs = """run: {c}
run: {c}
Run: {c}
run {c}
run the command: {c}
execute: {c}
please run: {c}""".split("\n")
writes = """write {f}: {t}
write {f}: {t}
Write {f}: {t}
please write {f}: {t}
write to {f}: {t}
write the file {f}: {t}""".split("\n")
lists = """list files
List files
list the files
list all files
please list files
list files please
ls
what files are here?
which files are there?
show files
show me the files""".split("\n")
lists_in = """list files in {d}
List files in {d}
list the files in {d}
what is in {d}?
show files in {d}""".split("\n")
greetings = """hi
Hi
hello
Hello
Hello!
hey
hi there
Hi!
Say hi
say hi
say hello
Say hello
good morning
hello there""".split("\n")
identities = """what are you?
who are you?
What are you?
Who are you?
what model are you?
which model is this?
what is this?
are you Claude?
tell me about yourself
who made you?""".split("\n")
abilities = """what can you do?
What can you do?
what can I ask you?
help
Help
how do I use you?
what do you know?
can you help me?""".split("\n")
thanks = "thanks|Thanks|thank you|Thank you!|thanks!|great, thanks|thx|perfect, thank you".split(
    "|"
)

verbs = """fix explain refactor improve test review debug optimise describe summarise translate
rewrite document analyse design implement add remove delete rename update change check
compare create build deploy install convert extend simplify find plan understand solve
calculate draw edit commit investigate profile port migrate clean format merge revert
audit speed""".split()
objects = """the login bug
this repository
the architecture of this repository
the tests
the code
the failing test
the main function
the database schema
all functions
my project
the parser
the API
the error handling
a unit test
a new feature
a web server
the build
the documentation
the git history
the performance
the last commit
the user interface
the configuration
a sorting algorithm
the types
the memory leak
a plan
dark mode
the dependencies
the button
the CSS
a poem
a regular expression""".split("\n")
asks = """what is {n}+{n}?
what is {n} times {n}?
how many files have I changed?
why does {f} fail?
what does {f} do?
how does {o} work?
where is {o}?
why is {o} so slow?
who wrote {o}?
tell me a joke
write a poem about {w}
write a function that sorts a list
what is the capital of {w}?
what time is it?
is {o} correct?
how do I {v} {o}?
can you {v} {o}?
could you please {v} {o}?
I want to {v} {o}
I need you to {v} {o} in {f}
please {v} {o}
please {v} {o} in {f}
{v} {o}
{v} {o} in {f}
{v} {o} and {v} {o}
{V} {o}
{V} {o} in {f}
{V} {f}
{v} {f}
{v} {w}
{w}
{w} {w} {w}
{w} {w} {w} {w} {w} {w}
read
run
write
list
read it again
run it again
do it
continue
yes
no
ok
why?
go on
what next?
and then?""".split("\n")


class Wording:
    """Everything random about what is said. The same generator state gives the same words."""

    def __init__(self, chance: random.Random, vocabulary: list[str]) -> None:
        self.chance = chance
        self._vocabulary = vocabulary

    def word(self) -> str:
        kind = self.chance.random()
        if kind < 0.5:
            return self.chance.choice(words())
        if kind < 0.75:
            return self.glued()
        letters = string.ascii_lowercase + (string.ascii_letters + string.digits)
        return "".join(self.chance.choices(letters, k=self.chance.randint(1, 10)))

    def glued(self) -> str:
        """Vocabulary entries glued together, so that every token is copied in training."""
        pieces = self.chance.choices(self._vocabulary, k=self.chance.randint(1, 5))
        return "".join("".join(pieces).split()) or "x"

    def file(self) -> str:
        stem = self.chance.choice(names) if self.chance.random() < 0.35 else self.word()
        if self.chance.random() < 0.15:
            stem += self.chance.choice("-_.") + self.word()
        path = f"{stem}.{self.chance.choice(extensions)}" if self.chance.random() < 0.9 else stem
        while self.chance.random() < 0.25:
            path = f"{self.folder()}/{path}"
        return path

    def folder(self) -> str:
        return self.chance.choice(folders) if self.chance.random() < 0.6 else self.word()

    def number(self) -> str:
        if self.chance.random() < 0.3:
            return self.chance.choice("123456789") + "0" * self.chance.randint(0, 4)
        return str(self.chance.randint(0, 10 ** self.chance.randint(1, 5)))

    def text(self) -> str:
        kind = self.chance.random()
        if kind < 0.35:
            return " ".join(self.word() for _ in range(self.chance.randint(1, 6)))
        if kind < 0.8:
            return self.chance.choice(lines())[:80].strip()
        return " ".join(self.chance.choices(words(), k=self.chance.randint(2, 8)))

    def command(self) -> str:
        return self.filled(self.chance.choice(commands))

    def ask(self) -> str:
        """Something that is none of the skills."""
        if self.chance.random() < 0.2:
            return self.chance.choice(lines())
        return self.filled(self.chance.choice(asks))

    def filled(self, pattern: str, **given: str) -> str:
        made = {
            "f": self.file,
            "d": self.folder,
            "w": self.word,
            "n": self.number,
            "t": self.text,
            "e": lambda: self.chance.choice(extensions),
            "v": lambda: self.chance.choice(verbs),
            "V": lambda: self.chance.choice(verbs).capitalize(),
            "o": lambda: self.chance.choice(objects),
        }
        parts = []
        for literal, field, _, _ in string.Formatter().parse(pattern):
            parts.append(literal)
            if field is not None:
                parts.append(given.get(field) or made[field]())
        return "".join(parts)
