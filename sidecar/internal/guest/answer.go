package guest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// mostAnswered is how many bytes an answer may have; a pipe takes as many in one piece.
const mostAnswered = 1 << 10

// Outcome is why a container does not become its program.
type Outcome struct {
	Code int    // with which it ends
	Text string // for the log
}

func (o Outcome) Error() string { return fmt.Sprintf("the guest ends with %d: %s", o.Code, o.Text) }

// Unpatched says whether it is because the container could not be made what it was to be, and not because of its
// program.
func (o Outcome) Unpatched() bool { return o.Code == failed }

const (
	// What shells and runtimes say of a program that is not there, or cannot be run.
	notFound, notRunnable = 127, 126
	failed                = 125
)

// say answers whoever opened the gate: that all went well, or why not.
func say(answer io.WriteCloser, code int, why error) error {
	line := "0"
	if why != nil {
		line = strconv.Itoa(code) + " " + strings.ReplaceAll(why.Error(), "\n", " ")
	}
	_, err := io.WriteString(answer, line[:min(len(line), mostAnswered-1)]+"\n")
	return errors.Join(err, answer.Close())
}

// listen reads an answer: nil if all went well. Until the guest becomes its program nobody else is in the container who
// could write one.
func listen(answer *os.File) error {
	line, err := bufio.NewReaderSize(io.LimitReader(answer, mostAnswered), mostAnswered).ReadString('\n')
	if err != nil {
		return fmt.Errorf("read what the guest answers: %w", err)
	}
	digits, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
	code, err := strconv.Atoi(digits)
	switch {
	case err != nil:
		return fmt.Errorf("the guest answers %q", line)
	case code != 0:
		return Outcome{code, text}
	}
	return nil
}
