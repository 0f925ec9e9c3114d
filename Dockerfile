# One image for web, worker, scheduler and migrate; compose gives it four commands.
FROM python:3.11-slim-bookworm AS packages
WORKDIR /metronome
COPY requirements.txt ./
RUN python -m venv .venv && .venv/bin/pip install --no-cache-dir --disable-pip-version-check -r requirements.txt

FROM python:3.11-slim-bookworm
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# pg_dump and pg_restore, for flask backup and flask restore.
RUN apt-get update -q && apt-get install -q -y --no-install-recommends postgresql-client && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --user-group --home-dir /metronome --shell /usr/sbin/nologin metronome
WORKDIR /metronome
COPY --from=packages /metronome/.venv .venv
COPY . .
RUN python -m compileall -q app jobs && install -d -o metronome -g metronome -m 0700 var
USER 10001:10001
STOPSIGNAL SIGTERM
EXPOSE 8000 9101
CMD ["bin/web"]
