package jail

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"strconv"
	"strings"
	"time"
)

// work is a proof of work as redpwn/jail and kCTF ask for it: to take difficulty square roots, one after the other,
// modulo 2^1279-1. Checking squares as often, which takes a thousandth of the time. Both write it alike, in lengths of
// their own, and each one's solver reads the other's.
type work struct {
	difficulty uint32
	x          *big.Int
}

// Where what kctf_pow asks for stands, in the image or as a variable of the service, and how long a player may take.
const (
	kctfWork         = "/kctf/pow/pow.conf"
	kctfWorkVariable = "POW_DIFFICULTY"
	kctfSolver       = "https://goo.gle/kctf-pow"
	workTime         = 10 * time.Minute
	maxSolution      = 1024 // bytes
)

var (
	one     = big.NewInt(1)
	modulus = new(big.Int).Sub(new(big.Int).Lsh(one, 1279), one)
)

func newWork(difficulty uint32) (work, error) {
	x, err := rand.Int(rand.Reader, new(big.Int).Lsh(one, 128))
	return work{difficulty, x}, err
}

func encoded(number []byte) string { return base64.StdEncoding.EncodeToString(number) }

// redpwn is the work as redpwn/jail writes it.
func (w work) redpwn() string {
	return "s." + encoded(binary.BigEndian.AppendUint32(nil, w.difficulty)) + "." + encoded(w.x.Bytes())
}

// kctf is the work as kCTF's writes it: in lengths that need no padding.
func (w work) kctf() string {
	padded := func(n *big.Int) string { return encoded(n.FillBytes(make([]byte, n.BitLen()/24*3+3))) }
	return "s." + padded(new(big.Int).SetUint64(uint64(w.difficulty))) + "." + padded(w.x)
}

// solvedBy says whether a line is the work's solution.
func (w work) solvedBy(solution string) bool {
	text, versioned := strings.CutPrefix(strings.TrimSpace(solution), "s.")
	number, err := base64.StdEncoding.DecodeString(text)
	if !versioned || err != nil || len(solution) > maxSolution {
		return false
	}
	y := new(big.Int).SetBytes(number)
	for range w.difficulty {
		y.Xor(y, one)
		y.Mod(y.Mul(y, y), modulus)
	}
	return y.Cmp(w.x) == 0 || new(big.Int).Sub(modulus, w.x).Cmp(y) == 0
}

// askWork has a player do the work that is asked before a connection begins, and says whether it was done.
func (c *Config) askWork(player io.ReadWriter) bool {
	return (c.Work == 0 || askRedpwn(player, c.Work)) && (c.Zeros == 0 || askHashcash(player, c.Zeros))
}

// askRedpwn has a player do the work as redpwn/jail does, and says whether it was done.
func askRedpwn(player io.ReadWriter, difficulty uint32) bool {
	w, err := newWork(difficulty)
	if err != nil {
		return false
	}
	if _, err := fmt.Fprintf(player, "proof of work: curl -sSfL https://pwn.red/pow | sh -s %s\nsolution: ", w.redpwn()); err != nil {
		return false
	}
	line, err := readLine(player)
	if err != nil {
		return false
	}
	if !w.solvedBy(line) {
		_, _ = io.WriteString(player, "incorrect proof of work\n")
		return false
	}
	return true
}

// askKCTF is kCTF's kctf_pow: it asks for the work that its file names.
func askKCTF(player io.ReadWriter) error {
	difficulty, err := kctfDifficulty()
	if err != nil {
		return err
	}
	if difficulty == 0 {
		_, err := io.WriteString(player, "== proof-of-work: disabled ==\n")
		return err
	}
	w, err := newWork(difficulty)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(
		player, "== proof-of-work: enabled ==\nplease solve a pow first\nYou can run the solver with:\n"+
			"    python3 <(curl -sSL %s) solve %s\n===================\n\nSolution? ", kctfSolver, w.kctf(),
	); err != nil {
		return err
	}
	line := ""
	for line == "" {
		if line, err = readLine(player); err != nil {
			return err
		}
		line = strings.TrimSpace(line)
	}
	if !w.solvedBy(line) {
		_, _ = io.WriteString(player, "Proof-of-work fail\npow fail\n")
		return errors.New("the proof of work is wrong")
	}
	_, err = io.WriteString(player, "Correct\n")
	return err
}

func kctfDifficulty() (uint32, error) {
	text, err := os.ReadFile(kctfWork)
	if os.IsNotExist(err) {
		text, err = []byte(os.Getenv(kctfWorkVariable)), nil
	}
	word := string(bytes.TrimSpace(text))
	if err != nil || word == "" {
		return 0, err
	}
	n, err := strconv.ParseUint(word, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("difficulty of the proof of work (%s, %s): %q is no number", kctfWork, kctfWorkVariable, word)
	}
	return uint32(n), nil
}

// readLine reads a line and nothing after it: that is the program's.
func readLine(r io.Reader) (string, error) {
	var line []byte
	for one := make([]byte, 1); len(line) <= maxSolution; {
		if _, err := io.ReadFull(r, one); err != nil {
			return "", err
		}
		if one[0] == '\n' {
			return string(line), nil
		}
		line = append(line, one[0])
	}
	return "", errors.New("the line is too long")
}
