package telemetry

import (
	"context"
	"path"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// GRPCClient carries the trace context of a call to the decision service.
func (t *Telemetry) GRPCClient() []grpc.DialOption {
	s := t.spans
	return []grpc.DialOption{
		grpc.WithChainUnaryInterceptor(func(ctx context.Context, method string, req, reply any,
			conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
		) error {
			return invoke(s.outgoing(ctx), method, req, reply, conn, opts...)
		}),
		grpc.WithChainStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc,
			conn *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption,
		) (grpc.ClientStream, error) {
			return open(s.outgoing(ctx), desc, conn, method, opts...)
		}),
	}
}

// TraceContext returns the trace context of a call in the forms of W3C's
// headers, empty where there is none, for messages of a stream that carries many.
func (t *Telemetry) TraceContext(ctx context.Context) (parent, state string) {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return "", ""
	}
	carrier := propagation.MapCarrier{}
	t.spans.context.Inject(ctx, carrier)
	return carrier["traceparent"], carrier["tracestate"]
}

// Question returns what opens a span around one question of a stream that carries
// many, below the trace context that came with it, or with the stream; nil where
// no spans leave.
func (t *Telemetry) Question() func(ctx context.Context, method, parent, state string) (context.Context, func(error)) {
	s := t.spans
	if s.export == nil {
		return nil
	}
	return func(ctx context.Context, method, parent, state string) (context.Context, func(error)) {
		open := s.incoming
		if parent != "" {
			open = func(ctx context.Context, method string) (context.Context, trace.Span) {
				return s.below(ctx, propagation.MapCarrier{"traceparent": parent, "tracestate": state}, method)
			}
		}
		ctx, span := open(ctx, method)
		return ctx, func(err error) { end(span, err) }
	}
}

// GRPCServer opens a span around each call, where spans leave, but for methods
// whose questions have spans of their own.
func (t *Telemetry) GRPCServer(own ...string) []grpc.ServerOption {
	s := t.spans
	if s.export == nil {
		return nil
	}
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
			ctx, span := s.incoming(ctx, info.FullMethod)
			answer, err := handle(ctx, req)
			end(span, err)
			return answer, err
		}),
		grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
			if slices.Contains(own, info.FullMethod) {
				return handle(srv, stream)
			}
			ctx, span := s.incoming(stream.Context(), info.FullMethod)
			err := handle(srv, &tracedStream{ServerStream: stream, ctx: ctx})
			end(span, err)
			return err
		}),
	}
}

// outgoing puts the trace context into the metadata.
func (s *spans) outgoing(ctx context.Context) context.Context {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ctx
	}
	carrier := propagation.MapCarrier{}
	s.context.Inject(ctx, carrier)
	for key, value := range carrier {
		ctx = metadata.AppendToOutgoingContext(ctx, key, value)
	}
	return ctx
}

// incoming opens the span of a question below the asker's.
func (s *spans) incoming(ctx context.Context, method string) (context.Context, trace.Span) {
	md, _ := metadata.FromIncomingContext(ctx)
	carrier := propagation.MapCarrier{}
	for _, key := range s.context.Fields() {
		if values := md.Get(key); len(values) > 0 {
			carrier[key] = values[0]
		}
	}
	return s.below(ctx, carrier, method)
}

// below opens a span below the trace context that the carrier holds.
func (s *spans) below(ctx context.Context, carrier propagation.MapCarrier, method string) (context.Context, trace.Span) {
	return s.tracer.Start(s.context.Extract(ctx, carrier), path.Base(method), trace.WithSpanKind(trace.SpanKindServer))
}

// end closes the span with the code of the answer, not its message, which may
// speak of the call's content.
func end(span trace.Span, err error) {
	code := status.Code(err)
	span.SetAttributes(attribute.String("rpc.response.status_code", code.String()))
	if err != nil {
		span.SetStatus(codes.Error, code.String())
	}
	span.End()
}

// tracedStream hands the span's context to the handler.
type tracedStream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // grpc.ServerStream asks for it by method
}

// Context implements grpc.ServerStream.
func (s *tracedStream) Context() context.Context { return s.ctx }
