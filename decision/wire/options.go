package wire

import "google.golang.org/grpc"

// Windows of flow control, in bytes: what one call, and what all calls of a
// connection together may send before the other side takes it. They are fixed,
// because gRPC finds good ones by a ping for each message that comes, which on
// this hop costs more than the message.
const (
	streamWindow     = 256 << 10
	connectionWindow = 4 << 20
)

// ClientOptions is what every client of a decision service dials with.
func ClientOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithStaticStreamWindowSize(streamWindow),
		grpc.WithStaticConnWindowSize(connectionWindow),
	}
}

// ServerOptions is what every decision service listens with.
func ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.StaticStreamWindowSize(streamWindow),
		grpc.StaticConnWindowSize(connectionWindow),
	}
}
