"""A published MCP server as a child process: a file appears only after approval and a second call."""

import os
import pathlib
import shutil
import unittest

from agent import AgentCase, connect, text_of
from gateway import E2E

SERVER = E2E / "node_modules/@modelcontextprotocol/server-filesystem/dist/index.js"


class ThePythonClientWritesAFile(AgentCase):
    folder: pathlib.Path

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        gateway = cls.gateway
        cls.folder = gateway.home / "files"
        cls.folder.mkdir()
        config = {
            "command": shutil.which("node"),
            "args": [str(SERVER), str(cls.folder)],
            "env": {"PATH": os.environ["PATH"]},
        }
        gateway.acme("POST", "/connections", {"slug": "files", "kind": "stdio", "config": config})
        gateway.acme("POST", "/connections/files/refresh")
        gateway.acme("POST", "/toolkits", {"slug": "files", "name": "Files", "visibility": "private"})
        everything = {"connection": "files", "tools": "all", "permission": "needs_approval"}
        gateway.acme("POST", "/toolkits/files/tools", everything)
        reading = {"connection": "files", "tool": "read_text_file", "permission": "always_allow"}
        gateway.acme("PUT", "/toolkits/files/tools/read_text_file", reading)

    async def test_writes_only_what_was_approved_and_reads_it_back(self) -> None:
        path = self.folder / "hello.txt"
        file = {"path": str(path), "content": "one line, då\nand another ☕\n"}
        async with connect(self.gateway.toolkit("files"), self.gateway.agent_key) as session:
            approval = self.held(await session.call_tool("write_file", file))["approval_id"]
            self.assertFalse(path.exists(), "nothing is written before a person decided")
            self.gateway.approve(approval)
            self.assertFalse(path.exists(), "an approval waits for the agent")
            self.ran(await session.call_tool("write_file", dict(reversed(file.items()))))
            self.assertEqual(path.read_text(), file["content"])
            read = self.ran(await session.call_tool("read_text_file", {"path": str(path)}))
            self.assertEqual(text_of(read), file["content"])

    async def test_writes_nothing_that_was_rejected(self) -> None:
        path = self.folder / "secret.txt"
        file = {"path": str(path), "content": "no"}
        async with connect(self.gateway.toolkit("files"), self.gateway.agent_key) as session:
            approval = self.held(await session.call_tool("write_file", file))["approval_id"]
            self.gateway.reject(approval, "keep it to yourself")
            self.assertIn("keep it to yourself", self.refused(await session.call_tool("write_file", file)))
        self.assertFalse(path.exists())


if __name__ == "__main__":
    unittest.main()
