"""Plays the MCP surface with the official Python SDK.

Reads from the environment where the road begins, whose bearer to show and
which tools to call; prints one JSON line per step with what the program saw.
It judges nothing: the Go test beside it does.
"""

import asyncio
import json
import os

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

URL = os.environ["OUTRIDER_URL"]
BEARER = os.environ["OUTRIDER_BEARER"]
MODE = os.environ["OUTRIDER_MCP_MODE"]  # auto: the newest protocol that both speak; legacy: the handshake
CALLS = json.loads(os.environ["OUTRIDER_CALLS"])  # [{"step", "tool", "arguments"}]


def show(step, **fields):
    print(json.dumps({"step": step, **fields}), flush=True)


def describe(error):
    if isinstance(error, ExceptionGroup):
        return describe(error.exceptions[0])
    if isinstance(error, MCPError):
        return {"class": "MCPError", "code": error.code, "message": error.message, "data": error.data}
    return {"class": type(error).__name__, "message": str(error)}


async def call(client, step, tool, arguments):
    try:
        result = await client.call_tool(tool, arguments)
    except MCPError as error:
        show(step, error=describe(error))
        return
    text = "".join(getattr(part, "text", "") for part in result.content)
    show(step, saw={"is_error": bool(result.is_error), "text": text})


async def list_tools(client):
    names, cursor = [], None
    while True:
        page = await client.list_tools(cursor=cursor)
        names += [tool.name for tool in page.tools]
        cursor = page.next_cursor
        if not cursor:
            return sorted(names)


async def play():
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {BEARER}"}, timeout=30) as http:
        async with Client(streamable_http_client(URL, http_client=http), mode=MODE) as client:
            show("initialize", saw={"protocol": client.protocol_version})
            show("list", saw={"tools": await list_tools(client)})
            for c in CALLS:
                await call(client, c["step"], c["tool"], c["arguments"])


try:
    asyncio.run(play())
except (MCPError, ExceptionGroup, httpx2.HTTPError) as error:
    show("failed", error=describe(error))
