package docker

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/docker/docker/pkg/jsonmessage"
	"google.golang.org/protobuf/encoding/protowire"
)

// trace writes down what BuildKit tells of its work: names of steps, output, errors. It reads the few fields that it
// needs out of moby.buildkit.v1.StatusResponse.
type trace struct {
	log   io.Writer
	named map[string]bool
}

func (t *trace) add(message jsonmessage.JSONMessage) {
	if message.ID != "moby.buildkit.trace" || message.Aux == nil {
		return
	}
	var status []byte
	if json.Unmarshal(*message.Aux, &status) != nil {
		return
	}
	fields(status, func(number protowire.Number, value []byte) {
		switch number {
		case 1:
			t.vertex(value)
		case 3:
			fields(value, func(number protowire.Number, value []byte) {
				if number == 4 {
					_, _ = t.log.Write(value)
				}
			})
		}
	})
}

func (t *trace) vertex(text []byte) {
	var digest, name, failure string
	fields(text, func(number protowire.Number, value []byte) {
		switch number {
		case 1:
			digest = string(value)
		case 3:
			name = string(value)
		case 7:
			failure = string(value)
		}
	})
	if !t.named[digest] {
		t.named[digest] = true
		fmt.Fprintln(t.log, name)
	}
	if failure != "" {
		fmt.Fprintln(t.log, name+": "+failure)
	}
}

// fields calls do for each field of a message that holds bytes, and skips the others.
func fields(message []byte, do func(protowire.Number, []byte)) {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return
		}
		message = message[n:]
		if n = protowire.ConsumeFieldValue(number, kind, message); n < 0 {
			return
		}
		if kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(message)
			do(number, value)
		}
		message = message[n:]
	}
}
