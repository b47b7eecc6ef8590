// Package jail is a stand-in for the programs by which authors give each connection to a challenge a sandbox of its
// own: nsjail, redpwn/jail, kCTF's, DownUnderCTF's and cybersecnatlab's. Where each owner has an instance, the sandbox
// has no one left to protect from another owner; what remains is their contract. The stand-in takes the place of these
// programs in an image and needs no privilege but to change its root: it reads the jail's own configuration, listens,
// enters the root, becomes the user, sets limits, and runs the program once for each connection. What it does not do it
// says in its log.
//
// What runs in the jail is hostile. It is never root, so it can neither end, trace nor read the listener, which is; it
// holds nothing of the listener's but its own connection; and whatever it leaves behind is ended with that. Nothing
// here sends a signal to more than one session or to one user, whom the sender has become before.
package jail
