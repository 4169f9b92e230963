import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Effect(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EFFECT_UNSPECIFIED: _ClassVar[Effect]
    EFFECT_ALLOW: _ClassVar[Effect]
    EFFECT_DENY: _ClassVar[Effect]
    EFFECT_MUTATE: _ClassVar[Effect]
EFFECT_UNSPECIFIED: Effect
EFFECT_ALLOW: Effect
EFFECT_DENY: Effect
EFFECT_MUTATE: Effect

class Request(_message.Message):
    __slots__ = ("exchange_id", "surface", "method", "caller", "face", "http", "body", "tool", "llm", "server", "resource", "prompt", "session", "source", "timeout", "target", "unseen")
    EXCHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    SURFACE_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    FACE_FIELD_NUMBER: _ClassVar[int]
    HTTP_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    TOOL_FIELD_NUMBER: _ClassVar[int]
    LLM_FIELD_NUMBER: _ClassVar[int]
    SERVER_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    UNSEEN_FIELD_NUMBER: _ClassVar[int]
    exchange_id: str
    surface: str
    method: str
    caller: Caller
    face: Face
    http: HTTPRequest
    body: Body
    tool: Tool
    llm: LLMCall
    server: str
    resource: str
    prompt: str
    session: str
    source: str
    timeout: _duration_pb2.Duration
    target: str
    unseen: bool
    def __init__(self, exchange_id: _Optional[str] = ..., surface: _Optional[str] = ..., method: _Optional[str] = ..., caller: _Optional[_Union[Caller, _Mapping]] = ..., face: _Optional[_Union[Face, _Mapping]] = ..., http: _Optional[_Union[HTTPRequest, _Mapping]] = ..., body: _Optional[_Union[Body, _Mapping]] = ..., tool: _Optional[_Union[Tool, _Mapping]] = ..., llm: _Optional[_Union[LLMCall, _Mapping]] = ..., server: _Optional[str] = ..., resource: _Optional[str] = ..., prompt: _Optional[str] = ..., session: _Optional[str] = ..., source: _Optional[str] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., target: _Optional[str] = ..., unseen: _Optional[bool] = ...) -> None: ...

class Caller(_message.Message):
    __slots__ = ("agent", "namespace", "service_account", "labels", "bearer", "shared", "identity", "subject")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    AGENT_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    SERVICE_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    BEARER_FIELD_NUMBER: _ClassVar[int]
    SHARED_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    agent: str
    namespace: str
    service_account: str
    labels: _containers.ScalarMap[str, str]
    bearer: bytes
    shared: bool
    identity: str
    subject: str
    def __init__(self, agent: _Optional[str] = ..., namespace: _Optional[str] = ..., service_account: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., bearer: _Optional[bytes] = ..., shared: _Optional[bool] = ..., identity: _Optional[str] = ..., subject: _Optional[str] = ...) -> None: ...

class Face(_message.Message):
    __slots__ = ("edits", "responses", "streams", "settles", "headers", "forwards")
    EDITS_FIELD_NUMBER: _ClassVar[int]
    RESPONSES_FIELD_NUMBER: _ClassVar[int]
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    SETTLES_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    FORWARDS_FIELD_NUMBER: _ClassVar[int]
    edits: bool
    responses: bool
    streams: bool
    settles: bool
    headers: bool
    forwards: bool
    def __init__(self, edits: _Optional[bool] = ..., responses: _Optional[bool] = ..., streams: _Optional[bool] = ..., settles: _Optional[bool] = ..., headers: _Optional[bool] = ..., forwards: _Optional[bool] = ...) -> None: ...

class HTTPRequest(_message.Message):
    __slots__ = ("method", "path", "headers")
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    METHOD_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    method: str
    path: str
    headers: _containers.ScalarMap[str, str]
    def __init__(self, method: _Optional[str] = ..., path: _Optional[str] = ..., headers: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Body(_message.Message):
    __slots__ = ("dialect", "raw", "segments")
    DIALECT_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    dialect: str
    raw: bytes
    segments: _containers.RepeatedCompositeFieldContainer[Segment]
    def __init__(self, dialect: _Optional[str] = ..., raw: _Optional[bytes] = ..., segments: _Optional[_Iterable[_Union[Segment, _Mapping]]] = ...) -> None: ...

class Segment(_message.Message):
    __slots__ = ("id", "kind", "origin", "start", "end", "text")
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    id: int
    kind: str
    origin: str
    start: int
    end: int
    text: str
    def __init__(self, id: _Optional[int] = ..., kind: _Optional[str] = ..., origin: _Optional[str] = ..., start: _Optional[int] = ..., end: _Optional[int] = ..., text: _Optional[str] = ...) -> None: ...

class Tool(_message.Message):
    __slots__ = ("server", "name", "exposed", "args_start", "args_end", "args", "definition")
    SERVER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    EXPOSED_FIELD_NUMBER: _ClassVar[int]
    ARGS_START_FIELD_NUMBER: _ClassVar[int]
    ARGS_END_FIELD_NUMBER: _ClassVar[int]
    ARGS_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    server: str
    name: str
    exposed: str
    args_start: int
    args_end: int
    args: bytes
    definition: bytes
    def __init__(self, server: _Optional[str] = ..., name: _Optional[str] = ..., exposed: _Optional[str] = ..., args_start: _Optional[int] = ..., args_end: _Optional[int] = ..., args: _Optional[bytes] = ..., definition: _Optional[bytes] = ...) -> None: ...

class LLMCall(_message.Message):
    __slots__ = ("model", "stream", "max_tokens")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    MAX_TOKENS_FIELD_NUMBER: _ClassVar[int]
    model: str
    stream: bool
    max_tokens: int
    def __init__(self, model: _Optional[str] = ..., stream: _Optional[bool] = ..., max_tokens: _Optional[int] = ...) -> None: ...

class Verdict(_message.Message):
    __slots__ = ("id", "effect", "reason", "splices", "headers", "grants", "findings", "settlement", "duty", "lifeboat", "policy", "version", "subject", "limits")
    ID_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SPLICES_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    GRANTS_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    SETTLEMENT_FIELD_NUMBER: _ClassVar[int]
    DUTY_FIELD_NUMBER: _ClassVar[int]
    LIFEBOAT_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    id: str
    effect: Effect
    reason: Reason
    splices: _containers.RepeatedCompositeFieldContainer[Splice]
    headers: _containers.RepeatedCompositeFieldContainer[HeaderOp]
    grants: _containers.RepeatedCompositeFieldContainer[Grant]
    findings: _containers.RepeatedCompositeFieldContainer[Finding]
    settlement: bytes
    duty: Duty
    lifeboat: Lifeboat
    policy: str
    version: str
    subject: str
    limits: _containers.RepeatedCompositeFieldContainer[LimitState]
    def __init__(self, id: _Optional[str] = ..., effect: _Optional[_Union[Effect, str]] = ..., reason: _Optional[_Union[Reason, _Mapping]] = ..., splices: _Optional[_Iterable[_Union[Splice, _Mapping]]] = ..., headers: _Optional[_Iterable[_Union[HeaderOp, _Mapping]]] = ..., grants: _Optional[_Iterable[_Union[Grant, _Mapping]]] = ..., findings: _Optional[_Iterable[_Union[Finding, _Mapping]]] = ..., settlement: _Optional[bytes] = ..., duty: _Optional[_Union[Duty, _Mapping]] = ..., lifeboat: _Optional[_Union[Lifeboat, _Mapping]] = ..., policy: _Optional[str] = ..., version: _Optional[str] = ..., subject: _Optional[str] = ..., limits: _Optional[_Iterable[_Union[LimitState, _Mapping]]] = ...) -> None: ...

class Reason(_message.Message):
    __slots__ = ("code", "message", "rule", "needed_scopes", "retry_after", "hidden")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    NEEDED_SCOPES_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    rule: str
    needed_scopes: _containers.RepeatedScalarFieldContainer[str]
    retry_after: _duration_pb2.Duration
    hidden: bool
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., rule: _Optional[str] = ..., needed_scopes: _Optional[_Iterable[str]] = ..., retry_after: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., hidden: _Optional[bool] = ...) -> None: ...

class Splice(_message.Message):
    __slots__ = ("start", "end", "index")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    WITH_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    start: int
    end: int
    index: int
    def __init__(self, start: _Optional[int] = ..., end: _Optional[int] = ..., index: _Optional[int] = ..., **kwargs) -> None: ...

class HeaderOp(_message.Message):
    __slots__ = ("name", "value", "remove")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    REMOVE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    remove: bool
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ..., remove: _Optional[bool] = ...) -> None: ...

class Finding(_message.Message):
    __slots__ = ("type", "segment", "start", "end", "confidence", "action", "rule")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    type: str
    segment: int
    start: int
    end: int
    confidence: float
    action: str
    rule: str
    def __init__(self, type: _Optional[str] = ..., segment: _Optional[int] = ..., start: _Optional[int] = ..., end: _Optional[int] = ..., confidence: _Optional[float] = ..., action: _Optional[str] = ..., rule: _Optional[str] = ...) -> None: ...

class Duty(_message.Message):
    __slots__ = ("judge_response", "settle")
    JUDGE_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    SETTLE_FIELD_NUMBER: _ClassVar[int]
    judge_response: bool
    settle: bool
    def __init__(self, judge_response: _Optional[bool] = ..., settle: _Optional[bool] = ...) -> None: ...

class Lifeboat(_message.Message):
    __slots__ = ("not_after", "inputs_read")
    NOT_AFTER_FIELD_NUMBER: _ClassVar[int]
    INPUTS_READ_FIELD_NUMBER: _ClassVar[int]
    not_after: _timestamp_pb2.Timestamp
    inputs_read: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, not_after: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., inputs_read: _Optional[_Iterable[str]] = ...) -> None: ...

class Grant(_message.Message):
    __slots__ = ("target", "credential", "expires")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    CREDENTIAL_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    target: Target
    credential: Credential
    expires: _timestamp_pb2.Timestamp
    def __init__(self, target: _Optional[_Union[Target, _Mapping]] = ..., credential: _Optional[_Union[Credential, _Mapping]] = ..., expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Target(_message.Message):
    __slots__ = ("provider", "origin", "path", "dialect", "model")
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    DIALECT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    provider: str
    origin: str
    path: str
    dialect: str
    model: str
    def __init__(self, provider: _Optional[str] = ..., origin: _Optional[str] = ..., path: _Optional[str] = ..., dialect: _Optional[str] = ..., model: _Optional[str] = ...) -> None: ...

class Credential(_message.Message):
    __slots__ = ("header", "sigv4")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    SIGV4_FIELD_NUMBER: _ClassVar[int]
    header: HeaderOp
    sigv4: SigV4
    def __init__(self, header: _Optional[_Union[HeaderOp, _Mapping]] = ..., sigv4: _Optional[_Union[SigV4, _Mapping]] = ...) -> None: ...

class SigV4(_message.Message):
    __slots__ = ("access_key", "secret", "session_token", "region", "service")
    ACCESS_KEY_FIELD_NUMBER: _ClassVar[int]
    SECRET_FIELD_NUMBER: _ClassVar[int]
    SESSION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    access_key: str
    secret: str
    session_token: str
    region: str
    service: str
    def __init__(self, access_key: _Optional[str] = ..., secret: _Optional[str] = ..., session_token: _Optional[str] = ..., region: _Optional[str] = ..., service: _Optional[str] = ...) -> None: ...

class Attempt(_message.Message):
    __slots__ = ("failed_provider", "error")
    FAILED_PROVIDER_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    failed_provider: str
    error: str
    def __init__(self, failed_provider: _Optional[str] = ..., error: _Optional[str] = ...) -> None: ...

class Deltas(_message.Message):
    __slots__ = ("deltas",)
    DELTAS_FIELD_NUMBER: _ClassVar[int]
    deltas: _containers.RepeatedCompositeFieldContainer[Delta]
    def __init__(self, deltas: _Optional[_Iterable[_Union[Delta, _Mapping]]] = ...) -> None: ...

class Delta(_message.Message):
    __slots__ = ("lane", "text", "last")
    LANE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    lane: str
    text: str
    last: bool
    def __init__(self, lane: _Optional[str] = ..., text: _Optional[str] = ..., last: _Optional[bool] = ...) -> None: ...

class ToolPage(_message.Message):
    __slots__ = ("tools",)
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    tools: _containers.RepeatedCompositeFieldContainer[Tool]
    def __init__(self, tools: _Optional[_Iterable[_Union[Tool, _Mapping]]] = ...) -> None: ...

class Ruling(_message.Message):
    __slots__ = ("effect", "reason", "splices", "releases", "findings")
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SPLICES_FIELD_NUMBER: _ClassVar[int]
    RELEASES_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    effect: Effect
    reason: Reason
    splices: _containers.RepeatedCompositeFieldContainer[Splice]
    releases: _containers.RepeatedCompositeFieldContainer[Release]
    findings: _containers.RepeatedCompositeFieldContainer[Finding]
    def __init__(self, effect: _Optional[_Union[Effect, str]] = ..., reason: _Optional[_Union[Reason, _Mapping]] = ..., splices: _Optional[_Iterable[_Union[Splice, _Mapping]]] = ..., releases: _Optional[_Iterable[_Union[Release, _Mapping]]] = ..., findings: _Optional[_Iterable[_Union[Finding, _Mapping]]] = ...) -> None: ...

class Release(_message.Message):
    __slots__ = ("lane", "upto", "replace")
    LANE_FIELD_NUMBER: _ClassVar[int]
    UPTO_FIELD_NUMBER: _ClassVar[int]
    REPLACE_FIELD_NUMBER: _ClassVar[int]
    lane: str
    upto: int
    replace: _containers.RepeatedCompositeFieldContainer[Replacement]
    def __init__(self, lane: _Optional[str] = ..., upto: _Optional[int] = ..., replace: _Optional[_Iterable[_Union[Replacement, _Mapping]]] = ...) -> None: ...

class Replacement(_message.Message):
    __slots__ = ("start", "end")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    WITH_FIELD_NUMBER: _ClassVar[int]
    start: int
    end: int
    def __init__(self, start: _Optional[int] = ..., end: _Optional[int] = ..., **kwargs) -> None: ...

class Visibility(_message.Message):
    __slots__ = ("bitmap", "splices")
    BITMAP_FIELD_NUMBER: _ClassVar[int]
    SPLICES_FIELD_NUMBER: _ClassVar[int]
    bitmap: bytes
    splices: _containers.RepeatedCompositeFieldContainer[Splice]
    def __init__(self, bitmap: _Optional[bytes] = ..., splices: _Optional[_Iterable[_Union[Splice, _Mapping]]] = ...) -> None: ...

class Outcome(_message.Message):
    __slots__ = ("exchange_id", "settlement", "provider", "usage", "end", "attempts", "unjudged")
    EXCHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    SETTLEMENT_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    UNJUDGED_FIELD_NUMBER: _ClassVar[int]
    exchange_id: str
    settlement: bytes
    provider: str
    usage: Usage
    end: str
    attempts: int
    unjudged: Unjudged
    def __init__(self, exchange_id: _Optional[str] = ..., settlement: _Optional[bytes] = ..., provider: _Optional[str] = ..., usage: _Optional[_Union[Usage, _Mapping]] = ..., end: _Optional[str] = ..., attempts: _Optional[int] = ..., unjudged: _Optional[_Union[Unjudged, _Mapping]] = ...) -> None: ...

class Unjudged(_message.Message):
    __slots__ = ("fail_mode", "time", "agent", "surface", "method", "server", "tool", "model", "policy", "version", "rule", "age")
    FAIL_MODE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    SURFACE_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    SERVER_FIELD_NUMBER: _ClassVar[int]
    TOOL_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    AGE_FIELD_NUMBER: _ClassVar[int]
    fail_mode: str
    time: _timestamp_pb2.Timestamp
    agent: str
    surface: str
    method: str
    server: str
    tool: str
    model: str
    policy: str
    version: str
    rule: str
    age: _duration_pb2.Duration
    def __init__(self, fail_mode: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., agent: _Optional[str] = ..., surface: _Optional[str] = ..., method: _Optional[str] = ..., server: _Optional[str] = ..., tool: _Optional[str] = ..., model: _Optional[str] = ..., policy: _Optional[str] = ..., version: _Optional[str] = ..., rule: _Optional[str] = ..., age: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Usage(_message.Message):
    __slots__ = ("input", "output", "cached", "estimated")
    INPUT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    CACHED_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_FIELD_NUMBER: _ClassVar[int]
    input: int
    output: int
    cached: int
    estimated: bool
    def __init__(self, input: _Optional[int] = ..., output: _Optional[int] = ..., cached: _Optional[int] = ..., estimated: _Optional[bool] = ...) -> None: ...

class Settled(_message.Message):
    __slots__ = ("repeated_call",)
    REPEATED_CALL_FIELD_NUMBER: _ClassVar[int]
    repeated_call: bool
    def __init__(self, repeated_call: _Optional[bool] = ...) -> None: ...

class LimitState(_message.Message):
    __slots__ = ("name", "per", "requests", "tokens", "refuses", "observe")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PER_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    REFUSES_FIELD_NUMBER: _ClassVar[int]
    OBSERVE_FIELD_NUMBER: _ClassVar[int]
    name: str
    per: str
    requests: Fill
    tokens: Fill
    refuses: bool
    observe: bool
    def __init__(self, name: _Optional[str] = ..., per: _Optional[str] = ..., requests: _Optional[_Union[Fill, _Mapping]] = ..., tokens: _Optional[_Union[Fill, _Mapping]] = ..., refuses: _Optional[bool] = ..., observe: _Optional[bool] = ...) -> None: ...

class Fill(_message.Message):
    __slots__ = ("used", "of")
    USED_FIELD_NUMBER: _ClassVar[int]
    OF_FIELD_NUMBER: _ClassVar[int]
    used: int
    of: int
    def __init__(self, used: _Optional[int] = ..., of: _Optional[int] = ...) -> None: ...
