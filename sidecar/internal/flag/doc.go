// Package flag makes owners' flags, brings them into CTFd and finds out who submitted somebody else's.
//
// It promises:
//   - an owner has one flag per challenge until an organiser retires it, and every flag is recognised for ever;
//   - what should be in CTFd is a row first: it gets there although CTFd, this process or the network fails meanwhile,
//     and comes back when somebody removes it there;
//   - every submission that CTFd still has is looked at, in whatever order and however often CTFd lists it, and what it
//     proves is copied before it can disappear;
//   - nobody is punished: findings go to a list that people review.
package flag
