"""The command `edgewise`: each file parses one command, calls the library, and prints."""

from edgewise.cli._stop import main as main
