"""The official Python client before its second major version: mcp 1.x."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import os
from collections.abc import AsyncIterator
from typing import Any

import httpx
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import Implementation

from lines import Command, obey

HEADERS = {"Authorization": f"Bearer {os.environ['MCP_KEY']}"}


@contextlib.asynccontextmanager
async def connect(command: Command) -> AsyncIterator[tuple[ClientSession, str | int]]:
    name = Implementation(name=command["as"], version="1.0.0")
    async with (
        httpx.AsyncClient(headers=HEADERS, timeout=300, trust_env=False) as http,
        streamable_http_client(command["url"], http_client=http) as (read, write, _),
        ClientSession(read, write, read_timeout_seconds=timeout(command), client_info=name) as session,
    ):
        yield session, (await session.initialize()).protocolVersion


async def list_(connection: tuple[ClientSession, str | int], _: Command) -> Any:
    session, version = connection
    tools = (await session.list_tools()).tools
    return {"tools": [wire(tool) for tool in tools], "version": version}


async def call(connection: tuple[ClientSession, str | int], command: Command) -> Any:
    session, _ = connection
    result = await session.call_tool(command["tool"], command["arguments"], read_timeout_seconds=timeout(command))
    return {"result": wire(result), "progress": []}


def timeout(command: Command) -> datetime.timedelta:
    return datetime.timedelta(seconds=command["timeout"])


def wire(model: Any) -> Any:
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


asyncio.run(obey(connect, {"list": list_, "call": call}))
