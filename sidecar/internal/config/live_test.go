package config_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
)

var sealKey = bytes.Repeat([]byte{7}, 32)

func openStore(t *testing.T, url, dir string) *store.Store {
	t.Helper()
	db, err := store.Open(context.Background(), url, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func live(t *testing.T, db config.Store, env map[string]string, log *slog.Logger) *config.Live {
	t.Helper()
	l, err := config.NewLive(context.Background(), env, db, sealKey, log)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func text(s string) *string { return &s }

func TestAChangeSurvivesARestartAndOneThatNoLongerFitsIsIgnored(t *testing.T) {
	db := openStore(t, "", t.TempDir())
	var said bytes.Buffer
	log := slog.New(slog.NewTextHandler(&said, nil))
	first := live(t, db, nil, log)
	if err := first.Change(
		context.Background(), "somebody", map[string]*string{"PORT_RANGE_START": text("35000"), "MAX_INSTANCES": text("9")},
	); err != nil {
		t.Fatal(err)
	}
	if c := live(t, db, nil, log).Config(); c.PortRangeStart != 35000 || c.MaxInstances != 9 {
		t.Errorf("after a restart %d %d", c.PortRangeStart, c.MaxInstances)
	}
	narrow := live(t, db, map[string]string{"PORT_RANGE_END": "34000"}, log)
	if c := narrow.Config(); c.PortRangeStart != 30000 || c.MaxInstances != 9 ||
		narrow.Now().Ignored["PORT_RANGE_START"] == "" || !strings.Contains(said.String(), "PORT_RANGE_START") {
		t.Errorf("%d %d %v\n%s", c.PortRangeStart, c.MaxInstances, narrow.Now().Ignored, said.String())
	}
}

func TestChangesAtOnceAreCheckedTogether(t *testing.T) {
	dir := t.TempDir()
	var refused atomic.Int32
	done := make(chan struct{})
	log := slog.New(slog.DiscardHandler)
	for _, change := range []map[string]*string{{"PORT_RANGE_START": text("39000")}, {"PORT_RANGE_END": text("31000")}} {
		l := live(t, openStore(t, "", dir), nil, log)
		go func() {
			if l.Change(context.Background(), "somebody", change) != nil {
				refused.Add(1)
			}
			done <- struct{}{}
		}()
	}
	<-done
	<-done
	if refused.Load() != 1 {
		t.Errorf("%d of two that exclude each other were refused", refused.Load())
	}
	if c := live(t, openStore(t, "", dir), nil, log); len(c.Now().Ignored) > 0 {
		t.Errorf("%v", c.Now().Ignored)
	}
}

func TestOnlyWhatIsLiveCanBeChanged(t *testing.T) {
	l := live(t, openStore(t, "", t.TempDir()), nil, slog.New(slog.DiscardHandler))
	for _, s := range config.Table() {
		if s.Live {
			continue
		}
		if err := l.Change(context.Background(), "somebody", map[string]*string{s.Name: text(s.Default)}); err == nil ||
			!strings.Contains(err.Error(), s.Name) {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
}

func TestASecretIsSealedInTheDatabase(t *testing.T) {
	dir := t.TempDir()
	db := openStore(t, "", dir)
	log := slog.New(slog.DiscardHandler)
	const secret = "https://discord.com/api/webhooks/1/hunter2hunter2"
	if err := live(t, db, nil, log).Change(
		context.Background(), "somebody", map[string]*string{"DISCORD_WEBHOOK_URL": text(secret)},
	); err != nil {
		t.Fatal(err)
	}
	kept, err := db.Settings(context.Background())
	if err != nil || kept["DISCORD_WEBHOOK_URL"] == "" || strings.Contains(kept["DISCORD_WEBHOOK_URL"], "hunter2") {
		t.Errorf("%v %v", kept, err)
	}
	changes, err := db.SettingChanges(context.Background(), "", 1)
	if err != nil || strings.Contains(*changes[0].After, "hunter2") {
		t.Errorf("%v %v", changes, err)
	}
	if c := live(t, db, nil, log).Config(); string(c.DiscordWebhookURL) != secret {
		t.Errorf("after a restart it is %d bytes", len(c.DiscordWebhookURL))
	}
	other, err := config.NewLive(context.Background(), nil, db, bytes.Repeat([]byte{8}, 32), log)
	if err != nil || other.Config().DiscordWebhookURL != "" || other.Now().Ignored["DISCORD_WEBHOOK_URL"] == "" {
		t.Errorf("with another key: %v", err)
	}
}
