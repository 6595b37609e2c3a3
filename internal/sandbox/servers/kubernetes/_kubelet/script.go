package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// registry is the one whose images may ask for something to go wrong. Its name is
// of a domain that exists nowhere (RFC 6761), so no image of anybody's is from it.
const registry = "pretend.test/"

// entrypoint is the program that the images of the registry hold.
const entrypoint = "pretend"

// outcome is what comes of a container's arguments.
type outcome struct {
	lines  []string // its log
	ends   bool     // and how:
	code   int32
	reason string
	stays  bool   // it does not end where others of its kind do
	ports  []int  // what it listens on; everything when nil
	health int    // what it answers to a probe; 200 when 0
	start  string // why it cannot be started
}

// interpret plays the arguments of a container of the registry, one statement
// each:
//
//	print TEXT            a line of the log
//	exit CODE [REASON]    the end; the reason is Error, or Completed for 0
//	memory QUANTITY       killed, out of memory, when its limit is lower
//	listen PORT           a probe of another port is refused; once for each port
//	health STATUS         what a probe is answered
//	stay                  not to end, in a Job or as an init container
//	unless A = B: STATEMENT
//
// The kubelet has put $(VARIABLE)s in. B may be sha256: and 64 digits, for an A
// that is secret. Something else is not understood, and ends the container with
// 2 and a line that says so.
func interpret(command, args []string, memory int64) outcome {
	if len(command) > 0 && command[0] != entrypoint {
		return outcome{start: fmt.Sprintf("failed to create containerd task: failed to create shim task: OCI runtime create failed: "+
			"runc create failed: unable to start container process: error during container init: exec: %q: executable file not found in $PATH", command[0])}
	}
	o := outcome{}
	if len(command) > 1 {
		args = append(command[1:len(command):len(command)], args...)
	}
	for _, arg := range args {
		if err := o.play(arg, memory); err != nil {
			o.lines = append(o.lines, fmt.Sprintf("pretend: %v", err))
			o.exit(2, "Error")
		}
		if o.ends {
			break
		}
	}
	return o
}

func (o *outcome) play(statement string, memory int64) error {
	verb, rest, _ := strings.Cut(strings.TrimSpace(statement), " ")
	switch verb {
	case "print":
		o.lines = append(o.lines, rest)
		return nil
	case "exit":
		return o.playExit(rest)
	case "memory":
		return o.playMemory(rest, memory)
	case "listen":
		port, err := strconv.Atoi(rest)
		o.ports = append(o.ports, port)
		return err
	case "health":
		status, err := strconv.Atoi(rest)
		o.health = status
		return err
	case "stay":
		o.stays = true
		return nil
	case "unless":
		return o.playUnless(rest, memory)
	}
	return fmt.Errorf("no statement: %q", verb)
}

func (o *outcome) playExit(rest string) error {
	number, reason, _ := strings.Cut(rest, " ")
	code, err := strconv.ParseInt(number, 10, 32)
	switch {
	case err != nil:
		return err
	case reason == "" && code == 0:
		reason = "Completed"
	case reason == "":
		reason = "Error"
	}
	o.exit(int32(code), reason)
	return nil
}

func (o *outcome) playMemory(rest string, limit int64) error {
	needed, err := resource.ParseQuantity(rest)
	if err == nil && limit > 0 && limit < needed.Value() {
		o.exit(137, "OOMKilled")
	}
	return err
}

func (o *outcome) playUnless(rest string, memory int64) error {
	condition, statement, ok := strings.Cut(rest, ": ")
	a, b, equal := strings.Cut(condition, " = ")
	if !ok || !equal {
		return fmt.Errorf("want: unless A = B: STATEMENT")
	}
	if digest, ok := strings.CutPrefix(b, "sha256:"); ok {
		sum := sha256.Sum256([]byte(a))
		a, b = hex.EncodeToString(sum[:]), digest
	}
	if a == b {
		return nil
	}
	return o.play(statement, memory)
}

func (o *outcome) exit(code int32, reason string) {
	o.ends, o.code, o.reason = true, code, reason
}

// refusal is what a registry answers that does not give an image, in the words of
// containerd, and empty when it gives it. The tag says what is wrong, and a
// repository below private/ wants a login.
func refusal(image string, login bool) string {
	name, ok := strings.CutPrefix(image, registry)
	if !ok {
		return ""
	}
	_, tag, _ := strings.Cut(name, ":")
	resolve := fmt.Sprintf("failed to pull and unpack image %[1]q: failed to resolve reference %[1]q: ", image)
	manifest := fmt.Sprintf("https://%sv2/%s/manifests/%s", registry, strings.TrimSuffix(name, ":"+tag), tag)
	request := resolve + fmt.Sprintf("failed to do request: Head %q: ", manifest)
	switch {
	case tag == "not-found":
		return resolve + image + ": not found"
	case tag == "unauthorized", strings.HasPrefix(name, "private/") && !login:
		return resolve + "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://" + registry + "token: 401 Unauthorized"
	case tag == "denied":
		return resolve + "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed"
	case tag == "toomanyrequests":
		return resolve + fmt.Sprintf("unexpected status from HEAD request to %s: 429 Too Many Requests", manifest) +
			"\ntoomanyrequests: You have reached your unauthenticated pull rate limit."
	case tag == "no-such-host":
		return request + "dial tcp: lookup " + strings.TrimSuffix(registry, "/") + " on 10.96.0.10:53: no such host"
	case tag == "x509":
		return request + "tls: failed to verify certificate: x509: certificate signed by unknown authority"
	}
	return ""
}
