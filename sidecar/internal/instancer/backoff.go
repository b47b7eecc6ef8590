package instancer

import "time"

const (
	firstBackoff = 5 * time.Second
	lastBackoff  = time.Minute
)

// failures are an owner's failed spawns of a challenge in a row. Memory only: after a restart everybody may try again.
type failures struct {
	count  int
	until  time.Time
	reason *Error
}

func backoffKey(owner, challenge string) string { return owner + "/" + challenge }

// failed counts a failure and returns its reason with the time to wait, which doubles each time.
func (i *Instancer) failed(in *Instance, reason *Error) *Error {
	i.mu.Lock()
	defer i.mu.Unlock()
	key := backoffKey(in.Owner.ID, in.Challenge)
	f := i.backoffs[key]
	wait := min(firstBackoff<<min(f.count, 10), lastBackoff)
	remembered := *reason
	remembered.RetryAfter = wait
	i.backoffs[key] = failures{count: f.count + 1, until: time.Now().Add(wait), reason: &remembered}
	return &remembered
}

func (i *Instancer) succeeded(in *Instance) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.backoffs, backoffKey(in.Owner.ID, in.Challenge))
}

// backoff is the reason of the last failure while its back-off lasts, with what is left of it, else nil.
func (i *Instancer) backoff(owner, challenge string) *Error {
	i.mu.Lock()
	defer i.mu.Unlock()
	f, ok := i.backoffs[backoffKey(owner, challenge)]
	left := time.Until(f.until)
	if !ok || left <= 0 {
		return nil
	}
	reason := *f.reason
	reason.RetryAfter = left
	return &reason
}
