"""
English around the user's words, from what every Python carries: its help topics and docstrings.
The model has to learn to look past it, so its content does not matter.
"""

from __future__ import annotations

import importlib
import re
from functools import cache
from pydoc_data.topics import topics

modules = """argparse ast asyncio base64 bisect calendar codecs collections configparser contextlib
copy csv dataclasses datetime decimal difflib email enum fractions functools getpass glob gzip
hashlib heapq html http imaplib inspect io ipaddress itertools json logging mailbox math mimetypes
operator os pathlib pickle platform plistlib pprint queue random re sched secrets shelve shlex
shutil smtplib socket sqlite3 ssl statistics string subprocess tarfile tempfile textwrap threading
time timeit tkinter tokenize traceback types typing unicodedata unittest urllib uuid warnings
weakref xml zipfile""".split()


@cache
def paragraphs() -> tuple[str, ...]:
    """Paragraphs of 40 to 600 characters, in a fixed order."""
    texts = [topics[name] for name in sorted(topics)]
    for name in modules:
        module = importlib.import_module(name)
        members = (getattr(module, member, None) for member in sorted(dir(module)))
        texts += [text for text in (getattr(member, "__doc__", None) for member in members) if text]
    split = (part.strip() for text in texts for part in re.split(r"\n\s*\n", str(text)))
    return tuple(dict.fromkeys(part for part in split if 40 <= len(part) <= 600))


@cache
def lines() -> tuple[str, ...]:
    """Single lines of 10 to 110 characters: file contents and output."""
    found = (line.strip() for text in paragraphs() for line in text.splitlines())
    return tuple(dict.fromkeys(line for line in found if 10 <= len(line) <= 110))


@cache
def words() -> tuple[str, ...]:
    found = re.findall(r"\b[a-z]{3,12}\b", " ".join(paragraphs()))
    return tuple(sorted(set(found)))
