import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from outrider.decision.v1 import decision_pb2 as _decision_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CheckRequest(_message.Message):
    __slots__ = ("request",)
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    request: _decision_pb2.Request
    def __init__(self, request: _Optional[_Union[_decision_pb2.Request, _Mapping]] = ...) -> None: ...

class CheckResponse(_message.Message):
    __slots__ = ("verdict",)
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    verdict: _decision_pb2.Verdict
    def __init__(self, verdict: _Optional[_Union[_decision_pb2.Verdict, _Mapping]] = ...) -> None: ...

class DecideRequest(_message.Message):
    __slots__ = ("id", "request")
    ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    id: int
    request: _decision_pb2.Request
    def __init__(self, id: _Optional[int] = ..., request: _Optional[_Union[_decision_pb2.Request, _Mapping]] = ...) -> None: ...

class DecideResponse(_message.Message):
    __slots__ = ("id", "verdict")
    ID_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    id: int
    verdict: _decision_pb2.Verdict
    def __init__(self, id: _Optional[int] = ..., verdict: _Optional[_Union[_decision_pb2.Verdict, _Mapping]] = ...) -> None: ...

class ExchangeRequest(_message.Message):
    __slots__ = ("ask", "attempt", "whole", "deltas", "tools", "outcome", "traceparent", "tracestate", "timeout")
    ASK_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    WHOLE_FIELD_NUMBER: _ClassVar[int]
    DELTAS_FIELD_NUMBER: _ClassVar[int]
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    TRACESTATE_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    ask: _decision_pb2.Request
    attempt: _decision_pb2.Attempt
    whole: _decision_pb2.Body
    deltas: _decision_pb2.Deltas
    tools: _decision_pb2.ToolPage
    outcome: _decision_pb2.Outcome
    traceparent: str
    tracestate: str
    timeout: _duration_pb2.Duration
    def __init__(self, ask: _Optional[_Union[_decision_pb2.Request, _Mapping]] = ..., attempt: _Optional[_Union[_decision_pb2.Attempt, _Mapping]] = ..., whole: _Optional[_Union[_decision_pb2.Body, _Mapping]] = ..., deltas: _Optional[_Union[_decision_pb2.Deltas, _Mapping]] = ..., tools: _Optional[_Union[_decision_pb2.ToolPage, _Mapping]] = ..., outcome: _Optional[_Union[_decision_pb2.Outcome, _Mapping]] = ..., traceparent: _Optional[str] = ..., tracestate: _Optional[str] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ExchangeResponse(_message.Message):
    __slots__ = ("verdict", "grant", "ruling", "visible", "settled")
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    GRANT_FIELD_NUMBER: _ClassVar[int]
    RULING_FIELD_NUMBER: _ClassVar[int]
    VISIBLE_FIELD_NUMBER: _ClassVar[int]
    SETTLED_FIELD_NUMBER: _ClassVar[int]
    verdict: _decision_pb2.Verdict
    grant: _decision_pb2.Grant
    ruling: _decision_pb2.Ruling
    visible: _decision_pb2.Visibility
    settled: _decision_pb2.Settled
    def __init__(self, verdict: _Optional[_Union[_decision_pb2.Verdict, _Mapping]] = ..., grant: _Optional[_Union[_decision_pb2.Grant, _Mapping]] = ..., ruling: _Optional[_Union[_decision_pb2.Ruling, _Mapping]] = ..., visible: _Optional[_Union[_decision_pb2.Visibility, _Mapping]] = ..., settled: _Optional[_Union[_decision_pb2.Settled, _Mapping]] = ...) -> None: ...

class FilterToolsRequest(_message.Message):
    __slots__ = ("request", "tools")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    request: _decision_pb2.Request
    tools: _decision_pb2.ToolPage
    def __init__(self, request: _Optional[_Union[_decision_pb2.Request, _Mapping]] = ..., tools: _Optional[_Union[_decision_pb2.ToolPage, _Mapping]] = ...) -> None: ...

class FilterToolsResponse(_message.Message):
    __slots__ = ("visible",)
    VISIBLE_FIELD_NUMBER: _ClassVar[int]
    visible: _decision_pb2.Visibility
    def __init__(self, visible: _Optional[_Union[_decision_pb2.Visibility, _Mapping]] = ...) -> None: ...

class SettleRequest(_message.Message):
    __slots__ = ("outcome",)
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    outcome: _decision_pb2.Outcome
    def __init__(self, outcome: _Optional[_Union[_decision_pb2.Outcome, _Mapping]] = ...) -> None: ...

class SettleResponse(_message.Message):
    __slots__ = ("settled",)
    SETTLED_FIELD_NUMBER: _ClassVar[int]
    settled: _decision_pb2.Settled
    def __init__(self, settled: _Optional[_Union[_decision_pb2.Settled, _Mapping]] = ...) -> None: ...

class ExplainRequest(_message.Message):
    __slots__ = ("request",)
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    request: _decision_pb2.Request
    def __init__(self, request: _Optional[_Union[_decision_pb2.Request, _Mapping]] = ...) -> None: ...

class ExplainResponse(_message.Message):
    __slots__ = ("verdict", "rules", "smallest_change", "limits", "edits")
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    SMALLEST_CHANGE_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    EDITS_FIELD_NUMBER: _ClassVar[int]
    verdict: _decision_pb2.Verdict
    rules: _containers.RepeatedCompositeFieldContainer[RuleOutcome]
    smallest_change: str
    limits: _containers.RepeatedCompositeFieldContainer[_decision_pb2.LimitState]
    edits: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, verdict: _Optional[_Union[_decision_pb2.Verdict, _Mapping]] = ..., rules: _Optional[_Iterable[_Union[RuleOutcome, _Mapping]]] = ..., smallest_change: _Optional[str] = ..., limits: _Optional[_Iterable[_Union[_decision_pb2.LimitState, _Mapping]]] = ..., edits: _Optional[_Iterable[str]] = ...) -> None: ...

class RuleOutcome(_message.Message):
    __slots__ = ("policy", "rule", "file", "line", "outcome", "error", "values", "effect", "note", "version", "cluster", "observe", "decides", "condition")
    class ValuesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    POLICY_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_FIELD_NUMBER: _ClassVar[int]
    OBSERVE_FIELD_NUMBER: _ClassVar[int]
    DECIDES_FIELD_NUMBER: _ClassVar[int]
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    policy: str
    rule: str
    file: str
    line: int
    outcome: str
    error: str
    values: _containers.ScalarMap[str, str]
    effect: str
    note: str
    version: str
    cluster: bool
    observe: bool
    decides: bool
    condition: Condition
    def __init__(self, policy: _Optional[str] = ..., rule: _Optional[str] = ..., file: _Optional[str] = ..., line: _Optional[int] = ..., outcome: _Optional[str] = ..., error: _Optional[str] = ..., values: _Optional[_Mapping[str, str]] = ..., effect: _Optional[str] = ..., note: _Optional[str] = ..., version: _Optional[str] = ..., cluster: _Optional[bool] = ..., observe: _Optional[bool] = ..., decides: _Optional[bool] = ..., condition: _Optional[_Union[Condition, _Mapping]] = ...) -> None: ...

class Condition(_message.Message):
    __slots__ = ("operator", "text", "outcome", "error", "parts")
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    operator: str
    text: str
    outcome: str
    error: str
    parts: _containers.RepeatedCompositeFieldContainer[Condition]
    def __init__(self, operator: _Optional[str] = ..., text: _Optional[str] = ..., outcome: _Optional[str] = ..., error: _Optional[str] = ..., parts: _Optional[_Iterable[_Union[Condition, _Mapping]]] = ...) -> None: ...
