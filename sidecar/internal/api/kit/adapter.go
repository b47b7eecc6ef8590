package kit

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Whaley's plugin in CTFd shows its key, and for whom it asks: who is signed in there.
const (
	adapterScheme  = "Adapter"
	adapterAccount = "X-Whaley-Account"
	adapterAddress = "X-Whaley-Address"
)

// AdapterOf is the account that the plugin asks for; not shown: it is not the plugin.
func (a *Surface) AdapterOf(r *http.Request) (account int, shown bool, err error) {
	if shown, err = a.IsAdapter(r); !shown || err != nil {
		return 0, shown, err
	}
	account, err = strconv.Atoi(r.Header.Get(adapterAccount))
	if err != nil || account < 1 {
		return 0, true, whaley.Errorf(
			whaley.Invalid, "account_invalid", "%s must be the number of an account of CTFd.", adapterAccount,
		)
	}
	return account, true, nil
}

// IsAdapter says whether a request shows a key of the plugin's, and refuses a wrong one, which counts as an attempt.
func (a *Surface) IsAdapter(r *http.Request) (shown bool, err error) {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, adapterScheme) {
		return false, nil
	}
	got, want := sha256.Sum256([]byte(key)), sha256.Sum256([]byte(a.Opts.AdapterKey))
	if a.Opts.AdapterKey != "" && a.Players != nil && subtle.ConstantTimeCompare(got[:], want[:]) == 1 {
		a.heard.Store(time.Now().Unix())
		return true, nil
	}
	if err := a.Limit(r, "adapter", a.Opts.Limits().Attempts); err != nil {
		return true, err
	}
	return true, ErrAdapter
}

// pluginLately is how long a plugin that has asked for something is taken to be there: each open challenge window asks
// every few seconds.
const pluginLately = 10 * time.Minute

// PluginPage is the page of the plugin in CTFd that signs in here; empty: no plugin has been heard of lately.
func (a *Surface) PluginPage() string {
	if a.Opts.CTFdURL == "" || time.Since(time.Unix(a.heard.Load(), 0)) > pluginLately {
		return ""
	}
	return strings.TrimRight(a.Opts.CTFdURL, "/") + "/plugins/whaley/sign-in"
}

// ErrAdapter is what a request without the right ADAPTER_KEY gets.
var ErrAdapter = whaley.Errorf(
	whaley.Unauthorized, "adapter_refused", "The plugin's key is missing or not ADAPTER_KEY.",
)

// byAccount is the player of an account. Where they are is what the plugin says: CTFd is where the request comes from.
func (a *Surface) byAccount(r *http.Request, account int) (whaley.Player, error) {
	p, err := a.Players.ByAccount(r.Context(), account)
	if err != nil {
		return whaley.Player{}, err
	}
	if from, err := netip.ParseAddr(r.Header.Get(adapterAddress)); err == nil {
		p.Address = from.Unmap().WithZone("").String()
	}
	return p, nil
}
