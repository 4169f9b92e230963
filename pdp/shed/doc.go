// Package shed keeps a decision service answering when it is asked more than it
// can answer: a bounded number of questions is worked on at once, a bounded
// number waits, and one that could not be answered before its asker gives up
// is refused at once with the code overloaded.
//
// It stands around the engine, below every face. Only questions count: an open
// exchange that nobody asks about takes no turn, and its outcome is always
// taken. pdp/server constructs it.
package shed
