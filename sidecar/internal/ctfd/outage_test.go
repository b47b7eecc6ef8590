package ctfd_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
)

func TestAnOutageIsToldOnceHoweverOftenCTFdIsAskedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		client, err := ctfd.New("http://127.0.0.1:1", ctfd.Fixed("key"), slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		for range 60 {
			_, _ = client.TeamMode(t.Context())
			time.Sleep(2 * time.Second)
		}
		if n := strings.Count(log.String(), "level=WARN"); n != 1 {
			t.Errorf("%d warnings of one outage:\n%s", n, log.String())
		}
	})
}
