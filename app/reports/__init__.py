"""Summaries built in the background and downloaded."""
