package server

import (
	"crypto/tls"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/listen"
	configv1 "outrider.dev/outrider/proto/outrider/config/v1"
)

const (
	// connectionAge is how long a connection of mutual TLS takes new calls, so
	// that each peer proves itself anew from time to time.
	connectionAge = 30 * time.Minute
	// shakeTime bounds a handshake.
	shakeTime = 10 * time.Second
)

// certificates reads the files of the TLS listeners, nil where there are none.
func certificates(files *configv1.TLS) (*listen.Certificates, error) {
	if files == nil {
		return nil, nil
	}
	return listen.NewCertificates(listen.Files{
		Field: "pdp.listen.tls", Cert: files.GetCert(), Key: files.GetKey(), ClientCA: files.GetClientCa(),
	})
}

// overTCP returns what a TCP listener of gRPC demands. Without TLS it may only
// stand on loopback, and its peers are not authenticated: they receive no
// grants.
func (s *Server) overTCP(addr string) ([]grpc.ServerOption, error) {
	beyond := !decision.LoopbackHost(addr)
	switch {
	case s.certs == nil && beyond:
		return nil, fmt.Errorf("pdp.listen.grpc: %s is beyond loopback: give pdp.listen.tls with cert, key and clientCA", addr)
	case s.certs == nil:
		return []grpc.ServerOption{grpc.Creds(insecure.NewCredentials()), alive(0)}, nil
	case s.cfg.Workloads != nil:
		creds := credentials.NewTLS(s.certs.Config(tls.VerifyClientCertIfGiven))
		return append(s.byToken(), grpc.Creds(creds), grpc.ConnectionTimeout(shakeTime), alive(connectionAge)), nil
	case beyond && s.cfg.Listen.GetTls().GetClientCa() == "":
		return nil, fmt.Errorf("pdp.listen.grpc: %s is beyond loopback: give pdp.listen.tls.clientCA, or pdp.workloads", addr)
	}
	creds := credentials.NewTLS(s.certs.Config(tls.RequireAndVerifyClientCert))
	return []grpc.ServerOption{grpc.Creds(creds), grpc.ConnectionTimeout(shakeTime), alive(connectionAge)}, nil
}

// alive asks silent peers whether they are still there, and lets a connection
// take new calls up to an age; 0: any.
func alive(age time.Duration) grpc.ServerOption { return grpc.KeepaliveParams(lifetime(age)) }

// lifetime is that of a connection. Calls that are open at its age get as long
// again: a stream of questions would else go on for as long as its peer likes, by
// a proof that has ended.
func lifetime(age time.Duration) keepalive.ServerParameters {
	return keepalive.ServerParameters{
		Time: aliveTime, Timeout: aliveTimeout, MaxConnectionAge: age, MaxConnectionAgeGrace: age,
	}
}
