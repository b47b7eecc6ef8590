package cheating

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// examine looks at some submissions: whose flags they hold, and whether solves fit what instances saw. It may look at
// the same ones any number of times.
func (r *reading) examine(ctx context.Context, some []whaley.Submission) error {
	r.check.Examined += len(some)
	flags, err := r.flagsIn(ctx, some)
	if err != nil {
		return err
	}
	mapped, err := r.mapped(ctx)
	if err != nil {
		return err
	}
	var solves []whaley.Submission
	for _, s := range some {
		r.note(s)
		shared := false
		var own *whaley.IssuedFlag
		for _, token := range tokens(s.Provided) {
			flag := flags[token]
			switch {
			case flag == nil:
			case isOwner(s, flag.Owner.ID):
				own = flag
			default:
				shared = true
				if err := r.share(ctx, s, flag, mapped); err != nil {
					return err
				}
			}
		}
		r.missing(s, own, mapped)
		if m := mapped[s.Challenge]; m != nil && !shared && s.Type == "correct" && s.At.After(m.CreatedAt) {
			solves = append(solves, s)
		}
	}
	return r.solves(ctx, solves, mapped, flags)
}

// flagsIn finds the flags that were made for anybody in some submissions, by their random parts.
func (r *reading) flagsIn(ctx context.Context, some []whaley.Submission) (map[string]*whaley.IssuedFlag, error) {
	var all []string
	for _, s := range some {
		all = append(all, tokens(s.Provided)...)
	}
	slices.Sort(all)
	found, err := r.store.FlagsByToken(ctx, slices.Compact(all))
	byToken := map[string]*whaley.IssuedFlag{}
	for _, flag := range found {
		byToken[flag.Token] = flag
	}
	return byToken, err
}

func (r *reading) mapped(ctx context.Context) (map[int]*whaley.Mapping, error) {
	all, err := r.store.Mappings(ctx)
	byID := map[int]*whaley.Mapping{}
	for _, m := range all {
		byID[m.CTFdChallenge] = m
	}
	return byID, err
}

// isOwner says whether a submission comes from a flag's owner: from the team if that is what owned it, else from the
// account.
func isOwner(s whaley.Submission, owner string) bool {
	if team, ok := whaley.TeamOf(owner); ok {
		return s.Team == team
	}
	if user, ok := whaley.UserOf(owner); ok {
		return s.User == user
	}
	return true // made for an address, before there was a CTFd: no owner's to compare with
}

// submitter is who a submission's owner is here. CTFd goes on naming the team of who has one where players play without
// teams.
func (r *reading) submitter(s whaley.Submission) whaley.Party {
	if s.Team != 0 && !r.alone {
		return whaley.Party{OwnerID: whaley.TeamID(s.Team), OwnerName: s.TeamName, User: s.User, UserName: s.UserName}
	}
	return whaley.Party{OwnerID: whaley.UserID(s.User), OwnerName: s.UserName, User: s.User, UserName: s.UserName}
}

// owners are all that the instances of a submission's player may belong to: to the player or the team, as it was played
// when they were started.
func owners(s whaley.Submission) []string {
	all := []string{whaley.UserID(s.User)}
	if s.Team != 0 {
		all = append(all, whaley.TeamID(s.Team))
	}
	return all
}

func copyOf(s whaley.Submission) whaley.SubmissionCopy {
	return whaley.SubmissionCopy{
		ID: s.ID, Challenge: s.Challenge, User: s.User, Team: s.Team, Provided: s.Provided, Type: s.Type, Address: s.Address,
		At: s.At,
	}
}

// share writes that an owner submitted another owner's flag.
func (r *reading) share(
	ctx context.Context, s whaley.Submission, flag *whaley.IssuedFlag, mapped map[int]*whaley.Mapping,
) error {
	from := r.from(ctx, s)
	whose := &whaley.Party{OwnerID: flag.Owner.ID, OwnerName: flag.Owner.Name}
	records, err := r.store.History(ctx, flag.Challenge, append(owners(s), whose.OwnerID))
	if err != nil {
		return err
	}
	for _, record := range records {
		if record.Owner == whose.OwnerID {
			whose.Instances = append(whose.Instances, record)
		} else {
			from.Instances = append(from.Instances, record)
		}
	}
	found := &whaley.Suspicion{
		Kind: whaley.SuspicionSharing, Key: key("sharing", from.OwnerID, whose.OwnerID, flag.Token), Challenge: flag.Challenge,
		CTFdChallenge: s.Challenge, Submitter: from, Owner: whose, Flag: flag.ID,
		Submissions: []whaley.SubmissionCopy{copyOf(s)},
		Review:      whaley.ReviewOpen, FoundAt: time.Now().UTC(),
	}
	found.Score, found.Reasons = scoreSharing(s, flag, from, whose, mapped)
	return r.suspect(ctx, found, fmt.Sprintf("%s submitted the flag of %s", name(from), name(*whose)))
}

// scoreSharing says why a foreign flag is suspicious, and how much.
func scoreSharing(
	s whaley.Submission, flag *whaley.IssuedFlag, from whaley.Party, whose *whaley.Party, mapped map[int]*whaley.Mapping,
) (int, []whaley.Reason) {
	score := 70
	reasons := []whaley.Reason{{
		Code: "foreign_flag", Text: "The flag was made for " + name(*whose) + whaley.OfPart(flag.Part) + ".",
	}}
	add := func(points int, code, text string) {
		score += points
		reasons = append(reasons, whaley.Reason{Code: code, Text: text})
	}
	if s.Type == "correct" {
		add(15, "accepted", "CTFd accepted it and gave points for it.")
	}
	if !slices.ContainsFunc(from.Instances, before(s.At)) {
		add(15, "never_started", "The submitter had never started an instance of the challenge before.")
	}
	if how := inexact(s.Provided, flag.Value, flag.Token); how != "" {
		add(0, "not_exact", how)
	}
	if !flag.RetiredAt.IsZero() && flag.RetiredAt.Before(s.At) {
		add(0, "retired", "The flag had been taken out of use before ("+flag.RetiredWhy+").")
	}
	if m := mapped[s.Challenge]; m == nil || m.Challenge != flag.Challenge {
		add(0, "other_challenge", "It was submitted to another challenge than the one it was made for.")
	}
	player := whaley.UserID(s.User)
	if slices.ContainsFunc(whose.Instances, func(i whaley.InstanceRecord) bool { return i.Player == player }) {
		add(-40, "former_member", "The submitter has started instances of that owner itself, so may have changed team.")
	}
	return max(0, min(score, 100)), reasons
}

// inexact says how a flag was entered that is not exactly it; empty: it is.
func inexact(provided, flag, token string) string {
	entered, lower := strings.TrimSpace(provided), strings.ToLower(strings.TrimSpace(provided)) // CTFd compares without
	whole := strings.ToLower(flag)
	switch {
	case entered == flag:
		return ""
	case lower == whole:
		return "It was entered in another case."
	case strings.Contains(entered, flag):
		return "It was entered with other text around it."
	case strings.Contains(lower, whole):
		return "It was entered in another case, with other text around it."
	case lower == strings.ToLower(token):
		return "Only its random part was entered."
	}
	return "Its random part was entered in other text than the flag's."
}

// missing asks for a comparison where CTFd has refused an owner's own, current flag.
func (r *reading) missing(s whaley.Submission, own *whaley.IssuedFlag, mapped map[int]*whaley.Mapping) {
	there := func(reg whaley.Registration) bool { return reg.CTFdChallenge == s.Challenge }
	if own == nil || mapped[s.Challenge] == nil || s.Type != "incorrect" ||
		!slices.ContainsFunc(own.Registrations, there) || !own.RetiredAt.IsZero() || s.Provided != own.Value {
		return
	}
	if time.Since(s.At) > 2*r.opts.FullEvery {
		return // seen before, and compared since
	}
	r.lacks(s.Challenge)
}

func (r *reading) suspect(ctx context.Context, found *whaley.Suspicion, message string) error {
	kind := "suspicious_submission"
	if found.Kind == whaley.SuspicionSolve {
		kind = "suspicious_solve"
	}
	isNew, err := r.store.Suspect(ctx, found, whaley.Event{
		Type: kind, Challenge: found.Challenge, Owner: found.Submitter.OwnerID, Player: whaley.UserID(found.Submitter.User),
		Message: message, At: found.FoundAt,
	})
	if isNew {
		r.check.Found = append(r.check.Found, found)
	}
	return err
}

// key is what makes two findings the same.
func key(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "|")))
	return hex.EncodeToString(sum[:])
}

func before(at time.Time) func(whaley.InstanceRecord) bool {
	return func(i whaley.InstanceRecord) bool { return i.CreatedAt.Before(at.Add(clockSlack)) }
}

func name(p whaley.Party) string {
	if p.OwnerName != "" {
		return p.OwnerName
	}
	return p.OwnerID
}
