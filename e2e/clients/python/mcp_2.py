"""The official Python client of today, mcp 2.x, in either era.

It has the tasks extension's hooks but not the extension: `Tasks` is what an application writes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

import httpx2
import mcp_types
from mcp import Client
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp.client.session import ClientRequestContext, ElicitationFnT
from mcp.client.streamable_http import streamable_http_client

from lines import Command, obey

HEADERS = {"Authorization": f"Bearer {os.environ['MCP_KEY']}"}
# `auto` asks with server/discover first; what came of it is told with the list.
MODE = "auto" if os.environ["MCP_ERA"] == "2026-07-28" else "legacy"


class Created(mcp_types.Result):
    """What a call that became a task is answered with."""

    result_type: Literal["task"] = "task"
    task_id: str
    status: str
    poll_interval_ms: int = 1000


class GetTaskParams(mcp_types.RequestParams):
    task_id: str


class GetTask(mcp_types.Request[GetTaskParams, Literal["tasks/get"]]):
    name_param = "taskId"
    method: Literal["tasks/get"] = "tasks/get"
    params: GetTaskParams


class Got(mcp_types.Result):
    """How a task stands."""

    status: str
    result: dict[str, Any] | None = None


class Tasks(ClientExtension):
    """Turns a task into the result of the call, and remembers the states it was in."""

    identifier = "io.modelcontextprotocol/tasks"

    def __init__(self) -> None:
        self.states: dict[str, list[str]] = {}

    def claims(self) -> Sequence[ResultClaim[Any]]:
        return [ResultClaim(result_type="task", model=Created, resolve=self.finished)]

    async def finished(self, created: Created, context: ClaimContext) -> mcp_types.CallToolResult:
        states = [created.status]
        while True:
            asked = GetTask(params=GetTaskParams(task_id=created.task_id))
            got = await context.session.send_request(asked, Got)
            states.append(got.status)
            if got.status == "completed" and got.result is not None:
                result = mcp_types.CallToolResult.model_validate(got.result, by_name=False)
                self.states[context.tool_name] = states
                return result
            if got.status not in ("working", "input_required"):
                raise RuntimeError(f"the task ended as {states}")
            await asyncio.sleep(created.poll_interval_ms / 1000)


@contextlib.asynccontextmanager
async def connect(command: Command) -> AsyncIterator[tuple[Client, Tasks]]:
    tasks = Tasks()
    async with (
        httpx2.AsyncClient(headers=HEADERS, timeout=300, trust_env=False) as http,
        Client(
            streamable_http_client(command["url"], http_client=http),
            mode=MODE,
            read_timeout_seconds=command["timeout"],
            client_info=mcp_types.Implementation(name=command["as"], version="1.0.0"),
            extensions=[tasks] if command.get("tasks") else [],
            elicitation_callback=filling(command["answers"]) if command.get("answers") else None,
        ) as client,
    ):
        yield client, tasks


def filling(answers: dict[str, Any]) -> ElicitationFnT:
    """What fills in each form that the client is asked to."""

    async def fill(_: ClientRequestContext, asked: mcp_types.ElicitRequestParams) -> mcp_types.ElicitResult:
        assert isinstance(asked, mcp_types.ElicitRequestFormParams)
        fields = asked.requested_schema["properties"]
        return mcp_types.ElicitResult(action="accept", content={field: answers[field] for field in fields})

    return fill


async def list_(connection: tuple[Client, Tasks], _: Command) -> Any:
    client, _tasks = connection
    tools = (await client.list_tools()).tools
    return {"tools": [wire(tool) for tool in tools], "version": client.protocol_version}


async def call(connection: tuple[Client, Tasks], command: Command) -> Any:
    client, _tasks = connection
    result = await client.call_tool(command["tool"], command["arguments"], read_timeout_seconds=command["timeout"])
    return {"result": wire(result), "progress": []}


async def task(connection: tuple[Client, Tasks], command: Command) -> Any:
    client, tasks = connection
    result = await client.call_tool(command["tool"], command["arguments"])
    if command["tool"] not in tasks.states:
        raise RuntimeError(f"the call was not answered with a task but with {wire(result)}")
    return {"states": tasks.states.pop(command["tool"]), "result": wire(result)}


def wire(model: Any) -> Any:
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


asyncio.run(obey(connect, {"list": list_, "call": call, "task": task}))
