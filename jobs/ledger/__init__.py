"""The record: plain SQLAlchemy, no broker, no Flask."""
