"""A client driven by lines of JSON: see ../driver.mjs for what they say."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

Command = dict[str, Any]


async def obey(
    connect: Callable[[Command], contextlib.AbstractAsyncContextManager[Any]],
    verbs: dict[str, Callable[[Any, Command], Awaitable[Any]]],
) -> None:
    """Answers each command of standard input on standard output when it is done, in any order.

    `verbs` are `list`, `call` and `task`; each gets the connection and the command. There is one
    connection for each endpoint and name.
    """
    reader = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    opened: dict[tuple[Any, ...], asyncio.Future[Any]] = {}
    running: set[asyncio.Task[None]] = set()

    def connected(command: Command) -> asyncio.Future[Any]:
        name = (command["url"], command["as"], command.get("tasks"), json.dumps(command.get("answers")))
        if name not in opened:
            opened[name] = asyncio.get_running_loop().create_future()
            keep(hold_open(opened[name], command))
        return opened[name]

    async def hold_open(opening: asyncio.Future[Any], command: Command) -> None:
        # A connection has to be left by the task that entered it: this one, which stays.
        try:
            async with connect(command) as connection:
                opening.set_result(connection)
                await asyncio.Event().wait()
        except Exception as error:
            if opening.done():
                raise
            opening.set_exception(error)

    async def answer(command: Command) -> None:
        try:
            connection = await asyncio.shield(connected(command))
            outcome = {"value": await verbs[command["do"]](connection, command)}
        except Exception as error:
            outcome = {"error": described(error)}
        print(json.dumps({"id": command["id"], **outcome}), flush=True)

    def keep(work: Any) -> None:
        task = asyncio.create_task(work)
        running.add(task)
        task.add_done_callback(running.discard)

    while line := await reader.readline():
        keep(answer(json.loads(line)))


def described(error: BaseException) -> str:
    """An error in one line, with those that it groups."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(described(inner) for inner in error.exceptions)
    return f"{type(error).__name__}: {error}"
