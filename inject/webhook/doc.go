// Package webhook is the mutating admission webhook around inject: the API
// server posts a pod before it stores it, and gets a JSON Patch back.
//
// It answers what it is asked and nothing else: a review costs a bounded body
// and a bounded time, a dry run leaves no trace, and an answer never refuses a
// pod. That pods are not stored while nobody answers is the failure policy of
// the configuration.
//
// Its certificate it makes itself and keeps in a Secret, beside the caBundle of
// its configuration (keeper.go), unless somebody else keeps one in files.
// assemble/injector imports it.
package webhook
