package cheating

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	// clockSlack is how far apart CTFd's clock and ours may be.
	clockSlack = 5 * time.Second
	// tooFast is how soon after the first request a solve is worth a look.
	tooFast = 10 * time.Second
)

// solves compares correct submissions with what their owners' instances did before them.
func (r *reading) solves(
	ctx context.Context, some []whaley.Submission, mapped map[int]*whaley.Mapping, flags map[string]*whaley.IssuedFlag,
) error {
	byChallenge := map[int][]whaley.Submission{}
	for _, s := range some {
		byChallenge[s.Challenge] = append(byChallenge[s.Challenge], s)
	}
	for id, solves := range byChallenge {
		challenge := mapped[id].Challenge
		ch, ok := r.challenges.Get(challenge)
		if !ok {
			continue // what it has to show is not known
		}
		histories, err := r.histories(ctx, challenge, solves)
		if err != nil {
			return err
		}
		for _, s := range solves {
			var history []whaley.InstanceRecord
			for _, owner := range owners(s) {
				history = append(history, histories[owner]...)
			}
			own := slices.ContainsFunc(tokens(s.Provided), func(token string) bool { return flags[token] != nil })
			score, reasons := scoreSolve(s.At, history, own || !ch.Flag.Dynamic, r.opts.SeesAll && webOnly(ch))
			if score == 0 {
				continue
			}
			from := r.from(ctx, s)
			from.Instances = history
			err := r.suspect(ctx, &whaley.Suspicion{
				Kind: whaley.SuspicionSolve, Key: key("solve", from.OwnerID, challenge), Score: score, Reasons: reasons,
				Challenge:     challenge,
				CTFdChallenge: s.Challenge, Submitter: from, Submissions: []whaley.SubmissionCopy{copyOf(s)},
				Review:  whaley.ReviewOpen,
				FoundAt: time.Now().UTC(),
			}, name(from)+" solved "+challenge+": "+reasons[0].Text)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// ownersAtOnce is above what a page of submissions has; for more, all histories of a challenge are read.
const ownersAtOnce = 200

func (r *reading) histories(
	ctx context.Context, challenge string, solves []whaley.Submission,
) (map[string][]whaley.InstanceRecord, error) {
	var asked []string
	for _, s := range solves {
		asked = append(asked, owners(s)...)
	}
	slices.Sort(asked)
	if asked = slices.Compact(asked); len(asked) > ownersAtOnce {
		asked = nil
	}
	records, err := r.store.History(ctx, challenge, asked)
	byOwner := map[string][]whaley.InstanceRecord{}
	for _, record := range records {
		byOwner[record.Owner] = append(byOwner[record.Owner], record)
	}
	return byOwner, err
}

// scoreSolve says what is suspicious about a solve at a time, and how much; 0 is nothing. own says that it was made
// with the owner's own flag, seesAll that no request to an instance goes unseen.
func scoreSolve(at time.Time, history []whaley.InstanceRecord, own, seesAll bool) (int, []whaley.Reason) {
	score := 0
	var reasons []whaley.Reason
	add := func(points int, code, format string, args ...any) {
		score = max(score, points)
		reasons = append(reasons, whaley.Reason{Code: code, Text: fmt.Sprintf(format, args...)})
	}
	var started, ready bool
	var contact time.Time
	for _, i := range history {
		if !before(at)(i) {
			continue
		}
		started = true
		ready = ready || i.StartedAt != nil && i.StartedAt.Before(at.Add(clockSlack))
		if i.ContactAt != nil && i.ContactAt.Before(at.Add(clockSlack)) && (contact.IsZero() || i.ContactAt.Before(contact)) {
			contact = *i.ContactAt
		}
	}
	switch {
	case !started:
		add(90, "never_started", "The solver had never started an instance of the challenge.")
	case !ready:
		add(80, "never_ready", "No instance of the solver had become ready.")
	case contact.IsZero() && seesAll:
		add(60, "no_traffic", "No request had gone to any instance of the solver.")
	case !contact.IsZero() && at.Sub(contact) < tooFast:
		add(
			50, "too_fast", "It was solved %s after the first request to the solver's first instance that had one.",
			max(0, at.Sub(contact)).Round(time.Second),
		)
	}
	if !own {
		add(
			40, "common_flag", "It was solved with a flag that was made for nobody: CTFd accepts one besides the owners' own.",
		)
	}
	if len(reasons) > 1 {
		score = min(100, score+5)
	}
	return score, reasons
}

// webOnly says whether all ways into a challenge are web addresses.
func webOnly(ch *whaley.Challenge) bool {
	return !slices.ContainsFunc(ch.Routes, func(r whaley.Route) bool { return r.Type != whaley.RouteHTTP })
}
