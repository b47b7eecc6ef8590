// Package cheating finds out which owners submitted a flag of another owner, and which solves do not fit what the
// solver's instances did.
//
// It promises:
//   - every submission that CTFd still has is looked at, in whatever order and however often CTFd lists it, and what it
//     proves is copied before it can disappear;
//   - no player is punished: findings go to a list that organisers review.
package cheating
