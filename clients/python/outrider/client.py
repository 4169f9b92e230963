"""The client, and questions that programs ask often."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import grpc

from outrider.decision.v1 import decision_pb2 as pb
from outrider.decision.v1 import service_pb2, service_pb2_grpc

DEADLINE = 5.0  # seconds


def connect(target: str, credentials: grpc.ChannelCredentials | None = None, deadline: float = DEADLINE) -> "Client":
    """Connect to a decision service, such as unix:///run/outrider/pdp.sock or 127.0.0.1:9191.

    Without credentials the connection is plain, which is for a unix socket and for loopback.
    """
    channel = grpc.secure_channel(target, credentials) if credentials else grpc.insecure_channel(target)
    return Client(channel, deadline)


class Client:
    """Asks over one channel, which is meant to be kept for many questions."""

    def __init__(self, channel: grpc.Channel, deadline: float = DEADLINE):
        self._channel = channel
        self._deadline = deadline
        self._service = service_pb2_grpc.DecisionServiceStub(channel)

    def check(self, question: pb.Request) -> pb.Verdict:
        """Answer one question. Raises grpc.RpcError when nobody decided."""
        asked = service_pb2.CheckRequest(request=question)
        return self._service.Check(asked, timeout=self._deadline).verdict

    def visible(self, question: pb.Request, tools: Iterable[pb.Tool]) -> list[pb.Tool]:
        """Return those of the tools that the caller of the question may see."""
        listed = list(tools)
        asked = service_pb2.FilterToolsRequest(request=question, tools=pb.ToolPage(tools=listed))
        bitmap = self._service.FilterTools(asked, timeout=self._deadline).visible.bitmap
        return [t for i, t in enumerate(listed) if i // 8 < len(bitmap) and bitmap[i // 8] >> i % 8 & 1]

    def close(self) -> None:
        self._channel.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def allowed(verdict: pb.Verdict) -> bool:
    """Report whether the call may pass as it is.

    A verdict that would have it changed first is none for a program that forwards what it has.
    """
    return verdict.effect == pb.EFFECT_ALLOW


def tool_call(
    agent: str,
    server: str,
    tool: str,
    arguments: Mapping[str, Any],
    token: str = "",
    labels: Mapping[str, str] | None = None,
) -> pb.Request:
    """Ask about the call of an MCP tool."""
    return pb.Request(
        surface="mcp",
        method="tools/call",
        caller=_caller(agent, token, labels),
        tool=pb.Tool(server=server, name=tool, args=json.dumps(arguments).encode()),
    )


def chat(
    agent: str,
    model: str,
    messages: Sequence[Mapping[str, Any]],
    token: str = "",
    labels: Mapping[str, str] | None = None,
) -> pb.Request:
    """Ask about a chat completion, whose texts guards read."""
    raw = json.dumps({"model": model, "messages": list(messages)}).encode()
    return message(agent, "openai.chat", raw, token, labels)


def message(
    agent: str,
    dialect: str,
    raw: bytes,
    token: str = "",
    labels: Mapping[str, str] | None = None,
) -> pb.Request:
    """Ask about a body as it will be forwarded: openai.chat, openai.embeddings or mcp."""
    return pb.Request(
        surface="mcp" if dialect == "mcp" else "llm",
        caller=_caller(agent, token, labels),
        body=pb.Body(dialect=dialect, raw=raw),
    )


def _caller(agent: str, token: str, labels: Mapping[str, str] | None) -> pb.Caller:
    return pb.Caller(agent=agent, bearer=token.encode(), labels=dict(labels or {}))
