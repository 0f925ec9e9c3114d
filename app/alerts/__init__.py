"""Telling the people who run this that something is wrong: once, and again when it goes on."""
