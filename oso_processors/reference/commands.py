"""Reference of the command line: what `--help` says of each command."""

from __future__ import annotations

import click

from oso_processors.cli import COMMANDS, main

WIDTH = 100


def page() -> str:
    """Return the page."""
    root = click.Context(main, info_name="oso", terminal_width=WIDTH, **main.context_settings)
    parts = [_section("oso", main.get_help(root))]
    for name in COMMANDS:
        command = main.get_command(root, name)
        if command is not None:
            context = click.Context(command, info_name=name, parent=root, terminal_width=WIDTH)
            parts.append(_section(f"oso {name}", command.get_help(context)))
    return "# Commands\n\n" + "\n".join(parts)


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n```text\n{text}\n```\n"
