"""Asks whether an agent may refund: python example.py unix:///run/outrider/pdp.sock"""

import sys

import grpc

import outrider

with outrider.connect(sys.argv[1]) as pdp:
    for amount in (20, 2000):
        question = outrider.tool_call("shop-assistant", "payments", "create_refund", {"amount": amount})
        try:
            verdict = pdp.check(question)
        except grpc.RpcError as error:  # nobody decided, which is no permission
            sys.exit(f"no answer: {error.details()}")
        if outrider.allowed(verdict):
            print(f"{amount}: may pass")
        else:
            print(f"{amount}: {verdict.reason.code}: {verdict.reason.message}")
