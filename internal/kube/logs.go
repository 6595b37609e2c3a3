package kube

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const (
	tailLines = 20
	tailBytes = 16 << 10 // 16 KiB
	tailTime  = 5 * time.Second
)

// Logs gives the last lines of containers, with what must not be shown taken out
// before anything leaves it.
type Logs struct {
	Cluster *Cluster
	Mask    func(string) string // needed: without it there are no lines
}

// Tail gives the last lines that a container has printed, 20 at most; of the run before
// it when previous is set.
func (l Logs) Tail(ctx context.Context, namespace, pod, container string, previous bool) ([]string, error) {
	if l.Mask == nil {
		return nil, fmt.Errorf("logs of %s/%s: nothing says what to mask", namespace, pod)
	}
	ctx, cancel := context.WithTimeout(ctx, tailTime)
	defer cancel()
	data, err := l.Cluster.Core.Get().Namespace(namespace).Resource("pods").Name(pod).SubResource("log").
		Param("container", container).Param("previous", strconv.FormatBool(previous)).
		Param("tailLines", strconv.Itoa(tailLines)).Param("limitBytes", strconv.Itoa(tailBytes)).DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("logs of %s/%s, container %s: %w", namespace, pod, container, err)
	}
	return lines(l.Mask(wholeLines(string(data)))), nil
}

// wholeLines takes out a last line that was cut off by the limit: of a value that
// stands at the cut, only a part would be there, and no masking would find it.
func wholeLines(text string) string {
	if len(text) < tailBytes {
		return text
	}
	return text[:strings.LastIndexByte(text, '\n')+1]
}

// lines splits a log, without what would move a terminal's cursor or change its
// colours, and without empty lines.
func lines(text string) []string {
	var out []string
	for l := range strings.Lines(text) {
		l = strings.TrimSpace(strings.Map(func(r rune) rune {
			if unicode.IsControl(r) && r != '\t' {
				return -1
			}
			return r
		}, l))
		if l != "" {
			out = append(out, l)
		}
	}
	return out
}
