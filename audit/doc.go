// Package audit keeps the record of decisions that `outrider why` reads.
//
// The decision service adds a [Record] for every decision, every ruling on an
// answer that mattered and every outcome. One goroutine ([Log.Run]) writes them
// as JSON lines into two files of bounded size in the state directory, the newer
// replacing the older. [Find] reads them back, also from another process.
//
// A record says who asked for what and what was decided. It never holds
// content: no prompt, no tool argument, no matched text, no claim but the
// subject. Where rules refused it holds what each of them came to, with the
// values that they read masked as authz/input does it; that is worked out here,
// beside the calls, in a bounded share of the time. What cannot be written is counted ([Log.Lost]) and logged. It is a
// bounded memory for explaining, not tamper-evident evidence.
package audit
