package admin

import (
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// ExportEvents streams the log of events as CSV, latest first, with the filters of the list.
func (a Handlers) ExportEvents(w http.ResponseWriter, r *http.Request) error {
	q, err := eventQuery(r)
	if err != nil {
		return err
	}
	q.Limit = kit.MaxPage
	columns := []string{"id", "at", "type", "instance", "challenge", "owner_id", "player", "message", "request"}
	return kit.StreamCSV(w, "events", columns, func(out *csv.Writer) (bool, error) {
		all, err := a.EventLog.FindEvents(r.Context(), q)
		for _, ev := range all {
			kit.Row(out, ev.ID, kit.When(ev.At), ev.Type, ev.Instance, ev.Challenge, ev.Owner, ev.Player, ev.Message, ev.Request)
			q.After = ev.ID
		}
		return len(all) == q.Limit, err
	})
}

// ExportFlags streams the owners' flags as CSV, newest first, with the filters of the list.
func (a Handlers) ExportFlags(w http.ResponseWriter, r *http.Request) error {
	f, err := flagFilter(r)
	if err != nil {
		return err
	}
	after := ""
	columns := []string{
		"id", "challenge", "owner_id", "owner_name", "flag", "created_at", "retired_at", "retired_by", "retired_why", "ctfd",
	}
	return kit.StreamCSV(w, "flags", columns, func(out *csv.Writer) (bool, error) {
		all, err := a.Flags.List(r.Context(), f, after, kit.MaxPage)
		for _, one := range all {
			var places []string
			for _, p := range one.Registrations {
				places = append(places, strconv.Itoa(p.CTFdChallenge)+":"+string(p.State))
			}
			kit.Row(
				out, one.ID, one.Challenge, one.Owner.ID, one.Owner.Name, one.Value, kit.When(one.CreatedAt), kit.When(one.RetiredAt),
				one.RetiredBy, one.RetiredWhy, strings.Join(places, " "),
			)
			after = one.ID
		}
		return len(all) == kit.MaxPage, err
	})
}

// ExportSuspicious streams the review list as CSV, newest first, with the filters of the list.
func (a Handlers) ExportSuspicious(w http.ResponseWriter, r *http.Request) error {
	f, err := suspicionFilter(r)
	if err != nil {
		return err
	}
	after := ""
	columns := []string{
		"id", "found_at", "kind", "score", "reasons", "challenge", "ctfd_challenge", "submitter_id", "submitter_name",
		"submitter_user",
		"flag_owner_id", "flag_owner_name", "submissions", "addresses", "review", "note", "reviewed_by", "reviewed_at",
	}
	return kit.StreamCSV(w, "suspicious", columns, func(out *csv.Writer) (bool, error) {
		all, err := a.Cheating.Suspicions(r.Context(), f, after, kit.MaxPage)
		for _, s := range all {
			owner := whaley.Party{}
			if s.Owner != nil {
				owner = *s.Owner
			}
			var reasons, submissions, addresses []string
			for _, reason := range s.Reasons {
				reasons = append(reasons, reason.Text)
			}
			for _, c := range s.Submissions {
				submissions, addresses = append(submissions, strconv.Itoa(c.ID)), append(addresses, c.Address)
			}
			kit.Row(
				out, s.ID, kit.When(s.FoundAt), string(s.Kind), strconv.Itoa(s.Score), strings.Join(reasons, "; "), s.Challenge,
				strconv.Itoa(s.CTFdChallenge), s.Submitter.OwnerID, s.Submitter.OwnerName, s.Submitter.UserName, owner.OwnerID,
				owner.OwnerName, strings.Join(submissions, " "), strings.Join(addresses, " "), string(s.Review), s.Note,
				s.ReviewedBy, kit.When(s.ReviewedAt),
			)
			after = s.ID
		}
		return len(all) == kit.MaxPage, err
	})
}

// ExportPorts streams who had which host port as CSV, with the filters of the list.
func (a Handlers) ExportPorts(w http.ResponseWriter, r *http.Request) error {
	var owner, challenge string
	if err := kit.TextParams(r, map[string]*string{"owner": &owner, "challenge": &challenge}); err != nil {
		return err
	}
	after := ""
	columns := []string{"owner_id", "challenge", "container_port", "host_port", "instance"}
	return kit.StreamCSV(w, "ports", columns, func(out *csv.Writer) (bool, error) {
		all, next, err := a.AdminQueries.PortMappings(r.Context(), owner, challenge, after, kit.MaxPage)
		for _, m := range all {
			kit.Row(out, m.Owner, m.Challenge, strconv.Itoa(m.Internal), strconv.Itoa(m.Port), m.Instance)
		}
		after = next
		return next != "", err
	})
}
