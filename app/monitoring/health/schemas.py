"""What the API tells of the system."""

from marshmallow import Schema, fields


class DatabaseOut(Schema):
    """The database."""

    kind = fields.String(required=True, metadata={"enum": ["sqlite", "postgresql"]})
    version = fields.String(required=True)


class AboutOut(Schema):
    """The system: what it is, on what it runs, and since when."""

    name = fields.String(required=True)
    description = fields.String(required=True)
    version = fields.String(required=True)
    environment = fields.String(required=True, allow_none=True)
    uptime_s = fields.Integer(required=True, metadata={"description": "Seconds since this process started."})
    time = fields.AwareDateTime(required=True)
    python = fields.String(required=True)
    platform = fields.String(required=True)
    database = fields.Nested(DatabaseOut, required=True)
    has_redis = fields.Boolean(required=True)
    sends_mail = fields.Boolean(required=True)
    queues = fields.List(fields.String(), required=True)
    kinds = fields.Integer(required=True, metadata={"description": "How many kinds of job there are."})
    workers = fields.Integer(required=True)
    schedulers = fields.Integer(required=True)
