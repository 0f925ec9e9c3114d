"""Workflows: jobs that wait for each other, in the ledger."""
