"""An agent: the official Python client, and what its answers have to look like."""

from __future__ import annotations

import asyncio
import contextlib
import unittest
from collections.abc import AsyncIterator
from typing import Any

import httpx
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent

from gateway import Gateway

APPROVAL_META = "dev.permesso/approval"


@contextlib.asynccontextmanager
async def connect(url: str, key: str) -> AsyncIterator[ClientSession]:
    """The official client, initialized. Whatever proxy the machine has is not asked."""
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        httpx.AsyncClient(headers=headers, timeout=60, trust_env=False) as http,
        streamable_http_client(url, http_client=http) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        yield session


def text_of(result: CallToolResult) -> str:
    """All text blocks, one after the other."""
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


class AgentCase(unittest.IsolatedAsyncioTestCase):
    """A test case with a gateway of its own."""

    gateway: Gateway

    @classmethod
    def setUpClass(cls) -> None:
        cls.gateway = Gateway()
        cls.addClassCleanup(cls.gateway.stop)

    async def asyncSetUp(self) -> None:
        # The administrator's calls block for as long as they like; unittest's debug mode complains.
        asyncio.get_running_loop().set_debug(False)

    def held(self, result: CallToolResult) -> dict[str, Any]:
        """Checks that a call is held; what the gateway says about it (approvals.md, 4)."""
        text = text_of(result)
        self.assertFalse(result.isError, text)
        self.assertTrue(text.startswith("NOT EXECUTED"), text)
        said = result.structuredContent
        self.assertIsNotNone(said)
        self.assertEqual((result.meta or {}).get(APPROVAL_META), said)
        self.assertEqual(said["status"], "pending")
        self.assertIs(said["executed"], False)
        self.assertIn(said["approval_id"], text)
        return said

    def refused(self, result: CallToolResult) -> str:
        """Checks that a result is the gateway's own refusal; its text."""
        self.assertTrue(result.isError, f"expected a refusal, got: {text_of(result)}")
        self.assertIsNone(result.structuredContent)
        return text_of(result)

    def ran(self, result: CallToolResult) -> CallToolResult:
        """Checks that a result is the upstream's, and no failure."""
        self.assertFalse(result.isError, text_of(result))
        self.assertFalse(text_of(result).startswith("NOT EXECUTED"), text_of(result))
        return result

    async def expect_status(self, session: ClientSession, approval: str, **expected: Any) -> dict[str, Any]:
        """Asks how an approval stands, and checks what is said."""
        result = await session.call_tool("approval_status", {"approval_id": approval, "wait_seconds": 0})
        self.assertFalse(result.isError, text_of(result))
        said = result.structuredContent
        self.assertIsNotNone(said)
        self.assertEqual({**said, **expected}, said)
        return said
