package metric

import (
	"net/http"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// spawnBuckets are the nine of a spawn, in seconds; native histograms are finer.
var spawnBuckets = []float64{0.25, 0.5, 1, 2, 5, 10, 20, 30, 60}

// Metrics counts. It implements instancer.Observer.
type Metrics struct {
	registry *prometheus.Registry

	operations    *prometheus.CounterVec
	spawnTime     *prometheus.HistogramVec
	stopTime      prometheus.Histogram
	queueTime     prometheus.Histogram
	leaks         *prometheus.CounterVec
	events        *prometheus.CounterVec
	captures      *prometheus.CounterVec
	captureTime   prometheus.Histogram
	notifications *prometheus.CounterVec
	requests      *prometheus.CounterVec
	requestTime   *prometheus.HistogramVec
}

var _ instancer.Observer = (*Metrics)(nil)

// New makes Metrics of a version of Whaley.
func New(version string) *Metrics {
	registry := prometheus.NewRegistry()
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		registry.MustRegister(c)
		return c
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: name, Help: help, Buckets: buckets,
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
		}, labels)
		registry.MustRegister(h)
		return h
	}
	m := &Metrics{
		registry: registry,
		operations: counter(
			"whaley_operations_total", "Spawns, stops and extensions that ended, failed or were refused.", "operation",
			"outcome", "reason", "challenge_id",
		),
		spawnTime: histogram(
			"whaley_spawn_duration_seconds", "From being asked for to running, or to having failed.", spawnBuckets, "outcome",
		),
		leaks: counter(
			"whaley_leaks_found_total", "Objects on the engine that no instance owned; they were removed.", "kind",
		),
		events: counter("whaley_events_total", "Events that this sidecar wrote.", "event_type"),
		captures: counter(
			"whaley_forensics_captures_total", "Captures of what instances printed.", "capture_type", "outcome",
		),
		notifications: counter("whaley_notifications_total", "Notifications by what became of them.", "target", "outcome"),
		requests:      counter("whaley_http_requests_total", "Answered requests to the sidecar.", "route", "code"),
		requestTime: histogram(
			"whaley_http_request_duration_seconds", "Time to the end of an answer, without event streams.",
			[]float64{0.005, 0.02, 0.1, 0.5, 1, 5, 30}, "route",
		),
	}
	m.stopTime = histogram("whaley_stop_duration_seconds", "Taking an instance down.", spawnBuckets).WithLabelValues().(prometheus.Histogram)
	m.queueTime = histogram("whaley_spawn_queue_wait_seconds", "How long spawns stood in the queue.", spawnBuckets).WithLabelValues().(prometheus.Histogram)
	m.captureTime = histogram(
		"whaley_forensics_capture_duration_seconds", "Making a capture.", []float64{0.05, 0.1, 0.25, 0.5, 1, 2, 5},
	).WithLabelValues().(prometheus.Histogram)
	info := prometheus.NewGaugeVec(
		prometheus.GaugeOpts{Name: "whaley_build_info", Help: "The version that runs; always 1."},
		[]string{"version", "goversion"},
	)
	info.WithLabelValues(version, runtime.Version()).Set(1)
	registry.MustRegister(
		info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewBuildInfoCollector(),
	)
	for _, operation := range []string{whaley.OpSpawn, whaley.OpStop, whaley.OpExtend} {
		// there from the start: the first failure is a rise, too
		m.operations.WithLabelValues(operation, success, none, unknown)
	}
	for _, outcome := range []string{success, failure} {
		m.spawnTime.WithLabelValues(outcome)
	}
	for _, kind := range []string{"container", "network", "volume"} {
		m.leaks.WithLabelValues(kind)
	}
	for _, kind := range []string{whaley.CaptureAuto, whaley.CaptureLive} {
		m.captures.WithLabelValues(kind, success)
		m.captures.WithLabelValues(kind, failure)
	}
	return m
}

// Handler answers a scrape.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{EnableOpenMetrics: true, Registry: m.registry})
}

const (
	success = "success"
	failure = "failure"
	none    = "none"
	unknown = "unknown"
)

var notWord = regexp.MustCompile(`[^a-z0-9]+`)

const maxReason = 64

// reasonOf is why something failed, as a label: the code of the error, of which there are few.
func reasonOf(err error) string {
	if err == nil {
		return none
	}
	reason := strings.Trim(notWord.ReplaceAllString(strings.ToLower(whaley.CodeOf(err)), "_"), "_")
	if reason == "" {
		return string(whaley.Internal)
	}
	return reason[:min(len(reason), maxReason)]
}

func outcomeOf(err error) string {
	if err != nil {
		return failure
	}
	return success
}

// Done counts an operation.
func (m *Metrics) Done(operation, challenge string, took time.Duration, err error) {
	if challenge == "" {
		challenge = unknown
	}
	m.operations.WithLabelValues(operation, outcomeOf(err), reasonOf(err), challenge).Inc()
	switch {
	case took <= 0: // refused
	case operation == whaley.OpSpawn:
		m.spawnTime.WithLabelValues(outcomeOf(err)).Observe(took.Seconds())
	case operation == whaley.OpStop:
		m.stopTime.Observe(took.Seconds())
	}
}

// Waited observes a spawn that left the queue.
func (m *Metrics) Waited(d time.Duration) { m.queueTime.Observe(d.Seconds()) }

// Leaked counts what was found without an owner.
func (m *Metrics) Leaked(kind string) { m.leaks.WithLabelValues(kind).Inc() }

// Event counts an event that was written.
func (m *Metrics) Event(ev whaley.Event) { m.events.WithLabelValues(ev.Type).Inc() }

// Captured counts a capture.
func (m *Metrics) Captured(kind string, took time.Duration, err error) {
	m.captures.WithLabelValues(kind, outcomeOf(err)).Inc()
	m.captureTime.Observe(took.Seconds())
}

// Notified counts n notifications to a target: sent, dropped or refused.
func (m *Metrics) Notified(target, outcome string, n int) {
	m.notifications.WithLabelValues(target, outcome).Add(float64(n))
}

// streams last as long as somebody watches.
var streams = map[string]bool{
	"GET /events": true, "GET /admin/api/events": true, "GET /admin/api/instances/{id}/logs": true,
}

// Answered counts an answer. route is one of the API's, with its method.
func (m *Metrics) Answered(route string, status int, took time.Duration) {
	code := "other"
	if status >= 100 && status < 600 {
		code = []string{"1xx", "2xx", "3xx", "4xx", "5xx"}[status/100-1]
	}
	m.requests.WithLabelValues(route, code).Inc()
	if !streams[route] {
		m.requestTime.WithLabelValues(route).Observe(took.Seconds())
	}
}
