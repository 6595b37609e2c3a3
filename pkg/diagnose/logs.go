package diagnose

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// lines is how many of a log's last lines a cause shows.
const lines = 20

// tails is how many logs one diagnosis asks for: each may take seconds.
const tails = 10

// shown is how many of a log's last lines a reader sees at once.
const shown = 2

// log are the last lines of a container. That they cannot be read is no cause.
func (f *finder) log(p *corev1.Pod, c container, previous bool) []string {
	if f.in.Logs == nil {
		return nil
	}
	// One Pod speaks for all of its workload, which have the same template.
	key := fmt.Sprintf("%s/%s/%t", f.owner(p).key(), c.name, previous)
	if said, ok := f.logs[key]; ok {
		return said
	}
	if f.tails == tails {
		return nil
	}
	f.tails++
	f.logs[key] = f.tail(p, c, previous)
	return f.logs[key]
}

func (f *finder) tail(p *corev1.Pod, c container, previous bool) []string {
	out, err := f.in.Logs.Tail(f.ctx, p.Namespace, p.Name, c.name, previous)
	if err != nil {
		return nil
	}
	out = slices.DeleteFunc(slices.Clone(out), func(s string) bool { return strings.TrimSpace(s) == "" })
	return out[max(0, len(out)-lines):]
}

// clip shortens a line for a sentence.
func clip(s string) string {
	const longest = 160
	if r := []rune(s); len(r) > longest {
		return string(r[:longest]) + "..."
	}
	return s
}
