"""What the scripts of this folder share: where the tree is, and which of its files a file includes."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
INCLUDE = re.compile(r'^\s*(?:#|%:)\s*include\s*(?:"([^"]+)"|<([^>]+)>|(.*))')


def named_by(file):
    """(line, name) for each include as it is written."""
    text = COMMENT.sub(lambda comment: "\n" * comment.group().count("\n"), file.read_text(errors="replace"))
    for number, line in enumerate(text.splitlines(), 1):
        if found := INCLUDE.match(line):
            yield number, found.group(1) or found.group(2) or "the macro " + found.group(3)


def header_of(file, name):
    """The file of the tree that is included by this name; None: it is not of the tree."""
    for folder in (file.parent, ROOT):
        header = (folder / name).resolve()
        if header.is_file() and header.is_relative_to(ROOT):
            return header
    return None


def includes_of(file):
    """(line, header) for each include that is a file of the tree."""
    for number, name in named_by(file):
        if header := header_of(file, name):
            yield number, header


def read_by(file):
    """The file and all headers of the tree that it includes, directly or not."""
    known, waiting = {file}, [file]
    while waiting:
        for _, header in includes_of(waiting.pop()):
            if header not in known:
                known.add(header)
                waiting.append(header)
    return known
