"""What a person can do with their activities, and what happens in the background."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from threading import Barrier, Thread

import pytest
from flask import Flask
from sqlalchemy import event, func, select, update

from app.accounts import queries as accounts
from app.accounts import services as account_services
from app.activities import actors, queries, services
from app.activities.mets import Kind
from app.activities.models import Activity
from app.clock import now
from app.db import db, reading, transaction
from app.errors import Conflict, Invalid, NotFound
from jobs import Cancelled, Entry, GiveUp, engine_of
from tests.app.conftest import Clock

from .conftest import MORNING, ZONE, run

pytestmark = pytest.mark.usefixtures("inside")


def energy_of(activity_id: int) -> Decimal | None:
    with db.session() as session:
        return session.scalar(select(Activity.energy_kcal).where(Activity.id == activity_id))


def jobs_about(activity_id: int) -> list[str]:
    with db.session() as session:
        query = select(Entry.state).where(Entry.subject_id == activity_id).order_by(Entry.id)
        return list(session.scalars(query))


def count() -> int:
    with db.session() as session:
        return session.scalar(select(func.count()).select_from(Activity)) or 0


# -- logging ------------------------------------------------------------------------------------------------------


def test_a_logged_activity_keeps_what_was_written_down(ada_id: int) -> None:
    made = services.log_activity(ada_id, run(notes="Along the river"), zone=ZONE)
    found = queries.activity_of(ada_id, made.id)
    assert found.draft == run(notes="Along the river")
    assert (found.met, found.day, found.energy_kcal) == (Decimal(9), date(2026, 11, 20), None)


def test_a_logged_activity_brings_one_job(ada_id: int) -> None:
    made = services.log_activity(ada_id, run(), zone=ZONE)
    assert jobs_about(made.id) == ["ready"]


def test_on_postgresql_a_usual_activity_takes_no_transaction_of_several_statements(ada_id: int) -> None:
    if db.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no conversations to be saved")
    services.log_activity(ada_id, run(), zone=ZONE)
    begun: list[object] = []
    event.listen(db.engine, "begin", begun.append)
    usual = [services.log_activity(ada_id, run(), zone=ZONE, key=key) for key in (None, "key")]
    assert (len(begun), [jobs_about(one.id) for one in usual]) == (0, [["ready"], ["ready"]])
    again = services.log_activity(ada_id, run(), zone=ZONE, key="key")
    assert (again.id, again.is_new, len(begun)) == (usual[1].id, False, 1)
    heavier = services.log_activity(ada_id, run(weight_kg=Decimal(71)), zone=ZONE)
    assert (len(begun), jobs_about(heavier.id)) == (2, ["ready"])
    assert accounts.weight_on(ada_id, date(2026, 11, 20)) == Decimal(71)


def test_what_is_logged_inside_a_transaction_goes_with_it(ada_id: int) -> None:
    services.log_activity(ada_id, run(), zone=ZONE)
    with suppress(Cancelled), transaction():
        services.log_activity(ada_id, run(), zone=ZONE)
        raise Cancelled
    with db.session() as session:
        assert (count(), session.scalar(select(func.count()).select_from(Entry))) == (1, 1)


def test_the_day_is_that_of_the_persons_zone(ada_id: int) -> None:
    late = run(started_at=MORNING.replace(hour=23, minute=30, day=19))
    made = services.log_activity(ada_id, late, zone=ZONE)
    assert queries.activity_of(ada_id, made.id).day == date(2026, 11, 20)


def test_a_refused_draft_stores_nothing(ada_id: int) -> None:
    with pytest.raises(Invalid) as refused:
        services.log_activity(ada_id, run(duration=timedelta(0), weight_kg=Decimal(19)), zone=ZONE)
    assert refused.value.errors == {
        "duration_min": "Duration must be between 1 and 1440 minutes.",
        "weight_kg": "Weight must be between 20 and 500 kg.",
    }
    assert (count(), accounts.weight_on(ada_id, date(2026, 11, 20))) == (0, None)


@pytest.mark.parametrize(("minutes_ahead", "is_accepted"), [(4, True), (6, False)])
def test_a_start_may_be_five_minutes_ahead_at_most(
    ada_id: int, frozen_clock: Clock, minutes_ahead: int, is_accepted: bool
) -> None:
    draft = run(started_at=frozen_clock.now + timedelta(minutes=minutes_ahead))
    if is_accepted:
        assert services.log_activity(ada_id, draft, zone=ZONE).is_new
    else:
        with pytest.raises(Invalid, match="cannot begin in the future"):
            services.log_activity(ada_id, draft, zone=ZONE)


def test_no_start_means_now(ada_id: int, frozen_clock: Clock) -> None:
    made = services.log_activity(ada_id, run(started_at=None), zone=ZONE)
    assert queries.activity_of(ada_id, made.id).started_at == frozen_clock.now


# -- weight -------------------------------------------------------------------------------------------------------


def test_a_weight_is_asked_once(ada_id: int) -> None:
    services.log_activity(ada_id, run(weight_kg=Decimal("70.5")), zone=ZONE)
    made = services.log_activity(ada_id, run(weight_kg=None), zone=ZONE)
    assert queries.activity_of(ada_id, made.id).weight_kg == Decimal("70.50")


def test_without_a_known_weight_one_must_be_given(ada_id: int) -> None:
    with pytest.raises(Invalid) as refused:
        services.log_activity(ada_id, run(weight_kg=None), zone=ZONE)
    assert refused.value.errors == {"weight_kg": "Enter your weight: none is known for that day."}


def test_the_weight_is_that_of_the_day_not_of_today(ada_id: int) -> None:
    account_services.record_weight(ada_id, weight_kg=Decimal(80), on_day=date(2026, 1, 1))
    account_services.record_weight(ada_id, weight_kg=Decimal(70), on_day=date(2026, 11, 1))
    made = services.log_activity(ada_id, run(weight_kg=None, started_at=MORNING.replace(month=3)), zone=ZONE)
    assert queries.activity_of(ada_id, made.id).weight_kg == Decimal(80)


def test_the_known_weight_is_not_recorded_again(ada_id: int) -> None:
    account_services.record_weight(ada_id, weight_kg=Decimal(70), on_day=date(2026, 11, 1))
    services.log_activity(ada_id, run(), zone=ZONE)
    assert [(row.on_day, row.weight_kg) for row in accounts.weights_of(ada_id)] == [(date(2026, 11, 1), Decimal(70))]


@pytest.mark.parametrize(("weight_kg", "noted"), [(70, []), (75, [(date(2026, 11, 20), Decimal(75))])])
def test_an_edit_notes_a_weight_only_if_another_one_is_known(
    ada_id: int, weight_kg: int, noted: list[tuple[date, Decimal]]
) -> None:
    made = services.log_activity(ada_id, run(weight_kg=Decimal(80)), zone=ZONE)
    [noted_then] = accounts.weights_of(ada_id)
    account_services.forget_weight(ada_id, noted_then.id)
    account_services.record_weight(ada_id, weight_kg=Decimal(70), on_day=date(2026, 11, 1))
    services.change_activity(ada_id, made.id, {"weight_kg": Decimal(weight_kg)}, zone=ZONE)
    found = [(row.on_day, row.weight_kg) for row in accounts.weights_of(ada_id)]
    assert found == [*noted, (date(2026, 11, 1), Decimal(70))]


# -- sent twice ---------------------------------------------------------------------------------------------------


def test_the_same_key_and_draft_is_one_activity(ada_id: int) -> None:
    first = services.log_activity(ada_id, run(), zone=ZONE, key="k")
    again = services.log_activity(ada_id, run(), zone=ZONE, key="k")
    assert (again, count(), jobs_about(first.id)) == (services.Logged(first.id, is_new=False), 1, ["ready"])


def test_the_same_key_for_another_draft_is_a_conflict(ada_id: int) -> None:
    services.log_activity(ada_id, run(), zone=ZONE, key="k")
    with pytest.raises(Conflict):
        services.log_activity(ada_id, run(duration=timedelta(minutes=31)), zone=ZONE, key="k")
    assert count() == 1


def test_keys_of_different_people_do_not_meet(ada_id: int, cleo_id: int) -> None:
    services.log_activity(ada_id, run(), zone=ZONE, key="k")
    assert services.log_activity(cleo_id, run(), zone=ZONE, key="k").is_new


def four_at_once_make_one(inside: Flask, ada_id: int) -> None:
    gate, made = Barrier(4), []

    def send() -> None:
        with inside.app_context():
            gate.wait()
            made.append(services.log_activity(ada_id, run(), zone=ZONE, key="k"))

    threads = [Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.id for one in made}) == 1
    assert sorted(one.is_new for one in made) == [False, False, False, True]


def test_sent_at_the_same_moment_it_is_one_activity(inside: Flask, ada_id: int) -> None:
    services.log_activity(ada_id, run(), zone=ZONE)  # so that the weight is known and only the activity is contended
    four_at_once_make_one(inside, ada_id)
    assert count() == 2


def test_what_was_deleted_is_logged_anew_under_its_key(ada_id: int) -> None:
    first = services.log_activity(ada_id, run(), zone=ZONE, key="k")
    services.delete_activity(ada_id, first.id)
    anew = services.log_activity(ada_id, run(), zone=ZONE, key="k")
    assert (anew.is_new, anew.id != first.id, count(), jobs_about(anew.id)) == (True, True, 2, ["ready"])
    assert services.log_activity(ada_id, run(), zone=ZONE, key="k") == services.Logged(anew.id, is_new=False)


def test_made_anew_at_the_same_moment_it_is_one_activity(inside: Flask, ada_id: int) -> None:
    first = services.log_activity(ada_id, run(), zone=ZONE, key="k")
    services.delete_activity(ada_id, first.id)
    four_at_once_make_one(inside, ada_id)
    assert count() == 2


# -- many at once -------------------------------------------------------------------------------------------------


def test_a_batch_is_logged_in_order_with_a_job_each(ada_id: int) -> None:
    drafts = [run(duration=timedelta(minutes=minutes)) for minutes in (10, 20, 30)]
    made = services.log_activities(ada_id, drafts, zone=ZONE)
    found = [queries.activity_of(ada_id, one.id).duration for one in made]
    assert found == [draft.duration for draft in drafts]
    assert [jobs_about(one.id) for one in made] == [["ready"]] * 3


def test_one_wrong_draft_refuses_the_batch_and_is_named(ada_id: int) -> None:
    with pytest.raises(Invalid) as refused:
        services.log_activities(ada_id, [run(), run(duration=timedelta(0))], zone=ZONE)
    assert refused.value.errors == {"1.duration_min": "Duration must be between 1 and 1440 minutes."}
    assert (count(), accounts.weight_on(ada_id, date(2026, 11, 20))) == (0, None)


# -- counting -----------------------------------------------------------------------------------------------------


def test_counting_writes_the_energy(ada_id: int) -> None:
    made = services.log_activity(ada_id, run(), zone=ZONE)
    services.count_calories([made.id])
    assert energy_of(made.id) == Decimal("315.0")


def test_counting_twice_changes_nothing(ada_id: int) -> None:
    made = services.log_activity(ada_id, run(), zone=ZONE)
    services.count_calories([made.id])
    before = queries.activity_of(ada_id, made.id).changed_at
    services.count_calories([made.id])
    assert (energy_of(made.id), queries.activity_of(ada_id, made.id).changed_at) == (Decimal("315.0"), before)


def count_and_be_interrupted(activity_id: int) -> None:
    with transaction():
        services.count_calories([activity_id])
        raise KeyboardInterrupt


def test_interrupted_counting_leaves_nothing_and_is_done_again(ada_id: int) -> None:
    made = services.log_activity(ada_id, run(), zone=ZONE)
    with pytest.raises(KeyboardInterrupt):
        count_and_be_interrupted(made.id)
    assert energy_of(made.id) is None
    services.count_calories([made.id])
    assert energy_of(made.id) == Decimal("315.0")


def test_a_batch_of_ids_is_counted_whole(ada_id: int) -> None:
    kinds = [Kind.RUNNING, Kind.WALKING, Kind.CYCLING, Kind.SWIMMING, Kind.YOGA]
    made = services.log_activities(ada_id, [run(kind=kind) for kind in kinds], zone=ZONE)
    services.count_calories([one.id for one in made] + [999_999])
    assert [energy_of(one.id) for one in made] == [Decimal(text) for text in ("315", "122.5", "280", "227.5", "140")]


def test_what_cannot_be_counted_gives_up_and_keeps_the_rest_for_another_try(ada_id: int) -> None:
    good, bad = services.log_activities(ada_id, [run(), run()], zone=ZONE)
    with transaction() as session:
        session.execute(update(Activity).where(Activity.id == bad.id).values(met=0))
    with pytest.raises(GiveUp, match=r"It has no MET\."):
        services.count_calories([good.id, bad.id])
    assert (energy_of(good.id), energy_of(bad.id)) == (None, None)


def test_of_a_batch_with_a_guilty_one_only_that_one_fails(ada_id: int, run_jobs: Callable[[], None]) -> None:
    made = services.log_activities(ada_id, [run() for _ in range(9)], zone=ZONE)
    bad = made[4].id
    with transaction() as session:
        session.execute(update(Activity).where(Activity.id == bad).values(met=0))
    run_jobs()
    assert [energy_of(one.id) for one in made] == [None if one.id == bad else Decimal("315.0") for one in made]
    failed = queries.activity_of(ada_id, bad)
    assert (failed.uncountable_since is not None, failed.uncountable_reason) == (True, "It has no MET.")
    assert jobs_about(bad) == ["dead"]


def test_giving_up_does_not_touch_what_has_its_energy(ada_id: int) -> None:
    made = services.log_activity(ada_id, run(), zone=ZONE)
    services.count_calories([made.id])
    services.could_not_count(made.id, "It took too long.")
    assert queries.activity_of(ada_id, made.id).uncountable_since is None


def test_counting_waits_for_an_edit_that_is_under_way(inside: Flask, ada_id: int, database_kind: str) -> None:
    """The edit finds a job waiting and writes none; that job must not count what the edit is about to replace."""
    made = services.log_activity(ada_id, run(), zone=ZONE)

    def count_it() -> None:
        with inside.app_context():
            services.count_calories([made.id])

    with transaction():
        services.change_activity(ada_id, made.id, {"duration": timedelta(minutes=60)}, zone=ZONE)
        counting = Thread(target=count_it)
        counting.start()
        counting.join(0.3)
        assert counting.is_alive()
    counting.join()
    assert (jobs_about(made.id), energy_of(made.id)) == (["ready"], Decimal("630.0"))


# -- changing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "energy_kcal"),
    [
        ({"duration": timedelta(minutes=60)}, "630"),
        ({"kind": Kind.YOGA}, "140"),
        ({"weight_kg": Decimal(80)}, "360"),
    ],
)
def test_what_the_energy_depends_on_makes_it_count_again(
    ada_id: int, run_jobs: Callable[[], None], changes: dict[str, object], energy_kcal: str
) -> None:
    made = services.log_activity(ada_id, run(), zone=ZONE)
    run_jobs()
    services.change_activity(ada_id, made.id, changes, zone=ZONE)
    assert energy_of(made.id) is None
    run_jobs()
    assert (energy_of(made.id), jobs_about(made.id)) == (Decimal(energy_kcal), ["succeeded", "succeeded"])


def test_notes_and_start_do_not(ada_id: int, run_jobs: Callable[[], None]) -> None:
    made = services.log_activity(ada_id, run(), zone=ZONE)
    run_jobs()
    changes = {"notes": "Intervals", "started_at": MORNING - timedelta(days=1)}
    services.change_activity(ada_id, made.id, changes, zone=ZONE)
    found = queries.activity_of(ada_id, made.id)
    assert (found.notes, found.day, found.energy_kcal) == ("Intervals", date(2026, 11, 19), Decimal("315.0"))
    assert jobs_about(made.id) == ["succeeded"]


def test_a_wrong_change_changes_nothing(ada_id: int) -> None:
    made = services.log_activity(ada_id, run(), zone=ZONE)
    with pytest.raises(Invalid):
        services.change_activity(ada_id, made.id, {"notes": "new", "duration": timedelta(days=2)}, zone=ZONE)
    assert queries.activity_of(ada_id, made.id).draft == run()


def test_changes_in_finds_what_differs(ada_id: int) -> None:
    made = services.log_activity(ada_id, run(started_at=MORNING + timedelta(seconds=42)), zone=ZONE)
    before = queries.activity_of(ada_id, made.id)
    assert services.changes_in(before, run(notes="x")) == {"notes": "x"}
    earlier = replace(run(), started_at=MORNING - timedelta(minutes=1))
    assert services.changes_in(before, earlier) == {"started_at": MORNING - timedelta(minutes=1)}


def test_others_cannot_touch_it(ada_id: int, cleo_id: int) -> None:
    made = services.log_activity(ada_id, run(), zone=ZONE)
    for attempt in (
        lambda: services.change_activity(cleo_id, made.id, {"notes": "hers"}, zone=ZONE),
        lambda: services.delete_activity(cleo_id, made.id),
        lambda: services.restore_activity(cleo_id, made.id),
        lambda: services.recount_activity(cleo_id, made.id),
        lambda: queries.activity_of(cleo_id, made.id),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert queries.activity_of(ada_id, made.id).draft == run()


# -- the bin ------------------------------------------------------------------------------------------------------


def test_what_is_deleted_can_be_taken_back(ada_id: int) -> None:
    made = services.log_activity(ada_id, run(), zone=ZONE)
    services.delete_activity(ada_id, made.id)
    with pytest.raises(NotFound):
        queries.activity_of(ada_id, made.id)
    assert [one.id for one in queries.bin_of(ada_id)] == [made.id]
    services.restore_activity(ada_id, made.id)
    assert (queries.activity_of(ada_id, made.id).id, list(queries.bin_of(ada_id))) == (made.id, [])


def test_what_is_deleted_before_it_is_counted_comes_back_counted(ada_id: int, run_jobs: Callable[[], None]) -> None:
    made = services.log_activity(ada_id, run(), zone=ZONE)
    services.delete_activity(ada_id, made.id)
    run_jobs()
    services.restore_activity(ada_id, made.id)
    assert energy_of(made.id) == Decimal("315.0")


def test_the_bin_forgets_after_thirty_days(ada_id: int, frozen_clock: Clock) -> None:
    old, kept = services.log_activities(ada_id, [run(), run()], zone=ZONE)
    services.delete_activity(ada_id, old.id)
    frozen_clock.forward(timedelta(days=29))
    assert services.purge_deleted() == 0
    frozen_clock.forward(timedelta(days=1, seconds=1))
    assert (services.purge_deleted(), count()) == (1, 1)
    assert queries.activity_of(ada_id, kept.id).id == kept.id


# -- trying again -------------------------------------------------------------------------------------------------


def test_a_person_can_have_a_failed_one_tried_again(ada_id: int, run_jobs: Callable[[], None]) -> None:
    made = services.log_activity(ada_id, run(), zone=ZONE)
    with transaction() as session:
        session.execute(update(Activity).where(Activity.id == made.id).values(met=0))
    run_jobs()
    with transaction() as session:
        session.execute(update(Activity).where(Activity.id == made.id).values(met=9))
    services.recount_activity(ada_id, made.id)
    assert queries.activity_of(ada_id, made.id).is_waiting
    run_jobs()
    assert (energy_of(made.id), jobs_about(made.id)) == (Decimal("315.0"), ["dead", "succeeded"])


def test_trying_again_twice_is_one_job(ada_id: int) -> None:
    made = services.log_activity(ada_id, run(), zone=ZONE)
    services.recount_activity(ada_id, made.id)
    services.recount_activity(ada_id, made.id)
    assert jobs_about(made.id) == ["ready"]


def test_trying_again_leaves_a_counted_one_alone(ada_id: int, run_jobs: Callable[[], None]) -> None:
    made = services.log_activity(ada_id, run(), zone=ZONE)
    run_jobs()
    services.recount_activity(ada_id, made.id)
    assert (energy_of(made.id), jobs_about(made.id)) == (Decimal("315.0"), ["succeeded"])


def lose_jobs() -> None:
    with transaction() as session:
        session.execute(Entry.__table__.delete())  # type: ignore[attr-defined]


def test_the_search_finds_what_lost_its_job(ada_id: int, frozen_clock: Clock, run_jobs: Callable[[], None]) -> None:
    made = services.log_activity(ada_id, run(started_at=None), zone=ZONE)
    lose_jobs()
    frozen_clock.forward(timedelta(seconds=59))
    assert services.requeue_uncounted() == 0
    frozen_clock.forward(timedelta(seconds=2))
    assert (services.requeue_uncounted(), services.requeue_uncounted()) == (1, 0)
    run_jobs()
    assert energy_of(made.id) == Decimal("315.0")


def test_the_search_leaves_alone_what_has_a_job(ada_id: int, frozen_clock: Clock) -> None:
    made = services.log_activity(ada_id, run(started_at=None), zone=ZONE)
    frozen_clock.forward(timedelta(hours=1))
    assert (services.requeue_uncounted(), jobs_about(made.id)) == (0, ["ready"])


def test_the_search_leaves_the_bin_alone(ada_id: int, frozen_clock: Clock) -> None:
    made = services.log_activity(ada_id, run(started_at=None), zone=ZONE)
    lose_jobs()
    services.delete_activity(ada_id, made.id)
    frozen_clock.forward(timedelta(hours=1))
    assert services.requeue_uncounted() == 0


def test_the_search_takes_a_failed_one_up_three_times_and_no_more(
    ada_id: int, frozen_clock: Clock, run_jobs: Callable[[], None]
) -> None:
    made = services.log_activity(ada_id, run(started_at=None), zone=ZONE)
    with transaction() as session:
        session.execute(update(Activity).where(Activity.id == made.id).values(met=0))
    run_jobs()
    found = []
    for _ in range(5):
        frozen_clock.forward(timedelta(minutes=5))
        found.append(services.requeue_uncounted())
        run_jobs()
    assert found == [1, 1, 1, 0, 0]
    failed = queries.activity_of(ada_id, made.id)
    assert (failed.is_waiting, failed.recount_rounds) == (False, 3)
    assert jobs_about(made.id) == ["dead"] * 4


# -- demo ---------------------------------------------------------------------------------------------------------


def test_demo_data_is_counted_and_its_jobs_are_settled(ada_id: int) -> None:
    heard: list[int] = []
    services.fill_demo(ada_id, 40, on_progress=heard.append)
    items = queries.recent_of(ada_id, count=50)
    jobs = engine_of().latest_for("activity", [item.id for item in items])
    assert (len(items), sum(heard)) == (40, 40)
    assert {item.standing.word for item in items} == {"Calculated"}
    assert {(job.state, job.attempt) for job in jobs.values()} == {("succeeded", 1)}
    assert {job.kind for job in reading().scalars(select(Entry))} == {actors.count_calories.name}
    assert len(jobs) == 40


def test_demo_energies_are_those_of_the_formula(ada_id: int) -> None:
    services.fill_demo(ada_id, 5)
    with db.session() as session:
        rows = session.scalars(select(Activity)).all()
    assert len(rows) == 5
    assert all(
        row.energy_kcal == services.burned(row.met, weight_kg=row.weight_kg, duration=row.duration) for row in rows
    )


def test_demo_data_may_be_of_an_earlier_moment(ada_id: int) -> None:
    earlier = now() - timedelta(hours=1)
    services.fill_demo(ada_id, 5, at=earlier)
    logged = select(func.count()).where(Activity.created_at == earlier, Activity.counted_at == earlier)
    done = select(func.count()).where(Entry.created_at == earlier, Entry.finished_at < earlier + timedelta(seconds=1))
    assert (reading().scalar(logged), reading().scalar(done)) == (5, 5)


def test_demo_data_leaves_no_work_behind(ada_id: int, run_jobs: Callable[[], None]) -> None:
    services.fill_demo(ada_id, 10)
    before = reading().scalar(select(func.max(Activity.changed_at)))
    run_jobs()
    assert (reading().scalar(select(func.max(Activity.changed_at))), services.requeue_uncounted()) == (before, 0)
