"""What the scripts of this folder share: where the tree is, and which of its files a file includes."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
INCLUDE = re.compile(r'^\s*(?:/\*.*?\*/\s*)*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def includes_of(file):
    """(line, header) for each include that is a file of the tree."""
    for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
        found = INCLUDE.match(line)
        for folder in (file.parent, ROOT) if found else ():
            header = (folder / (found.group(1) or found.group(2))).resolve()
            if header.is_file() and header.is_relative_to(ROOT):
                yield number, header
                break


def read_by(file):
    """The file and all headers of the tree that it includes, directly or not."""
    known, waiting = {file}, [file]
    while waiting:
        for _, header in includes_of(waiting.pop()):
            if header not in known:
                known.add(header)
                waiting.append(header)
    return known
