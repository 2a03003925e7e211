"""`/tasks`: single things to do, whether of a schedule or not."""

from fastapi import APIRouter, Response

from api_shim import answers
from api_shim.access import UserRoute
from api_shim.answers import TaskAnswer
from api_shim.bodies import NewTask, TaskChange
from api_shim.paging import Listing
from api_shim.shim import Name, ThePage, TheScope, TheShim
from store.reading import TASKS
from store.versions import TaskVersion
from taskbell.calendar import zones
from taskbell.resources import Task, TaskSpec

router = APIRouter(prefix="/api/{user_id}/tasks", tags=["tasks"], route_class=UserRoute)


@router.post("", status_code=201)
async def create_task(body: NewTask, scope: TheScope, shim: TheShim, response: Response) -> TaskAnswer:
    """A task of its own. What recurs is a schedule."""
    spec = _checked(body.spec(scope.user_id))
    task = await shim.writing.create(Task, scope, body.title, spec)
    response.headers["Location"] = f"{shim.root(scope)}/tasks/{task.metadata.name}"
    return answers.task(await shim.written_task(task, response))


@router.get("")
async def list_tasks(query: ThePage, scope: TheScope, shim: TheShim) -> Listing[TaskAnswer]:
    """The newest first, closed ones included."""
    return await shim.listing(TASKS, scope, query, answers.task)


@router.get("/{task_id}")
async def read_task(task_id: Name, scope: TheScope, shim: TheShim) -> TaskAnswer:
    known = await shim.known(TASKS, scope, task_id)
    return answers.task(known or TaskVersion.of_resource(await shim.writing.read(Task, scope, task_id)))


@router.patch("/{task_id}")
async def change_task(
    task_id: Name, body: TaskChange, scope: TheScope, shim: TheShim, response: Response
) -> TaskAnswer:
    """`{"state": "Completed"}` completes it, `{"state": "Open"}` takes that back."""
    now = shim.now()
    task = await shim.writing.change(Task, scope, task_id, lambda task: _checked(body.applied(task.spec, now)))
    return answers.task(await shim.written_task(task, response))


@router.delete("/{task_id}", status_code=204)
async def delete_task(task_id: Name, scope: TheScope, shim: TheShim, response: Response) -> None:
    """Deleting the open task of a schedule skips that occurrence."""
    await shim.deleted_task(await shim.writing.delete(Task, scope, task_id), response)


def _checked(spec: TaskSpec) -> TaskSpec:
    """Raises Rejected."""
    zones.zone(spec.time_zone)
    return spec
