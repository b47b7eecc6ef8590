package guest

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"
)

// Verb is what a guest that stays is asked to do.
type Verb string

// What can be asked of a guest that stays.
const (
	Start Verb = "start" // run the program; one that runs is left as it is, and one that is halted goes on
	Halt  Verb = "halt"  // halt the program and all that it has started, until a start
	Stop  Verb = "stop"  // end the program, by force after Grace
	Wait  Verb = "wait"  // answer once no program runs
	Exec  Verb = "exec"  // run Argv beside the program, as its user, and answer with its code
	Look  Verb = "look"  // say how it is
	Count Verb = "count" // say what its container uses, also
)

// Request is what a guest that stays is asked.
type Request struct {
	Do Verb `json:"do"`
	// Message is what a start tells; what was told before counts, and this not. nil: that has to be so.
	Message *Message      `json:"message,omitempty"`
	Files   int64         `json:"files,omitempty"` // how many bytes of the message's files follow; Ask says it
	Grace   time.Duration `json:"grace,omitempty"`
	Argv    []string      `json:"argv,omitempty"`
}

// State is how the program of a container is.
type State string

// The states of a program.
const (
	Waiting State = "waiting" // it has not been started yet
	Running State = "running"
	Ended   State = "ended" // it may be started again
)

// Reply is what a guest that stays answers.
type Reply struct {
	State  State  `json:"state"`
	Code   int    `json:"code,omitempty"`   // with which the program, or what was run beside it, ended
	Failed int    `json:"failed,omitempty"` // what was asked was not done; the code of an Outcome
	Why    string `json:"why,omitempty"`    // not
	Use    *Use   `json:"use,omitempty"`    // what a container uses, if that was asked and can be seen
}

// Use is what a container uses, by the kernel's counters. What cannot be seen is 0.
type Use struct {
	CPU     time.Duration `json:"cpu"` // of all CPUs, since the start
	Memory  int64         `json:"memory"`
	Limit   int64         `json:"limit"`
	Pids    int64         `json:"pids"`
	In      int64         `json:"in"` // bytes from the network, of all containers of a Pod
	Out     int64         `json:"out"`
	Read    int64         `json:"read"` // bytes from disks
	Written int64         `json:"written"`
	Opened  int64         `json:"opened"` // TCP connections that its Pod has taken, with those to guests
	Asked   int64         `json:"asked"`  // those of them to this guest
	Held    int           `json:"held"`   // connections from elsewhere that its Pod has open, without those to guests
}

// Ports are where guests of one Pod are asked, from the first on.
const (
	FirstPort = 7117
	mostPorts = 16
)

// KeyOf is the key of a container that is called by a name which no other ever has, of those of a secret.
func KeyOf(secret []byte, name string) Key {
	return sha256.Sum256(fmt.Appendf(nil, "%d:%s:%s", len(secret), secret, name))
}

// keepAlive finds out that a machine is no more while an answer is waited for.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 5 * time.Second, Count: 3}

// ErrAway is why something could not be asked: nobody is there, or there no more.
var ErrAway = errors.New("no guest answers")

// Ask asks the guest at an address. An Outcome is why it did not do it, ErrAway that it may not have heard.
func Ask(ctx context.Context, at netip.AddrPort, k Key, r Request) (answer Reply, err error) {
	var files []byte
	if r.Message != nil {
		files = r.Message.Files
		r.Files = int64(len(files))
	}
	text, err := json.Marshal(r)
	if err != nil {
		return answer, fmt.Errorf("ask a guest to %s: %w", r.Do, err)
	}
	if len(text) > Most {
		return answer, fmt.Errorf("ask a guest to %s: it has %d bytes, and at most %d are taken", r.Do, len(text), Most)
	}
	conn, err := dial(ctx, at)
	if err != nil {
		return answer, fmt.Errorf("%w: %w", ErrAway, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	_, err = conn.Write(append(binary.BigEndian.AppendUint32(k[:], uint32(len(text))), text...))
	if err == nil && len(files) > 0 {
		_, err = conn.Write(files)
	}
	if err == nil {
		err = json.NewDecoder(bufio.NewReader(io.LimitReader(conn, mostReplied))).Decode(&answer)
	}
	switch {
	case err != nil:
		return answer, fmt.Errorf("%w when asked to %s: %w", ErrAway, r.Do, errors.Join(err, ctx.Err()))
	case answer.Failed != 0:
		return answer, Outcome{answer.Failed, answer.Why}
	}
	return answer, nil
}

// Of a connection that is not answered: policies of networks that have just learned of a Pod may drop its first packet,
// which the kernel sends again only after a second.
const dialFirst, dialMost = 100 * time.Millisecond, 3 * time.Second

// dial connects, and begins again where nothing is heard.
func dial(ctx context.Context, at netip.AddrPort) (net.Conn, error) {
	for wait := dialFirst; ; wait *= 2 {
		dialer := net.Dialer{KeepAliveConfig: keepAlive, Timeout: wait}
		conn, err := dialer.DialContext(ctx, "tcp", at.String())
		var slow net.Error
		if err == nil || ctx.Err() != nil || wait > dialMost || !errors.As(err, &slow) || !slow.Timeout() {
			return conn, err
		}
	}
}

// mostReplied is how many bytes an answer may have: whoever has taken the place of a guest is not to fill our memory.
const mostReplied = 64 << 10

// hear reads a request up to its end; only one with the key is read at all.
func hear(from io.Reader, hash string) (r Request, err error) {
	var head [keySize + 4]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return r, errWrong
	}
	size := binary.BigEndian.Uint32(head[keySize:])
	if !opens(Key(head[:keySize]), hash) || size > Most {
		return r, errWrong
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(from, text); err != nil {
		return r, errWrong
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, errWrong
	}
	return r, nil
}
