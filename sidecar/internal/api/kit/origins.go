package kit

import (
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

const (
	originsWindow = 15 * time.Minute // after which everything is looked at anew
	originsEnough = 20               // requests, before anything is said of them
	browsersMany  = 3                // of different kinds: one person has no more
)

// Origins notices when all players seem to be one: a proxy is in front that TRUSTED_PROXIES does not name. All then
// have one identity, one flag and one rate limit.
type Origins struct {
	local bool
	log   *slog.Logger
	seed  maphash.Seed

	mu       sync.Mutex
	began    time.Time
	one      netip.Addr // from which all requests came so far; loopback counts only as long as nothing else came
	several  bool
	requests int
	said     bool // by some of them, that they are passed on for somebody else
	browsers map[uint64]bool
	trouble  error // of this window, or of the last until this one has enough
}

// NewOrigins makes one. local: whoever uses it sits at this computer, so loopback is no proxy.
func NewOrigins(local bool, log *slog.Logger) *Origins {
	return &Origins{local: local, log: log, seed: maphash.MakeSeed()}
}

// see is told of every request of a player, and of the address that it counts as.
func (o *Origins) see(r *http.Request, address netip.Addr) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if now := time.Now(); now.Sub(o.began) > originsWindow {
		o.began, o.one, o.several, o.requests, o.said, o.browsers = now, netip.Addr{}, false, 0, false, map[uint64]bool{}
	}
	if o.one != address {
		switch {
		case !o.one.IsValid() || o.one.IsLoopback():
			o.one, o.requests, o.said = address, 0, false
			clear(o.browsers)
		case !address.IsLoopback():
			o.several = true
		default:
			return
		}
	}
	o.requests++
	first, _, _ := strings.Cut(r.Header.Get("X-Forwarded-For"), ",")
	o.said = o.said || first != "" && strings.TrimSpace(first) != address.String()
	if len(o.browsers) < browsersMany {
		o.browsers[maphash.String(o.seed, r.UserAgent()+"\x00"+r.Header.Get("Accept-Language"))] = true
	}
	o.judge()
}

func (o *Origins) judge() {
	if o.requests < originsEnough {
		return
	}
	before := o.trouble
	o.trouble = nil
	shared := o.one.IsPrivate() || o.one.IsLinkLocalUnicast() || o.one.IsLoopback() && !o.local
	if o.several || !shared || !o.said && len(o.browsers) < browsersMany {
		return
	}
	o.trouble = fmt.Errorf(
		"all requests of players come from %s: if that is a proxy, name it in TRUSTED_PROXIES, and let it say "+
			"for whom it asks (X-Forwarded-For or PROXY protocol), else all players are one", o.one,
	)
	if before == nil {
		o.log.Warn(
			"all players are at one private address, as behind a proxy that is not trusted", "address", o.one, "err", o.trouble,
		)
	}
}

// Ping is what seems wrong at this moment.
func (o *Origins) Ping(context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.trouble
}
