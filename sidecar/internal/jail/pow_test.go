package jail

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// solve is what both solvers do with a challenge, and answers as redpwn's writes a solution or, padded, as kCTF's does.
func solve(t testing.TB, challenge string, padded bool) string {
	t.Helper()
	part := strings.Split(challenge, ".")
	if len(part) != 3 || part[0] != "s" {
		t.Fatalf("%q is no challenge", challenge)
	}
	var numbers []*big.Int
	for _, text := range part[1:] {
		number, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, new(big.Int).SetBytes(number))
	}
	exponent, x := new(big.Int).Lsh(big.NewInt(1), 1277), numbers[1]
	for range numbers[0].Int64() {
		x.Exp(x, exponent, modulus)
		x.Xor(x, big.NewInt(1))
	}
	number := x.Bytes()
	if padded {
		number = x.FillBytes(make([]byte, x.BitLen()/24*3+3))
	}
	return "s." + base64.StdEncoding.EncodeToString(number)
}

func TestAProofOfWorkIsReadAsItsSolversWriteIt(t *testing.T) {
	w := work{20, new(big.Int).SetBytes([]byte("\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef"))}
	if got := w.redpwn(); got != "s.AAAAFA==.ASNFZ4mrze8BI0VniavN7w==" {
		t.Errorf("as redpwn writes it: %s", got)
	}
	if got := w.kctf(); got != "s.AAAU.AAABI0VniavN7wEjRWeJq83v" {
		t.Errorf("as kCTF writes it: %s", got)
	}
	// What kCTF's pow.py prints for it.
	if !w.solvedBy(
		"s.AAB+DMZcJp8JpOqVI4VcY2CSmcuWo6QJbUugBXQsnjxF5ipoyahPX5oWtdVGUfTOyJi1/Y/sjrfVX3eAuji84g6wlcibn+eHM516/pYf6ld9jxcp42sqxs0iIDRU+0+NkgYMNA3I5JZ4trzdjIOwxLG35TFP5M7vO9Lv0NxwEjn7Av+C/ElatTx6CxJUlZvQEykZlqcAc4qfWwJxN3KjoJzM",
	) {
		t.Error("the solution of kCTF's own solver does not pass")
	}
	for _, challenge := range []string{w.redpwn(), w.kctf()} {
		for _, padded := range []bool{false, true} {
			if solution := solve(t, challenge, padded); !w.solvedBy(solution) || !w.solvedBy(" "+solution+"\r") {
				t.Errorf("%s does not solve %s", solution, challenge)
			}
		}
	}
	for _, wrong := range []string{
		"", "s.", "s", "hello", solve(t, "s.AAAT.AAABI0VniavN7wEjRWeJq83v", false), "x" + solve(t, w.kctf(), false),
		"s." + strings.Repeat("AAAA", 400), w.redpwn(),
	} {
		if w.solvedBy(wrong) {
			t.Errorf("%q passes", wrong)
		}
	}
}

func TestKCTFAsksForTheWorkThatItsVariableNames(t *testing.T) {
	for difficulty, c := range map[string]struct {
		answer func(challenge string) string
		says   string
		left   string
		passes bool
	}{
		"":  {nil, "== proof-of-work: disabled ==\n", "", true},
		"0": {nil, "== proof-of-work: disabled ==\n", "", true},
		"7": {
			func(challenge string) string { return "\n" + solve(t, challenge, true) + "\nfor the program" },
			"Solution? Correct\n", "for the program", true,
		},
		"8":  {func(string) string { return "s.AAAA\n" }, "Proof-of-work fail\npow fail\n", "", false},
		"no": {nil, "", "", false},
	} {
		t.Run(difficulty, func(t *testing.T) {
			t.Setenv(kctfWorkVariable, difficulty)
			player := &answering{answer: c.answer}
			if err := askKCTF(player); (err == nil) != c.passes {
				t.Error(err)
			}
			if !strings.HasSuffix(player.said.String(), c.says) || c.passes && player.left() != c.left {
				t.Errorf("it says %q, and %q is left", player.said.String(), player.left())
			}
		})
	}
}

// answering is a player who reads the challenge and answers it.
type answering struct {
	answer func(challenge string) string
	said   bytes.Buffer
	says   *strings.Reader
}

func (a *answering) Write(text []byte) (int, error) { return a.said.Write(text) }

func (a *answering) Read(into []byte) (int, error) {
	if a.says == nil {
		_, after, _ := strings.Cut(a.said.String(), ") solve ")
		challenge, _, _ := strings.Cut(after, "\n")
		a.says = strings.NewReader(a.answer(challenge))
	}
	return a.says.Read(into)
}

func (a *answering) left() string {
	if a.says == nil {
		return ""
	}
	text, _ := io.ReadAll(a.says)
	return string(text)
}

func TestAConnectionBeginsOnceItsWorkIsDone(t *testing.T) {
	testkit.Need(t, testkit.Root)
	t.Parallel()
	address := listening(t, "proof_of_work: 3 mount { src: \""+rooted(t)+"\" dst: \"/\" is_bind: true }")
	ask := func() (net.Conn, string) {
		p := dial(t, address)
		said := make([]byte, 0, 512)
		for one := make([]byte, 1); !strings.HasSuffix(string(said), "solution: "); said = append(said, one[0]) {
			if _, err := p.conn.Read(one); err != nil {
				t.Fatalf("%v after %q", err, said)
			}
		}
		challenge, found := strings.CutPrefix(string(said), "proof of work: curl -sSfL https://pwn.red/pow | sh -s ")
		if !found {
			t.Fatalf("it says %q", said)
		}
		return p.conn, strings.TrimSuffix(challenge, "\nsolution: ")
	}
	conn, challenge := ask()
	fmt.Fprintf(conn, "%s\necho in $((6*7))\nexit\n", solve(t, challenge, false))
	if said, err := io.ReadAll(conn); err != nil || strings.TrimSpace(string(said)) != "in 42" {
		t.Errorf("with the solution it says %q, %v", said, err)
	}
	conn, _ = ask()
	fmt.Fprint(conn, "s.AAAA\necho in\n")
	if said, err := io.ReadAll(conn); err != nil || string(said) != "incorrect proof of work\n" {
		t.Errorf("without, it says %q, %v", said, err)
	}
}

// FuzzSolution shows anything for the solution of a work: it is looked at in its time, and what solves it is one of two
// numbers.
func FuzzSolution(f *testing.F) {
	w := work{3, big.NewInt(0x0123456789abcdef)}
	right := solve(f, w.redpwn(), false)
	f.Add(right)
	f.Add("s.")
	f.Add("s." + strings.Repeat("/", maxSolution))
	f.Fuzz(func(t *testing.T, solution string) {
		if !w.solvedBy(solution) {
			return
		}
		text, _ := strings.CutPrefix(strings.TrimSpace(solution), "s.")
		number, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatalf("%q is taken", solution)
		}
		y := new(big.Int).SetBytes(number)
		for range w.difficulty {
			y.Xor(y, one)
			y.Exp(y, big.NewInt(2), modulus)
		}
		if y.Cmp(w.x) != 0 && y.Add(y, w.x).Cmp(modulus) != 0 {
			t.Errorf("%q is taken", solution)
		}
	})
}
