"""Watching it: /healthz, /readyz, /metrics, /metrics-json/."""
