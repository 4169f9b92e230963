"""Asks Outrider's decision service whether a call of an agent may pass.

    import outrider

    with outrider.connect("unix:///run/outrider/pdp.sock") as pdp:
        verdict = pdp.check(outrider.tool_call("shop-assistant", "payments", "refund", {"amount": 20}))
        if not outrider.allowed(verdict):
            print(verdict.reason.code, verdict.reason.message)

Nothing is forwarded, and no credential comes back. When nobody decides, grpc.RpcError is raised: that is no
permission. The messages are those of outrider.decision.v1, generated from the contract.
"""

from outrider.client import Client, allowed, chat, connect, message, tool_call

__all__ = ["Client", "allowed", "chat", "connect", "message", "tool_call"]
