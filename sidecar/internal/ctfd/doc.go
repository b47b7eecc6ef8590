// Package ctfd is the client of CTFd's REST API and nothing else: one verb or aggregate a file, no rules.
//
// It promises:
//   - every request says that it is JSON, because without that CTFd ignores the token without a word;
//   - no redirect is followed and no cookie kept: an answer with a cookie is a login, and two people's must never meet;
//   - every call ends within its deadline, and while CTFd does not answer at all, calls fail at once instead of waiting;
//   - what CTFd refuses is an *instancer.Error with a code of this package; its Err is a *Refusal with CTFd's own words.
package ctfd
