package mcp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"outrider.dev/outrider/answer"
	"outrider.dev/outrider/decision"
	"outrider.dev/outrider/dialect/inbound"
	message "outrider.dev/outrider/dialect/mcp"
)

// Bounds on asking several servers at once.
const (
	maxParallel = 8                // servers asked at the same time
	maxPages    = 20               // of one server's tool list
	maxListed   = 4 << 20          // bytes of all pages together
	serverTime  = 15 * time.Second // for one server to answer
)

// foreign is a server that answered, but not with a result: most do not know
// the method.
type foreign struct{ provider string }

func (f *foreign) Error() string { return "the server " + f.provider + " refuses the method" }

// each runs do for every granted server, a few at a time, and returns how each
// one failed. Failures are logged; the call goes on without those servers, and
// without those that take too long while others have answered.
func (x *exchange) each(do func(ctx context.Context, i int, g *decision.Grant) error) []error {
	grants := x.verdict.Grants
	x.result.Attempts = uint32(len(grants))
	x.result.Provider = providers(grants)
	errs := make([]error, len(grants))
	var work errgroup.Group
	work.SetLimit(maxParallel)
	for i := range grants {
		work.Go(func() error {
			ctx, cancel := context.WithTimeout(x.ctx, min(serverTime, x.Deadline/2))
			defer cancel()
			errs[i] = do(ctx, i, &grants[i])
			return nil
		})
	}
	_ = work.Wait()
	for i, err := range errs {
		if err != nil {
			x.Log.LogAttrs(x.ctx, slog.LevelWarn, "a server is left out of an answer",
				slog.String("server", grants[i].Target.Provider), slog.String("method", x.msg.Method.Name),
				slog.String("error", err.Error()), slog.String("decision", x.ask.ExchangeID))
		}
	}
	return errs
}

func providers(grants []decision.Grant) string {
	names := make([]string, len(grants))
	for i := range grants {
		names[i] = grants[i].Target.Provider
	}
	return strings.Join(names, ",")
}

// allFailed is the error of a call that no server answered.
func allFailed(errs []error) error {
	for _, err := range errs {
		if err == nil {
			return nil
		}
	}
	return decision.Refuse(decision.CodeUpstreamUnavailable, "none of the "+strconv.Itoa(len(errs))+" servers gave a good answer")
}

// send sends a body to one of several servers.
func (x *exchange) send(ctx context.Context, g *decision.Grant, body []byte) (*http.Response, error) {
	header := x.header.Clone() // the credential is this server's alone
	header.Set("Accept", inbound.AcceptBoth)
	return x.Sender.Send(ctx, g, http.MethodPost, header, body)
}

// request sends a body to one of several servers and returns its result.
func (x *exchange) request(ctx context.Context, g *decision.Grant, body []byte) ([]byte, error) {
	resp, err := x.send(ctx, g, body) //nolint:bodyclose // finish closes it
	if err != nil {
		return nil, err
	}
	defer finish(resp.Body)
	came, err := x.open(resp, g.Target.Provider)
	if err != nil {
		return nil, foreignStatus(resp, g, err)
	}
	raw, a, err := x.response(came)
	if err != nil {
		return nil, foreignStatus(resp, g, err)
	}
	if a.Failed {
		return nil, &foreign{g.Target.Provider}
	}
	return raw, nil
}

// foreignStatus tells a server that does not know the method from one that
// failed.
func foreignStatus(resp *http.Response, g *decision.Grant, err error) error {
	if answer.SpeaksNot(resp.StatusCode) {
		return &foreign{g.Target.Provider}
	}
	return err
}

// notifyAll sends a notification to every server.
func (x *exchange) notifyAll() {
	errs := x.each(func(ctx context.Context, _ int, g *decision.Grant) error {
		resp, err := x.send(ctx, g, x.body) //nolint:bodyclose // finish closes it
		if err != nil {
			return err
		}
		defer finish(resp.Body)
		if !answer.Taken(resp.StatusCode) {
			return answer.Invalid(g.Target.Provider, "refuses the notification")
		}
		return nil
	})
	if err := allFailed(errs); err != nil {
		x.refuse(err)
		return
	}
	x.accepted()
}

// listAll lists the tools of every server, in the order of the grants.
func (x *exchange) listAll() {
	if x.msg.Cursor {
		x.refuse(decision.Refuse(decision.CodeBodyInvalid, "this list has one page: leave the cursor out"))
		return
	}
	left := &atomic.Int64{}
	left.Store(maxListed)
	lists := make([][]*message.ToolPage, len(x.verdict.Grants))
	errs := x.each(func(ctx context.Context, i int, g *decision.Grant) (err error) {
		lists[i], err = x.pages(ctx, g, left)
		return err
	})
	if err := allFailed(errs); err != nil {
		x.refuse(err)
		return
	}
	shown, err := x.shown(lists)
	if err != nil {
		x.refuse(err)
		return
	}
	x.result.End = decision.EndCompleted
	x.write(http.StatusOK, message.ResultBody(x.msg.ID, message.ToolsResult(x.msg.Era, shown)))
}

// pages follows one server's list to its end.
func (x *exchange) pages(ctx context.Context, g *decision.Grant, left *atomic.Int64) ([]*message.ToolPage, error) {
	var out []*message.ToolPage
	body := x.body
	for range maxPages {
		raw, err := x.request(ctx, g, body)
		if err != nil {
			return nil, err
		}
		if left.Add(-int64(len(raw))) < 0 {
			return nil, answer.Invalid(g.Target.Provider, "takes the tool lists over "+strconv.Itoa(maxListed)+" bytes")
		}
		page, err := message.ReadTools(raw, x.Limits)
		if err != nil {
			return nil, err
		}
		out = append(out, page)
		if page.Cursor == nil {
			return out, nil
		}
		if body, err = message.WithCursor(x.body, page.Cursor, x.Limits); err != nil {
			return nil, err
		}
	}
	return nil, answer.Invalid(g.Target.Provider, "lists its tools on more than "+strconv.Itoa(maxPages)+" pages")
}

// shown asks once about all tools and returns the definitions that may be seen.
func (x *exchange) shown(lists [][]*message.ToolPage) ([][]byte, error) {
	var tools []decision.Tool
	for i, pages := range lists {
		for _, page := range pages {
			tools = answer.AppendTools(tools, page, x.verdict.Grants[i].Target.Provider)
		}
	}
	visible, err := x.answers().Visible(x.ctx, tools)
	if err != nil {
		return nil, err
	}
	var out [][]byte
	first := 0
	for _, pages := range lists {
		for _, page := range pages {
			definitions, err := page.Shown(visible, first)
			if err != nil {
				return nil, err
			}
			out = append(out, definitions...)
			first += len(page.Tools)
		}
	}
	return out, nil
}

// greetAll shakes hands with every server and answers for all of them.
func (x *exchange) greetAll() {
	method := x.msg.Method.Name
	named := make([][]string, len(x.verdict.Grants))
	errs := x.each(func(ctx context.Context, i int, g *decision.Grant) error {
		raw, err := x.request(ctx, g, x.body)
		if err == nil {
			named[i], err = message.ReadVersions(raw, method, x.Limits)
		}
		return err
	})
	if err := allFailed(errs); err != nil && (method == message.MethodInitialize || !anyForeign(errs)) {
		x.refuse(err)
		return
	}
	if method == message.MethodInitialize {
		x.greet(message.InitializeResult(message.Oldest(named), x.Version))
		return
	}
	// A server of the legacy era knows no server/discover. Saying so makes the
	// client fall back to initialize, so that it meets every server.
	versions := message.Common(named)
	if anyForeign(errs) || len(versions) == 0 {
		x.refuse(answer.LegacyOnly())
		return
	}
	x.greet(message.DiscoverResult(versions, x.Version))
}

func (x *exchange) greet(result []byte) {
	x.result.End = decision.EndCompleted
	x.write(http.StatusOK, message.ResultBody(x.msg.ID, result))
}

func anyForeign(errs []error) bool {
	for _, err := range errs {
		if errors.As(err, new(*foreign)) {
			return true
		}
	}
	return false
}
