package store_test

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type closing struct{ io.ReadWriter }

func (closing) Close() error { return nil }

// TestABackupIsTheWholeDatabase fills a database by the whole suite, and wants the same back out of another.
func TestABackupIsTheWholeDatabase(t *testing.T) {
	url, second := testkit.StartPostgres(t), testkit.StartPostgres(t)
	for kind, databases := range map[string][2]func() *store.Store{
		"sqlite": {
			func() *store.Store { return open(t, "", t.TempDir()) }, func() *store.Store { return open(t, "", t.TempDir()) },
		},
		"postgres": {func() *store.Store { return open(t, url, "") }, func() *store.Store { return open(t, second, "") }},
	} {
		t.Run(kind, func(t *testing.T) {
			from, into := databases[0](), databases[1]()
			if from.Kind() != kind {
				t.Errorf("kind %q", from.Kind())
			}
			t.Run("filled", func(t *testing.T) {
				storetest.Run(t, func(*testing.T) *store.Store { return from })
			})
			issued := &whaley.IssuedFlag{
				Challenge: "web", Owner: whaley.Owner{ID: "o"}, Value: "FLAG{x}", Token: "x", CreatedAt: time.Now(),
			}
			if err := from.Map(context.Background(), &whaley.Mapping{Challenge: "web", CTFdChallenge: 7}); err != nil {
				t.Fatal(err)
			}
			if _, err := from.IssueFlag(context.Background(), issued, whaley.Event{}); err != nil {
				t.Fatal(err)
			}
			saved := backup(t, from)
			for _, table := range []string{"instances", "events", "event_words", "flags", "flag_registrations", "meta"} {
				if saved[table] == "" {
					t.Errorf("there is nothing in %s to try it with", table)
				}
			}
			if err := restore(into, saved); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(sorted(saved), sorted(backup(t, into))); diff != "" {
				t.Errorf("restored another database:\n%.2000s", diff)
			}
			if err := restore(into, saved); whaley.CodeOf(err) != "database_not_empty" {
				t.Errorf("restoring over it: %v", err)
			}
			in := &whaley.Instance{
				ID: "new", Challenge: "new", Slug: "s", Owner: whaley.Owner{ID: "new"}, State: whaley.Queued, CreatedAt: time.Now(),
			}
			if err := into.Insert(
				context.Background(), in, whaley.Quota{}, whaley.Event{Type: "instance_spawn", Instance: "new", At: time.Now()},
			); err != nil {
				t.Errorf("going on after a restore: %v", err)
			}
		})
	}
}

func TestABackupOfAnOlderVersionGetsTheDefaultsOfNewColumns(t *testing.T) {
	s := open(t, "", t.TempDir())
	older := map[string]string{"meta": `{"name":"deployment","value":"D"}` + "\n",
		"events": `{"id":"1","type":"x","instance":"i","challenge":"c","owner":"o","player":"p","message":"m","at":"2026-11-01 00:00:00+00:00"}` +
			"\n"}
	if err := restore(s, older); err != nil {
		t.Fatal(err)
	}
	events, err := s.Events(context.Background(), "i")
	if err != nil || len(events) != 1 || events[0].Type != "x" {
		t.Errorf("%+v %v", events, err)
	}
	younger := map[string]string{"meta": `{"name":"deployment","value":"D","colour":"red"}` + "\n"}
	if err := restore(open(t, "", t.TempDir()), younger); err == nil || !strings.Contains(err.Error(), "younger") {
		t.Errorf("a backup with an unknown column: %v", err)
	}
}

func backup(t *testing.T, s *store.Store) map[string]string {
	t.Helper()
	buffers := map[string]*bytes.Buffer{}
	err := s.Backup(context.Background(), func(table string) (io.WriteCloser, error) {
		buffers[table] = &bytes.Buffer{}
		return closing{buffers[table]}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	saved := map[string]string{}
	for table, b := range buffers {
		saved[table] = b.String()
	}
	return saved
}

func restore(s *store.Store, saved map[string]string) error {
	return s.Restore(context.Background(), func(table string) (io.ReadCloser, error) {
		text, there := saved[table]
		if !there {
			return nil, nil
		}
		return closing{bytes.NewBufferString(text)}, nil
	})
}

// sorted is what was saved without the order of the rows.
func sorted(saved map[string]string) map[string][]string {
	all := map[string][]string{}
	for table, text := range saved {
		rows := strings.Split(text, "\n")
		slices.Sort(rows)
		all[table] = rows
	}
	return all
}
