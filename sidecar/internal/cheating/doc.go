// Package cheating finds out who submitted a flag that was made for somebody else, and which solves do not fit what the
// solver's instances did.
//
// It promises:
//   - every submission that CTFd still has is looked at, in whatever order and however often CTFd lists it, and what it
//     proves is copied before it can disappear;
//   - nobody is punished: findings go to a list that people review.
package cheating
