// Package limit counts requests and tokens per minute, in memory.
//
// A decision takes an estimate before the call ([Limiter.Reserve]) and
// corrects it exactly once after it ([Reservation.Settle]); a call that is
// denied later gives its estimate back ([Reservation.Cancel]). The decision
// service imports it; it knows nothing of policy, tokens or HTTP.
//
// A limit of N admits at most N in any 60 seconds, wherever they begin and
// however many calls come at once. Two things can carry a count above its
// limit: a call that used more tokens than it had estimated, which later calls
// then wait for, and a restart, which forgets the counts.
package limit
