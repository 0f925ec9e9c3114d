"""What the API tells of the installation."""

from marshmallow import Schema, fields


class SizeOut(Schema):
    """How much room something takes."""

    what = fields.String(required=True)
    bytes = fields.Integer(required=True)
    where = fields.String(required=True)


class ProcessOut(Schema):
    """A process that lives."""

    name = fields.String(required=True)
    role = fields.String(required=True)
    version = fields.String(required=True)


class DiskOut(Schema):
    """The disk that DATA_DIR is on."""

    free_bytes = fields.Integer(required=True)
    total_bytes = fields.Integer(required=True)


class SystemOut(Schema):
    """What runs here, on what."""

    versions = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    processes = fields.List(fields.Nested(ProcessOut), required=True)
    migrations = fields.List(fields.String(), required=True)
    sizes = fields.List(fields.Nested(SizeOut), required=True)
    disk = fields.Nested(DiskOut, required=True)
    kept = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    switches = fields.Dict(keys=fields.String(), values=fields.Boolean(), required=True)
    redis = fields.String(required=True)
    mail = fields.String(required=True)


class MailTestOut(Schema):
    """Whether a test mail went, and what happened."""

    went = fields.Boolean(required=True)
    told = fields.String(required=True)
