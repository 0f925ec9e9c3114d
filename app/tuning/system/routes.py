"""The system page: what runs here, on what, and set how."""

from flask import Blueprint, Response, flash, url_for

from app.monitoring import queries as monitoring
from app.security import admin_only, me, viewers
from app.tuning import queries as tuning
from app.units import size
from app.web import page_or_fragment, see_other, settings

from . import queries, services

bp = Blueprint("system", __name__)

PAGE = "tuning/system.html"


@bp.get("/ops/system")
@viewers
def index() -> Response:
    """What this installation is."""
    config = settings()
    free, total = queries.disk()
    return page_or_fragment(
        PAGE,
        PAGE,
        parts=monitoring.parts(),
        processes=queries.processes(),
        versions=list(queries.versions()),
        migrations=sorted(monitoring.newest_migrations()),
        sizes=list(queries.sizes()),
        free=free,
        total=total,
        size=size,
        kept=list(queries.kept()),
        switches=list(queries.switches()),
        redis_kind=queries.redis_kind(config),
        mail_kind=queries.mail_kind(config),
        settings=tuning.all_settings(),
        changed_here=tuning.CHANGED_HERE,
        announced=config.announcement,
        grafana_url=config.grafana_url,
    )


@bp.post("/ops/system/mail-tests")
@admin_only
def test_mail() -> Response:
    """Send a test mail to whoever asks, and say what happened."""
    went, words = services.send_test_mail(me())
    flash(words, "success" if went else "problem")
    return see_other(url_for(".index", _anchor="mail"))
