package ctfd

import (
	"net/http"
	"net/http/cookiejar"
	"sync"
)

// ownSession keeps the one cookie that belongs to the admin's access token. CTFd signs in whoever shows a token and
// keeps that session for seven days, a new one for every call without its cookie. A cookie of one account beside the
// token of another would make a session of the first an admin's, so another key begins anew and players' tokens never
// get here.
type ownSession struct {
	http *http.Client // without cookies

	mu   sync.Mutex
	key  string
	with *http.Client // nil: none yet
}

// client is what calls with a key are made by; used says that one may have been made with it before.
func (o *ownSession) client(key string) (by *http.Client, used bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.with != nil && o.key == key {
		return o.with, true
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return o.http, false // without options it makes no error
	}
	with := *o.http
	with.Jar = jar
	o.key, o.with = key, &with
	return o.with, false
}

// forget drops the cookie.
func (o *ownSession) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.with = nil
}
