package store_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// deed is something that organisers do.
type deed struct {
	do    func(ctx context.Context, s *store.Store) error
	state func(ctx context.Context, s *store.Store) (any, error) // what it changes
}

// deeds are one for every method of the store by which an organiser changes something.
func deeds(ctx context.Context, s *store.Store) (map[string]deed, error) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	in := &whaley.Instance{
		ID: "web-alice-1", Challenge: "web", Owner: whaley.Owner{ID: "alice"}, State: whaley.Running, CreatedAt: now,
		Subnet: netip.MustParsePrefix("10.240.0.16/28"),
	}
	flags := func(ctx context.Context, s *store.Store) (any, error) { return s.CurrentFlags(ctx, "alice", "") }
	suspicions := func(ctx context.Context, s *store.Store) (any, error) {
		return s.ListSuspicions(ctx, whaley.SuspicionFilter{}, "", 10)
	}
	settings := func(ctx context.Context, s *store.Store) (any, error) { return s.ChallengeSettings(ctx) }
	mappings := func(ctx context.Context, s *store.Store) (any, error) { return s.Mappings(ctx) }
	captures := func(ctx context.Context, s *store.Store) (any, error) {
		return s.Captures(ctx, whaley.CaptureQuery{Limit: 10})
	}
	instance := func(ctx context.Context, s *store.Store) (any, error) { return s.Get(ctx, in.ID) }
	keys := func(ctx context.Context, s *store.Store) (any, error) { return s.OrganiserKeys(ctx) }
	live := func(ctx context.Context, s *store.Store) (any, error) { return s.Live(ctx, "") }
	flag := &whaley.IssuedFlag{Challenge: "web", Owner: whaley.Owner{ID: "alice", Name: "Alice"}, Value: "flag{1}", Token: "1"}
	flag.CreatedAt = now
	if _, err := s.IssueFlag(ctx, flag, whaley.Event{}); err != nil {
		return nil, err
	}
	found := &whaley.Suspicion{Kind: "shared", Key: "1", Challenge: "web", FoundAt: now}
	if _, err := s.Suspect(ctx, found, whaley.Event{}); err != nil {
		return nil, err
	}
	if err := s.Insert(ctx, in, whaley.Quota{}, whaley.Event{}); err != nil {
		return nil, err
	}
	next := func(old *whaley.IssuedFlag) *whaley.IssuedFlag {
		return &whaley.IssuedFlag{Challenge: "web", Owner: old.Owner, Value: "flag{2}", Token: "2", CreatedAt: now}
	}
	stop := func(in *whaley.Instance) { in.State = whaley.Stopping }
	return map[string]deed{
		"1 start": {func(ctx context.Context, s *store.Store) error {
			of := &whaley.Instance{ID: "pwn-bob-1", Challenge: "pwn", Owner: whaley.Owner{ID: "bob"}, State: whaley.Queued, CreatedAt: now}
			return s.Insert(ctx, of, whaley.Quota{}, whaley.Event{Type: "instance_spawn", Owner: "bob", At: now})
		}, live},
		"2 stop": {func(ctx context.Context, s *store.Store) error {
			_, err := s.Update(ctx, in.ID, []whaley.State{whaley.Running}, stop, whaley.Event{Type: "instance_stop", At: now})
			return err
		}, instance},
		"3 settings": {func(ctx context.Context, s *store.Store) error {
			return s.ChangeSettings(ctx, "admin", func(map[string]string) (map[string]string, error) {
				return map[string]string{"DRAIN": "true"}, nil
			})
		}, func(ctx context.Context, s *store.Store) (any, error) { return s.Settings(ctx) }},
		"4 setting of a challenge": {func(ctx context.Context, s *store.Store) error {
			return s.SetChallenge(ctx, whaley.ChallengeSetting{Challenge: "web", UpdatedAt: now}, whaley.Event{})
		}, settings},
		"5 its end": {func(ctx context.Context, s *store.Store) error { return s.ForgetChallenge(ctx, "web") }, settings},
		"6 mapping": {func(ctx context.Context, s *store.Store) error {
			return s.Map(ctx, &whaley.Mapping{Challenge: "web", CTFdChallenge: 7, CreatedAt: now})
		}, mappings},
		"7 its end": {func(ctx context.Context, s *store.Store) error {
			_, err := s.Unmap(ctx, "web", "")
			return err
		}, mappings},
		"8 another flag": {func(ctx context.Context, s *store.Store) error {
			_, err := s.RetireFlags(ctx, "", "alice", "admin", "rotated", now, next)
			return err
		}, flags},
		"9 no flag": {func(ctx context.Context, s *store.Store) error {
			_, err := s.RetireFlags(ctx, "", "alice", "admin", "deleted", now, nil)
			return err
		}, flags},
		"a review": {func(ctx context.Context, s *store.Store) error {
			_, err := s.ReviewSuspicion(ctx, found.ID, whaley.ReviewDismissed, "", "admin", now)
			return err
		}, suspicions},
		"b list cleared": {func(ctx context.Context, s *store.Store) error {
			_, err := s.ClearSuspicions(ctx, now)
			return err
		}, suspicions},
		"c capture": {func(ctx context.Context, s *store.Store) error {
			return s.AddCapture(ctx, whaley.Capture{ID: "c1", At: now, Containers: []string{}})
		}, captures},
		"d its end": {func(ctx context.Context, s *store.Store) error {
			_, err := s.RemoveCaptures(ctx, []string{"c1"})
			return err
		}, captures},
		"e ports": {func(ctx context.Context, s *store.Store) error {
			_, err := s.ForgetPorts(ctx, "alice", "")
			return err
		}, nil},
		"g key": {func(ctx context.Context, s *store.Store) error {
			return s.AddOrganiserKey(ctx, whaley.OrganiserKey{ID: "k1", Name: "Ada", Role: whaley.RoleViewer, Hash: "1", CreatedAt: now})
		}, keys},
		"h its end": {func(ctx context.Context, s *store.Store) error {
			return s.RevokeOrganiserKey(ctx, "k1", "admin", now)
		}, keys},
		"f sign-in": {func(ctx context.Context, s *store.Store) error {
			return s.StartSession(ctx, whaley.Session{ID: "s1", Kind: whaley.SessionAdmin, CreatedAt: now, ExpiresAt: now.Add(time.Hour)})
		}, func(ctx context.Context, s *store.Store) (any, error) {
			found, err := s.Session(ctx, "s1")
			if whaley.CodeOf(err) == whaley.CodeSessionOver {
				return nil, nil
			}
			return found.ID, err
		}},
	}, nil
}

// TestWhatAnOrganiserDoesIsDoneWithItsLineOrNotAtAll does each thing while the log cannot be written, and then again.
func TestWhatAnOrganiserDoesIsDoneWithItsLineOrNotAtAll(t *testing.T) {
	for database, url := range map[string]string{"SQLite": "", "PostgreSQL": testkit.StartPostgres(t)} {
		ctx, s := t.Context(), open(t, url, t.TempDir())
		all, err := deeds(ctx, s)
		if err != nil {
			t.Fatal(database, err)
		}
		rename := func(from, to string) {
			t.Helper()
			if err := s.Exec(ctx, "ALTER TABLE "+from+" RENAME TO "+to); err != nil {
				t.Fatal(database, err)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(all)) {
			d := all[name]
			state := func() string {
				t.Helper()
				if d.state == nil {
					return ""
				}
				now, err := d.state(ctx, s)
				text, _ := json.Marshal(now) // rows can be
				if err != nil {
					t.Fatal(database, name, err)
				}
				return string(text)
			}
			line := &whaley.Audit{Event: whaley.Event{Type: "admin_" + name, Player: "admin", At: time.Now()}}
			audited := whaley.WithAudit(ctx, line)
			before := state()
			rename("event_words", "event_words_away")
			err := d.do(audited, s)
			rename("event_words_away", "event_words")
			if err == nil || line.Written() {
				t.Errorf("%s: %s: without a line it is refused no more: %v", database, name, err)
			}
			if now := state(); now != before {
				t.Errorf("%s: %s was refused and done: %s is now %s", database, name, before, now)
			}
			if err := d.do(audited, s); err != nil || !line.Written() {
				t.Errorf("%s: %s: %v, written %t", database, name, err, line.Written())
			}
			if after := state(); after != "" && after == before {
				t.Errorf("%s: %s changes nothing", database, name)
			}
			lines, err := s.FindEvents(ctx, whaley.EventQuery{Types: []string{"admin_" + name}, Limit: 10})
			if err != nil || len(lines) != 1 {
				t.Errorf("%s: %s is %d times in the log: %v", database, name, len(lines), err)
			}
		}
	}
}

// TestALineGoesWithTheFirstThatIsDone tells of what the line leaves open by the event that it goes with, and once.
func TestALineGoesWithTheFirstThatIsDone(t *testing.T) {
	s := open(t, "", t.TempDir())
	line := &whaley.Audit{Event: whaley.Event{Type: "admin_stop", Player: "admin", At: time.Now()}}
	ctx := whaley.WithAudit(t.Context(), line)
	for n, ev := range []whaley.Event{
		{Type: "instance_stop", Instance: "one", Owner: "alice", Message: "stopped", At: time.Now()},
		{Type: "instance_stop", Instance: "two", Owner: "bob", At: time.Now()},
	} {
		if err := s.Record(ctx, ev); err != nil {
			t.Fatal(n, err)
		}
	}
	found, err := s.FindEvents(ctx, whaley.EventQuery{Types: []string{"admin_stop"}, Limit: 10})
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	if ev := found[0]; ev.Instance != "one" || ev.Owner != "alice" || ev.Message != "stopped" || ev.Player != "admin" {
		t.Errorf("%+v", ev)
	}
}
