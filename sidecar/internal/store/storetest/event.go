package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// events checks what is kept of what happened.
func events(t *testing.T, s, other *store.Store) {
	ctx := context.Background()
	record := func(t *testing.T, evs ...whaley.Event) {
		t.Helper()
		for _, ev := range evs {
			if err := s.Record(whaley.WithRequest(ctx, "request-1"), ev); err != nil {
				t.Fatal(err)
			}
		}
	}
	find := func(t *testing.T, q whaley.EventQuery) []string {
		t.Helper()
		if q.Limit == 0 {
			q.Limit = 100
		}
		found, err := other.FindEvents(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		messages := []string{}
		for _, ev := range found {
			messages = append(messages, ev.Message)
		}
		return messages
	}

	t.Run("EventsAreFoundByWhatTheyAreAbout", func(t *testing.T) {
		who, at := owner(), time.Now().UTC().Truncate(time.Microsecond)
		record(t,
			whaley.Event{
				Type: "instance_spawn", Instance: "i1", Challenge: "web", Owner: who, Player: "p1", Message: "asked for web-notes",
				At: at.Add(-time.Hour),
			},
			whaley.Event{
				Type: "instance_spawn_failed", Instance: "i1", Challenge: "web", Owner: who, Player: "p1",
				Message: "service_exited: It ENDED with code 1", At: at,
			},
			whaley.Event{
				Type: "instance_spawn", Instance: "i2", Challenge: "pwn", Owner: who, Player: "p2", Message: "für Ärger gebaut",
				At: at,
			},
		)
		for _, c := range []struct {
			q    whaley.EventQuery
			want []string
		}{
			{whaley.EventQuery{}, []string{"für Ärger gebaut", "service_exited: It ENDED with code 1", "asked for web-notes"}},
			{whaley.EventQuery{Types: []string{"instance_spawn"}}, []string{"für Ärger gebaut", "asked for web-notes"}},
			{whaley.EventQuery{Instance: "i1", Types: []string{"instance_spawn", "other"}}, []string{"asked for web-notes"}},
			{whaley.EventQuery{Challenge: "pwn"}, []string{"für Ärger gebaut"}},
			{whaley.EventQuery{Player: "p1", From: at.Add(-time.Minute)}, []string{"service_exited: It ENDED with code 1"}},
			{whaley.EventQuery{To: at}, []string{"asked for web-notes"}},
			{whaley.EventQuery{Words: "ended exited"}, []string{"service_exited: It ENDED with code 1"}},
			{whaley.EventQuery{Words: "notes"}, []string{"asked for web-notes"}},
			{whaley.EventQuery{Words: "Web-No"}, []string{"asked for web-notes"}},
			{whaley.EventQuery{Words: "ärg"}, []string{"für Ärger gebaut"}},
			{whaley.EventQuery{Words: "otes"}, []string{}},
			{whaley.EventQuery{Words: `" OR 1=1 -- :* & | ' \ (`}, []string{}},
			{whaley.EventQuery{Words: "code 2"}, []string{}},
		} {
			c.q.Owner = who
			if diff := cmp.Diff(c.want, find(t, c.q)); diff != "" {
				t.Errorf("%+v (-want +found)\n%s", c.q, diff)
			}
		}
	})

	t.Run("PagesOfEventsNeitherRepeatNorLeaveOut", func(t *testing.T) {
		who := owner()
		for n := range 25 {
			record(t, whaley.Event{Type: "page", Owner: who, Message: fmt.Sprint("number ", n), At: time.Now()})
		}
		var all []string
		after := ""
		for {
			found, err := s.FindEvents(ctx, whaley.EventQuery{Owner: who, After: after, Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			for _, ev := range found {
				all = append(all, ev.Message)
				after = ev.ID
				if ev.Request != "request-1" {
					t.Errorf("request %q", ev.Request)
				}
			}
			if len(found) < 10 {
				break
			}
			record(t, whaley.Event{Type: "page", Owner: who, Message: "came meanwhile", At: time.Now()})
		}
		slices.Reverse(all)
		for n, message := range all {
			if message != fmt.Sprint("number ", n) {
				t.Fatalf("%d is %q of %q", n, message, all)
			}
		}
		if len(all) != 25 {
			t.Errorf("%d of 25", len(all))
		}
	})

	t.Run("OldEventsAreForgottenWithTheirWords", func(t *testing.T) {
		who, old := owner(), time.Now().Add(-1000*time.Hour)
		record(t,
			whaley.Event{Type: "old", Owner: who, Message: "quetzalcoatl one", At: old},
			whaley.Event{Type: "old", Owner: who, Message: "quetzalcoatl two", At: old},
			whaley.Event{Type: "new", Owner: who, Message: "quetzalcoatl three", At: time.Now()},
		)
		for _, want := range []int{1, 1, 0} {
			if n, err := s.ForgetEvents(ctx, time.Now().Add(-999*time.Hour), 1); err != nil || n != want {
				t.Errorf("forgot %d instead of %d: %v", n, want, err)
			}
		}
		if got := find(t, whaley.EventQuery{Words: "quetzalcoatl"}); !slices.Equal(got, []string{"quetzalcoatl three"}) {
			t.Errorf("%q", got)
		}
	})

	t.Run("AnEventTakesWhateverAPlayerMaySend", func(t *testing.T) {
		who := owner()
		record(
			t, whaley.Event{Type: "odd", Owner: who, Message: "a\x00b\xff\"'\n" + strings.Repeat("ü", 5000), At: time.Now()},
		)
		got := find(t, whaley.EventQuery{Owner: who})
		if len(got) != 1 || !strings.HasPrefix(got[0], "a�b�\"'\nü") || len(got[0]) > 2100 {
			t.Errorf("%q", got)
		}
	})

	t.Run("EventsAreToldOnceTheyAreCommittedAndNoOthers", func(t *testing.T) {
		var mu sync.Mutex
		var told []whaley.Event
		s.OnEvents(func(evs []whaley.Event) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, evs...)
		})
		defer s.OnEvents(nil)
		in := fresh(owner(), "web")
		if err := s.Insert(ctx, in, whaley.Quota{}, event(in, "instance_spawn")); err != nil {
			t.Fatal(err)
		}
		again := fresh(in.Owner.ID, "web")
		if err := s.Insert(ctx, again, whaley.Quota{}, event(again, "instance_spawn")); whaley.CodeOf(err) != whaley.CodeLiveInstance {
			t.Fatal(err)
		}
		if len(told) != 1 || told[0].Instance != in.ID || told[0].ID == "" {
			t.Errorf("%+v", told)
		}
		followed, err := s.EventsAfter(ctx, "", 1000)
		if err != nil || len(followed) == 0 || followed[len(followed)-1].ID != told[0].ID {
			t.Errorf("%d events, the last is not the one that was told: %v", len(followed), err)
		}
	})

	t.Run("EventsAreCounted", func(t *testing.T) {
		before, err := s.EventStats(ctx)
		if err != nil {
			t.Fatal(err)
		}
		record(
			t, whaley.Event{Type: "counted", Owner: owner(), At: time.Now()},
			whaley.Event{Type: "counted", At: time.Now().Add(-30 * time.Hour)},
		)
		after, err := s.EventStats(ctx)
		if err != nil || after.Total != before.Total+2 || after.ByType["counted"] != 2 ||
			after.LastDay != before.LastDay+1 || after.Owners != before.Owners+1 {
			t.Errorf("before %+v, after %+v %v", before, after, err)
		}
	})
}

// captures checks the rows of what instances printed.
func captures(t *testing.T, s, other *store.Store) {
	ctx := context.Background()
	at := time.Now().UTC().Truncate(time.Microsecond)
	who := owner()
	capture := func(n int, kind string) whaley.Capture {
		return whaley.Capture{
			ID: fmt.Sprintf("2030%02d_web_%s", n, who), Instance: "i", Challenge: "web",
			Owner: whaley.Owner{ID: who, Name: "näme"}, Player: "p",
			Kind: kind, Reason: "expired", At: at.Add(time.Duration(n) * time.Hour), File: "f", Size: 100, Compressed: true,
			Containers: []string{"i-web", "i-db"}, Holder: "here",
		}
	}
	for n, kind := range []string{whaley.CaptureAuto, whaley.CaptureLive, whaley.CaptureAuto} {
		if err := s.AddCapture(ctx, capture(n, kind)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := other.Capture(ctx, capture(1, "").ID)
	if want := capture(1, whaley.CaptureLive); err != nil || got == nil || cmp.Diff(want, *got) != "" {
		t.Errorf("%v %v", cmp.Diff(want, got), err)
	}
	if none, err := s.Capture(ctx, "none"); none != nil || err != nil {
		t.Errorf("%v %v", none, err)
	}
	stats, err := s.CaptureStats(ctx)
	if err != nil || stats != (whaley.CaptureStats{Auto: 2, Live: 1, Bytes: 300}) {
		t.Errorf("%+v %v", stats, err)
	}
	for _, c := range []struct {
		q    whaley.CaptureQuery
		want []int
	}{
		{whaley.CaptureQuery{}, []int{2, 1, 0}},
		{whaley.CaptureQuery{Kind: "auto", Owner: who}, []int{2, 0}},
		{whaley.CaptureQuery{To: at.Add(time.Hour)}, []int{0}},
		{whaley.CaptureQuery{After: capture(2, "").ID}, []int{1, 0}},
		{whaley.CaptureQuery{Holder: "elsewhere"}, nil},
	} {
		c.q.Limit = 10
		found, err := other.Captures(ctx, c.q)
		var ids, want []string
		for _, f := range found {
			ids = append(ids, f.ID)
		}
		for _, n := range c.want {
			want = append(want, capture(n, "").ID)
		}
		if err != nil || !slices.Equal(ids, want) {
			t.Errorf("%+v: %q %v", c.q, ids, err)
		}
	}
	if n, err := s.RemoveCaptures(ctx, []string{capture(0, "").ID, capture(2, "").ID, "none"}); n != 2 || err != nil {
		t.Errorf("removed %d %v", n, err)
	}
}

// counted checks what metrics count by.
func counted(t *testing.T, s, other *store.Store) {
	ctx := context.Background()
	in := fresh(owner(), "counted")
	in.Memory = 7
	if err := s.Insert(ctx, in, whaley.Quota{}, whaley.Event{}); err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	row := func() *whaley.LiveRow {
		t.Helper()
		all, err := other.LiveRows(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			if r.ID == in.ID {
				return &r
			}
		}
		return nil
	}
	want := whaley.LiveRow{
		ID: in.ID, Challenge: "counted", Owner: in.Owner, Player: in.Player, State: whaley.Queued, CreatedAt: in.CreatedAt,
		Memory: 7,
	}
	if got := row(); got == nil || cmp.Diff(want, *got) != "" {
		t.Errorf("%v", cmp.Diff(&want, got))
	}
	change := func(state whaley.State) {
		t.Helper()
		_, err := s.Update(ctx, in.ID, whaley.LiveStates, func(in *whaley.Instance) {
			in.State, in.StartedAt, in.ExpiresAt = state, now, now.Add(time.Hour)
		}, whaley.Event{})
		if err != nil {
			t.Fatal(err)
		}
	}
	change(whaley.Running)
	want.State, want.StartedAt, want.ExpiresAt = whaley.Running, now, now.Add(time.Hour)
	if got := row(); got == nil || cmp.Diff(want, *got) != "" {
		t.Errorf("%v", cmp.Diff(&want, got))
	}
	if change(whaley.Stopped); row() != nil {
		t.Error("what has ended is counted")
	}
	if _, err := s.SubnetsHeld(ctx); err != nil {
		t.Error(err)
	}
}
