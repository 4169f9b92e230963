// Package pool is a decision.Decider in front of several decision services. It
// picks one for each question, asks another where that one fails or is silent,
// and leaves a service alone that keeps failing until a probe is answered.
//
// An exchange stays at the service that opened it, where its state is. What that
// service decided stands: nobody else is asked for a second opinion.
//
// Data planes make their decider of it; only the assembly imports it.
package pool
