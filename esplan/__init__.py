"""Declarative plan and apply for the aliases and indices of an Elasticsearch cluster."""

__version__ = "0.1.0"
