// Package flag makes owners' flags and brings them into CTFd.
//
// It promises:
//   - an owner has one flag per challenge until an organiser retires it, and every flag is recognised for ever;
//   - what should be in CTFd is a row first: it gets there although CTFd, this process or the network fails meanwhile,
//     and comes back when somebody removes it there.
package flag
