"""An open data warehouse for the impact of open source software."""

__version__ = "0.1.0"
