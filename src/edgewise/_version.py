"""The version, known to every floor."""

__version__ = "0.2.0"
