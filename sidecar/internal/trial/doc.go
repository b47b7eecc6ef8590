// Package trial lets organisers try drafts: it builds one, starts an instance that is theirs alone and thrown away
// afterwards, and runs its solver against that.
//
// It promises: a trial takes no player's place and is in no statistics; there is at most one of each draft; it ends by
// itself; what it was made of is gone with it.
package trial
