"""The endpoints of bulk operations and reruns alone; what is behind them is pretended."""

from collections.abc import Sequence
from typing import Any

import msgspec

from stepwell.api.cancellations import CancellationsApi
from stepwell.api.errors import ErrorAnswers
from stepwell.api.replays import ReplaysApi
from stepwell.api.reruns import RerunsApi
from stepwell.api.routing import router
from stepwell.api.services import ApiServices
from stepwell.core.function import FunctionIndex
from stepwell.core.identity import OperationId, RunId
from stepwell.core.operation import Operation
from stepwell.core.rerun import RerunRefused, StepChoice
from stepwell.engine.reruns import Rerun
from tests.unit.api.api_server import Answer, Api, Clock, Ulids, function

HELLO = function("hello")
OLD = msgspec.structs.replace(function("old"), archived=True)
ENDPOINT = msgspec.structs.replace(function("endpoint"), endpoint_method="GET")


class OperationsApi(Api):
    """Remembers what was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.backend.functions = FunctionIndex([HELLO, OLD, ENDPOINT])
        services = ApiServices(
            intake=self.backend,
            runs=self.backend,
            catalogue=self.backend,
            readers=self.backend,
            ids=Ulids(),
            clock=Clock(),
        )
        tables = [
            CancellationsApi(services, self).routes(),
            ReplaysApi(services, self).routes(),
            RerunsApi(services, self).routes(),
        ]
        self.app = ErrorAnswers(router(tables))
        self.known: list[Operation] = []
        self.has_room = True
        self.failure: Exception | None = None
        self.asked: list[tuple[RunId, StepChoice | None]] = []
        self.outcome: Rerun | RerunRefused | None = None

    async def operations(self) -> Sequence[Operation]:
        self._fail()
        return self.known

    async def create_operation(self, operation: Operation) -> bool:
        self._fail()
        if self.has_room:
            self.known.insert(0, operation)
        return self.has_room

    async def delete_operation(self, operation_id: OperationId) -> bool:
        self._fail()
        self.known = [operation for operation in self.known if operation.id != operation_id]
        return True

    async def rerun(
        self, run_id: RunId, from_step: StepChoice | None
    ) -> Rerun | RerunRefused | None:
        self._fail()
        self.asked.append((run_id, from_step))
        return self.outcome

    def post_json(self, target: str, value: Any) -> Answer:
        return self.post(target, msgspec.json.encode(value))

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure


def error(status: int, message: str) -> dict[str, Any]:
    """The body of an error answer."""
    return {"error": message, "data": None, "status": status}
