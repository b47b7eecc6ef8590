package docker

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// pause is machine code that waits for ever: all that a container needs that only holds a network namespace. The image
// of it is made here, since no registry may be reachable, and has no file but this program of less than 200 bytes.
var pause = map[string]struct {
	machine uint16 // of the ELF header
	code    []byte
}{
	"amd64": {62, []byte{
		0xb8, 34, 0, 0, 0, // mov eax, 34 (pause)
		0x0f, 0x05, // syscall
		0xeb, 0xf7, // jmp to the beginning
	}},
	"arm64": {183, []byte{
		0x00, 0x00, 0x80, 0xd2, // mov x0, 0
		0x01, 0x00, 0x80, 0xd2, // mov x1, 0
		0x02, 0x00, 0x80, 0xd2, // mov x2, 0
		0x03, 0x00, 0x80, 0xd2, // mov x3, 0
		0x28, 0x09, 0x80, 0xd2, // mov x8, 73 (ppoll)
		0x01, 0x00, 0x00, 0xd4, // svc 0
		0xfa, 0xff, 0xff, 0x17, // b to the beginning
	}},
}

// holderProgram is the name of the program in the image.
const holderProgram = "/pause"

// HolderImage makes sure that the image of a container that does nothing is there, and returns its name.
func (e *Engine) HolderImage(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, quick)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return "", err
	}
	engine, err := api.ServerVersion(ctx)
	if err != nil {
		return "", translate(err)
	}
	program, known := executable(engine.Arch)
	if !known {
		return "", whaley.Errorf(
			whaley.Unavailable, "architecture_unknown", "There is no program for containers that hold a network on %s.",
			engine.Arch,
		)
	}
	sum := sha256.Sum256(program)
	name := "whaley/holder:" + hex.EncodeToString(sum[:6])
	if _, err := api.ImageInspect(ctx, name); !errdefs.IsNotFound(err) {
		return name, translate(err)
	}
	return name, importProgram(ctx, api, name, holderProgram, int64(len(program)), bytes.NewReader(program))
}

// importProgram makes an image of one program.
func importProgram(ctx context.Context, api *client.Client, name, path string, size int64, content io.Reader) error {
	layer := oneFile(path, size, content)
	defer layer.Close()
	answer, err := api.ImageImport(ctx, image.ImportSource{Source: layer, SourceName: "-"}, name,
		image.ImportOptions{Changes: []string{`ENTRYPOINT ["` + path + `"]`}})
	if err != nil {
		return translate(err)
	}
	defer answer.Close()
	_, err = io.Copy(io.Discard, answer)
	return translate(err)
}

// executable is a complete ELF file: header, one loaded segment that is the whole file, code.
func executable(architecture string) ([]byte, bool) {
	p, known := pause[architecture]
	const base, header, segment = 0x400000, 64, 56
	var f bytes.Buffer
	f.WriteString("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	size := uint64(header + segment + len(p.code))
	for _, field := range []any{
		// executable, entry, segments at
		uint16(2), p.machine, uint32(1), uint64(base + header + segment), uint64(header), uint64(0),
		uint32(0), uint16(header), uint16(segment), uint16(1), uint16(0), uint16(0), uint16(0),
		uint32(1), uint32(5), uint64(0), uint64(base), uint64(base), size, size, uint64(0x10000), // load, read and execute
	} {
		_ = binary.Write(&f, binary.LittleEndian, field) // a buffer takes everything
	}
	f.Write(p.code)
	return f.Bytes(), known
}
