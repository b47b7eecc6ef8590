package guest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func sealed(t testing.TB, k Key, m Message) []byte {
	t.Helper()
	text, err := Seal(k, m)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestOnlyAWholeMessageWithTheKeyCounts(t *testing.T) {
	k := NewKey()
	m := Message{
		Env:     []string{"FLAG=x"},
		Patches: []Patch{{Path: "/flag", Swaps: []Swap{{At: 3, Old: []byte("a"), New: []byte("b")}}}},
	}
	right := sealed(t, k, m)
	got, err := read(bytes.NewReader(right), k.Hash())
	if diff := cmp.Diff(m, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	empty := sha256.Sum256(nil)
	for what, wrong := range map[string][]byte{
		"nothing": nil, "another key": sealed(t, NewKey(), m), "the hash": append([]byte(k.Hash()), right[keySize:]...),
		"a key alone": k[:], "half a key": k[:16], "one that is too large": append(k[:], bytes.Repeat([]byte(" "), Most+1)...),
		"one that goes on": append(bytes.Clone(right), '{'), "two": append(bytes.Clone(right), right[keySize:]...),
		"what nobody knows": append(k[:], []byte(`{"command":["sh"]}`)...), "another kind": append(k[:], []byte(`[]`)...),
	} {
		if got, err := read(bytes.NewReader(wrong), k.Hash()); err == nil || err.Error() != errWrong.Error() ||
			!cmp.Equal(got, Message{}) {
			t.Errorf("%s: %+v %v", what, got, err)
		}
		if _, err := read(bytes.NewReader(wrong), hex.EncodeToString(empty[:])); err == nil {
			t.Errorf("%s opens a gate whose key is nothing", what)
		}
	}
	for n := range right {
		if _, err := read(bytes.NewReader(right[:n]), k.Hash()); err == nil {
			t.Fatalf("it counts when it is cut off after %d of %d bytes", n, len(right))
		}
	}
	if _, err := Seal(k, Message{Env: []string{strings.Repeat("x", Most)}}); err == nil {
		t.Error("one that no gate takes is sealed")
	}
}

func TestTheOrderIsTakenOutOfTheEnvironment(t *testing.T) {
	o := Order{Hash: "h", Argv: []string{"a", "b c"}, User: "u:g", Keep: []string{"KILL"}}
	variable, err := o.Setting()
	if err != nil {
		t.Fatal(err)
	}
	got, rest, err := ordered([]string{"A=1", variable, "B=2"})
	if diff := cmp.Diff(o, got); err != nil || diff != "" || !cmp.Equal(rest, []string{"A=1", "B=2"}) {
		t.Errorf("%v %v\n%s", rest, err, diff)
	}
	for _, wrong := range [][]string{{"A=1"}, {"WHALEY_GUEST="}, {"WHALEY_GUEST={}"}, nil} {
		if _, _, err := ordered(wrong); err == nil {
			t.Errorf("%v is an order", wrong)
		}
	}
	if got := with([]string{"A=1", "AB=2"}, "A=3", "C=4"); !cmp.Equal(got, []string{"A=3", "AB=2", "C=4"}) {
		t.Errorf("set: %v", got)
	}
}

// What comes through a gate is believed only after its key, whatever it is.
func FuzzMessage(f *testing.F) {
	k := NewKey()
	f.Add(sealed(f, k, Message{Env: []string{"A=1"}}))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, sent []byte) {
		_, err := read(bytes.NewReader(sent), k.Hash())
		if known := bytes.HasPrefix(sent, k[:]); err == nil && !known {
			t.Error("a message without the key counts")
		}
	})
}
