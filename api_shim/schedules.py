"""`/schedules`: what recurs. A schedule makes tasks; `/tasks` shows them."""

from fastapi import APIRouter, Response

from api_shim import answers
from api_shim.access import UserRoute
from api_shim.answers import ScheduleAnswer
from api_shim.bodies import NewSchedule, ScheduleChange
from api_shim.paging import Listing
from api_shim.shim import Name, ThePage, TheScope, TheShim
from store.reading import SCHEDULES
from store.versions import ScheduleVersion
from taskbell.resources import TaskSchedule, TaskScheduleSpec

router = APIRouter(prefix="/api/{user_id}/schedules", tags=["schedules"], route_class=UserRoute)


@router.post("", status_code=201)
async def create_schedule(body: NewSchedule, scope: TheScope, shim: TheShim, response: Response) -> ScheduleAnswer:
    spec = _checked(body.spec(scope.user_id))
    schedule = await shim.writing.create(TaskSchedule, scope, body.title, spec)
    response.headers["Location"] = f"{shim.root(scope)}/schedules/{schedule.metadata.name}"
    return answers.schedule(await shim.written_schedule(schedule, response))


@router.get("")
async def list_schedules(query: ThePage, scope: TheScope, shim: TheShim) -> Listing[ScheduleAnswer]:
    """The newest first."""
    return await shim.listing(SCHEDULES, scope, query, answers.schedule)


@router.get("/{schedule_id}")
async def read_schedule(schedule_id: Name, scope: TheScope, shim: TheShim) -> ScheduleAnswer:
    known = await shim.known(SCHEDULES, scope, schedule_id)
    read = shim.writing.read
    return answers.schedule(known or ScheduleVersion.of_resource(await read(TaskSchedule, scope, schedule_id)))


@router.patch("/{schedule_id}")
async def change_schedule(
    schedule_id: Name, body: ScheduleChange, scope: TheScope, shim: TheShim, response: Response
) -> ScheduleAnswer:
    """`{"ends_at": "<now>"}` cancels all future occurrences, `{"ends_at": null}` takes that back."""
    schedule = await shim.writing.change(
        TaskSchedule, scope, schedule_id, lambda schedule: _checked(body.applied(schedule.spec))
    )
    return answers.schedule(await shim.written_schedule(schedule, response))


@router.delete("/{schedule_id}", status_code=204)
async def delete_schedule(schedule_id: Name, scope: TheScope, shim: TheShim, response: Response) -> None:
    """Its tasks go with it."""
    await shim.deleted_schedule(await shim.writing.delete(TaskSchedule, scope, schedule_id), response)


def _checked(spec: TaskScheduleSpec) -> TaskScheduleSpec:
    """Raises Rejected for an unknown zone and for what never occurs."""
    spec.series()
    return spec
