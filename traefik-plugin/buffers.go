package whaley

import (
	"net/http/httputil"
	"sync"
)

const bufferSize = 32 << 10

// spare is what bodies of answers are copied through. Without it the standard library makes a buffer for every answer, which
// costs more than all that the plugin does. It has the type of the interface, since Yaegi converts no field of a literal.
var spare httputil.BufferPool = &buffers{}

// buffers is a httputil.BufferPool.
type buffers struct{ free sync.Pool }

func (b *buffers) Get() []byte {
	if buffer, ok := b.free.Get().(*[]byte); ok {
		return *buffer
	}
	return make([]byte, bufferSize)
}

func (b *buffers) Put(buffer []byte) { b.free.Put(&buffer) }
