package pool

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"outrider.dev/outrider/decision"
)

func passed(id, agent string) decision.Outcome {
	return decision.Outcome{ExchangeID: id, End: decision.EndCompleted, Unjudged: &decision.Unjudged{FailMode: "Lifeboat", Agent: agent, Time: time.Now()}}
}

// TestUnjudgedCallsAreReported: in their order, once, to a service that answers, when
// one does.
func TestUnjudgedCallsAreReported(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a", "b")
		synctest.Wait()
		for _, p := range f.places {
			p.stop(false)
		}
		synctest.Wait()
		var want []string
		for i := range 20 {
			id := fmt.Sprintf("exchange-%d", i)
			f.Report(passed(id, "agent"))
			want = append(want, id+" unjudged")
		}
		time.Sleep(time.Hour)
		f.places["b"].start()
		time.Sleep(10 * time.Second)
		if _, settled := f.places["b"].told(); !slices.Equal(settled, want) {
			t.Errorf("b heard of %v", settled)
		}
		f.places["a"].start()
		time.Sleep(10 * time.Second)
		if _, settled := f.places["a"].told(); len(settled) > 0 {
			t.Errorf("a heard of %v", settled)
		}
		if f.counted(Settled) != 20 || f.counted(Unsettled) != 0 {
			t.Errorf("%d are reported, %d lost", f.counted(Settled), f.counted(Unsettled))
		}
	})
}

// TestReportsThatAreRefused: what no service records is told of, and holds up nothing.
func TestReportsThatAreRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a")
		synctest.Wait()
		f.places["a"].refuse(status.Error(codes.PermissionDenied, "not for this agent"))
		f.Report(passed("exchange-1", "another"))
		time.Sleep(time.Second)
		f.places["a"].refuse(nil)
		f.Report(passed("exchange-2", agedAgent))
		f.Report(passed("exchange-3", "agent"))
		time.Sleep(time.Second)
		if _, settled := f.places["a"].told(); !slices.Equal(settled, []string{"exchange-2 unjudged", "exchange-3 unjudged"}) {
			t.Errorf("it heard of %v", settled)
		}
		lines := f.lines("is not recorded")
		if len(lines) != 2 || !strings.Contains(lines[0], "not for this agent") || !strings.Contains(lines[1], "exchange-2") || f.counted(Unsettled) != 2 || f.counted(Settled) != 1 {
			t.Errorf("%d are lost, the log says %q", f.counted(Unsettled), lines)
		}
	})
}

// TestRefusedReportsAreAnswers: a service that refuses to record a call is well, and no
// other one is asked.
func TestRefusedReportsAreAnswers(t *testing.T) {
	for _, code := range []codes.Code{codes.InvalidArgument, codes.PermissionDenied, codes.Unimplemented} {
		t.Run(code.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newField(t, "a", "b")
				synctest.Wait()
				for _, p := range f.places {
					p.refuse(status.Error(code, "not this one"))
				}
				const reports = 2 * ejectAfter
				for i := range reports {
					f.Report(passed(fmt.Sprintf("exchange-%d", i), "another"))
				}
				time.Sleep(time.Second)
				if f.counted(Ejected)+f.counted(Retried)+f.counted(Failed) > 0 || f.counted(Answered) != reports || f.counted(Unsettled) != reports {
					t.Errorf("of %d reports %d are answered, %d lost, %d went on, %d services are ejected",
						reports, f.counted(Answered), f.counted(Unsettled), f.counted(Retried), f.counted(Ejected))
				}
			})
		})
	}
}

// TestReportsThatFail: one waits only for services that are away or full. Whatever else
// comes back would come again, and the next ones wait behind it.
func TestReportsThatFail(t *testing.T) {
	for code, again := range map[codes.Code]bool{
		codes.Unavailable: true, codes.ResourceExhausted: true, codes.DeadlineExceeded: true,
		codes.Internal: false, codes.Unknown: false, codes.Unauthenticated: false, codes.DataLoss: false,
	} {
		t.Run(code.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newField(t, "a")
				synctest.Wait()
				f.places["a"].refuse(status.Error(code, "out of order"))
				f.Report(passed("exchange-1", "agent"))
				time.Sleep(time.Minute)
				f.places["a"].refuse(nil)
				f.Report(passed("exchange-2", "agent"))
				time.Sleep(2 * time.Second)
				want, lost := []string{"exchange-2 unjudged"}, 1
				if again {
					want, lost = []string{"exchange-1 unjudged", "exchange-2 unjudged"}, 0
				}
				if _, settled := f.places["a"].told(); !slices.Equal(settled, want) || f.counted(Unsettled) != lost {
					t.Errorf("it heard of %v, %d are lost", settled, f.counted(Unsettled))
				}
			})
		})
	}
}

// TestReportsAreBounded: those that find no room are told of at once, and those that
// nobody heard of when the pool ends are told of then, which takes a moment.
func TestReportsAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a")
		synctest.Wait()
		f.places["a"].stop(false)
		synctest.Wait()
		f.Report(passed("exchange-0", "agent"))
		synctest.Wait() // that one is tried again and again, and takes no room
		for i := range maxUnjudged + 3 {
			f.Report(passed(fmt.Sprintf("exchange-%d", i+1), "agent"))
		}
		if n := len(f.lines("is not recorded")); n != 3 {
			t.Errorf("%d found no room", n)
		}
		begun := time.Now()
		f.end()
		if took := time.Since(begun); took > reportTime+reportPause {
			t.Errorf("the end took %v", took)
		}
		if n := len(f.lines("is not recorded")); n != maxUnjudged+4 {
			t.Errorf("%d are told of", n)
		}
	})
}

// TestTheEndWaitsForReports: what passed just before the end is recorded.
func TestTheEndWaitsForReports(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newField(t, "a")
		synctest.Wait()
		for i := range 20 {
			f.Report(passed(fmt.Sprintf("exchange-%d", i), "agent"))
		}
		f.end()
		if _, settled := f.places["a"].told(); len(settled) != 20 || f.counted(Unsettled) != 0 {
			t.Errorf("%d are recorded, %d lost", len(settled), f.counted(Unsettled))
		}
	})
}
