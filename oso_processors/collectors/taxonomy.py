"""The language of Open Dev Data's migrations, replayed: ecosystems, what they hold, and their repositories.

One command a line; words with spaces stand in quotes, and tags begin with `#`. What cannot be carried
out is told and passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

TOKEN = re.compile(r'"([^"]*)"|(\S+)')
Branch = tuple[str, ...]


class Impossible(Exception):
    """A command cannot be carried out."""


@dataclass
class Taxonomy:
    """Ecosystems as they are after the commands so far; dicts, since they keep the order."""

    children: dict[str, dict[str, None]] = field(default_factory=dict)
    repositories: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def replay(self, line: str) -> None:
        """Carry out one line; raise `Impossible`."""
        command, *words = (
            line.split() if '"' not in line else [m[1] or m[2] or "" for m in TOKEN.finditer(line)]
        )
        if command == "repadd" and len(words) > 2:
            words[2:] = [" ".join(words[2:])]
        carry_out, fewest, most = COMMANDS.get(command, (None, 0, 0))
        if carry_out is None:
            raise Impossible(f"{command!r} is no command that we know")
        if not fewest <= len(words) <= most:
            raise Impossible(f"{command} has {len(words)} words")
        carry_out(self, *words)

    def branches(self, ecosystem: str) -> Iterator[Branch]:
        """Yield the way from an ecosystem to each that it holds, beginning with itself."""
        ahead: list[Branch] = [(ecosystem,)]
        while ahead:
            branch = ahead.pop()
            yield branch
            # One that holds itself in the end is followed once.
            ahead += [(*branch, each) for each in self.children[branch[-1]] if each not in branch]

    def add(self, name: str) -> None:
        """Add an ecosystem; one that is there stays as it is."""
        self.children.setdefault(name, {})
        self.repositories.setdefault(name, {})

    def connect(self, parent: str, child: str) -> None:
        """Put one ecosystem into another."""
        self._require(parent, child)
        self.children[parent][child] = None

    def disconnect(self, parent: str, child: str) -> None:
        """Take one ecosystem out of another."""
        self._require(parent, child)
        if child not in self.children[parent]:
            raise Impossible(f"{child!r} is not in {parent!r}")
        del self.children[parent][child]

    def rename(self, old: str, new: str) -> None:
        """Give an ecosystem another name."""
        self._require(old)
        if new in self.children:
            raise Impossible(f"there is an ecosystem {new!r} already")
        self.children[new] = self.children.pop(old)
        self.repositories[new] = self.repositories.pop(old)
        for parent, children in self.children.items():
            if old in children:
                renamed = dict.fromkeys(new if each == old else each for each in children)
                self.children[parent] = renamed

    def remove(self, name: str) -> None:
        """Take an ecosystem away, and out of those that hold it."""
        self._require(name)
        del self.children[name], self.repositories[name]
        for children in self.children.values():
            children.pop(name, None)

    def add_repository(self, ecosystem: str, url: str, tags: str = "") -> None:
        """Put a repository into an ecosystem, with its tags."""
        self._require(ecosystem)
        self.repositories[ecosystem][url] = [each.lstrip("#") for each in tags.split()]

    def remove_repository(self, ecosystem: str, url: str) -> None:
        """Take a repository out of an ecosystem."""
        self._require(ecosystem)
        if url not in self.repositories[ecosystem]:
            raise Impossible(f"{url!r} is not in {ecosystem!r}")
        del self.repositories[ecosystem][url]

    def rename_repository(self, old: str, new: str) -> None:
        """Give a repository another address wherever it is."""
        holding = [each for each in self.repositories.values() if old in each]
        if not holding:
            raise Impossible(f"{old!r} is in no ecosystem")
        for listed in holding:
            tags = listed.pop(old)
            listed.setdefault(new, tags)

    def _require(self, *names: str) -> None:
        for name in names:
            if name not in self.children:
                raise Impossible(f"there is no ecosystem {name!r}")


COMMANDS: dict[str, tuple[Callable[..., None], int, int]] = {
    "ecoadd": (Taxonomy.add, 1, 1),
    "ecocon": (Taxonomy.connect, 2, 2),
    "ecodis": (Taxonomy.disconnect, 2, 2),
    "ecomov": (Taxonomy.rename, 2, 2),
    "ecorem": (Taxonomy.remove, 1, 1),
    "repadd": (Taxonomy.add_repository, 2, 3),
    "repmov": (Taxonomy.rename_repository, 2, 2),
    "reprem": (Taxonomy.remove_repository, 2, 2),
}


def lines(content: bytes) -> Iterator[tuple[int, str]]:
    """Yield the commands of a migration with their lines; comments are left out."""
    for number, line in enumerate(content.decode(errors="replace").splitlines(), 1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield number, stripped


__all__: Sequence[str] = ("Impossible", "Taxonomy", "lines")
