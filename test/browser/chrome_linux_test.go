package browser

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// chrome is a headless Chromium, spoken to over its pipe in the DevTools protocol:
// no port is opened. Why it is no library: docs/decisions/0005-browser-test.md.
type chrome struct {
	in   *os.File // what it reads
	done chan struct{}

	mu      sync.Mutex
	next    int
	answers map[int]chan message
	events  func(message) // called with mu held
	err     error
}

// message is a call, its answer or an event of the protocol.
type message struct {
	ID      int             `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// program finds a browser. CI has to have one: a check that nobody runs is none.
func program(t *testing.T) string {
	t.Helper()
	names := []string{"chromium", "chromium-browser", "google-chrome"}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const how = "no browser: none of %s is on PATH; on Debian: apt-get install --no-install-recommends chromium"
	if os.Getenv("CI") != "" {
		t.Fatalf(how, strings.Join(names, ", "))
	}
	t.Skipf(how, strings.Join(names, ", "))
	return ""
}

// start starts a browser that resolves no name and ends with the test, with every
// process it made.
func start(t *testing.T) *chrome {
	t.Helper()
	path, home := program(t), t.TempDir()
	toChrome, in := pipe(t)
	out, fromChrome := pipe(t)
	cmd := exec.Command(path, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
		"--remote-debugging-pipe", "--user-data-dir="+filepath.Join(home, "profile"),
		"--host-resolver-rules=MAP * ~NOTFOUND", "--force-color-profile=srgb", "--disable-dev-shm-usage",
		"--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--disable-breakpad", "--no-first-run", "--no-default-browser-check", "about:blank")
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home)
	cmd.ExtraFiles = []*os.File{toChrome, fromChrome} // 3 and 4, as the flag has it
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var said bytes.Buffer // its processes share this stream: Wait returns when the last one has ended
	cmd.Stderr, cmd.WaitDelay = &said, patience
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = toChrome.Close(), fromChrome.Close()
	c := &chrome{in: in, done: make(chan struct{}), answers: map[int]chan message{}}
	go c.read(out)
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // all of them at once: nothing of the profile is to be kept
		_ = cmd.Wait()
		_ = in.Close()
		<-c.done
		_ = out.Close()
		if left := running(t, home); len(left) > 0 {
			t.Errorf("the browser left processes behind: %q", left)
		}
		if t.Failed() {
			for line := range strings.Lines(said.String()) {
				if !strings.Contains(line, "dbus") { // it misses a desktop
					t.Log("the browser said: " + line)
				}
			}
		}
	})
	return c
}

// running are the processes that name a folder in their command line.
func running(t *testing.T, dir string) (found []string) {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(lines) == 0 {
		t.Fatalf("no process at all: %v", err)
	}
	for _, path := range lines {
		if data, err := os.ReadFile(path); err == nil && bytes.Contains(data, []byte(dir)) {
			found = append(found, string(data))
		}
	}
	return found
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

// read hands on what the browser says until it ends.
func (c *chrome) read(out *os.File) {
	defer close(c.done)
	in := bufio.NewReader(out)
	for {
		data, err := in.ReadBytes(0)
		if err != nil {
			c.end(fmt.Errorf("the browser ended: %w", err))
			return
		}
		var m message
		if err := json.Unmarshal(data[:len(data)-1], &m); err != nil {
			c.end(err)
			return
		}
		c.mu.Lock()
		switch answer := c.answers[m.ID]; {
		case answer != nil:
			answer <- m
			delete(c.answers, m.ID)
		case c.events != nil && m.Method != "":
			c.events(m)
		}
		c.mu.Unlock()
	}
}

func (c *chrome) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
	for id, answer := range c.answers {
		close(answer)
		delete(c.answers, id)
	}
}

// patience ends a test whose browser hangs; nothing depends on its length.
const patience = 2 * time.Minute

func (c *chrome) call(session, method string, params, result any) error {
	data, err := json.Marshal(params)
	if err != nil {
		return err
	}
	answer := make(chan message, 1)
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return c.err
	}
	c.next++
	m := message{ID: c.next, Session: session, Method: method, Params: data}
	c.answers[m.ID] = answer
	c.mu.Unlock()
	if data, err = json.Marshal(m); err != nil {
		return err
	}
	if _, err := c.in.Write(append(data, 0)); err != nil {
		return err
	}
	select {
	case m, ok := <-answer:
		switch {
		case !ok:
			return errors.New(method + ": the browser ended before it answered")
		case m.Error != nil:
			return fmt.Errorf("%s: %s", method, m.Error.Message)
		case result == nil:
			return nil
		}
		return json.Unmarshal(m.Result, result)
	case <-time.After(patience):
		return errors.New(method + ": no answer")
	}
}

// tab is one page, and what it did that it should not.
type tab struct {
	t        *testing.T
	chrome   *chrome
	session  string
	loaded   chan struct{}
	mu       sync.Mutex
	requests []string
	noise    []string
}

type object map[string]any

// open opens an address in a tab of the given width and colour scheme.
func (c *chrome) open(t *testing.T, url string, width int, scheme string) *tab {
	t.Helper()
	p := &tab{t: t, chrome: c, loaded: make(chan struct{}, 16)}
	var target struct{ TargetID string }
	p.must(c.call("", "Target.createTarget", object{"url": "about:blank"}, &target))
	var attached struct{ SessionID string }
	p.must(c.call("", "Target.attachToTarget", object{"targetId": target.TargetID, "flatten": true}, &attached))
	p.session = attached.SessionID
	c.mu.Lock()
	c.events = p.event
	c.mu.Unlock()
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		p.call(domain+".enable", object{}, nil)
	}
	p.call("Emulation.setDeviceMetricsOverride", object{"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false}, nil)
	p.media("screen", scheme)
	p.call("Page.navigate", object{"url": url}, nil)
	p.arrive(url)
	t.Cleanup(func() {
		p.must(c.call("", "Target.closeTarget", object{"targetId": target.TargetID}, nil))
	})
	return p
}

// arrive waits until the page is loaded; the empty one before it has an event too.
func (p *tab) arrive(url string) {
	p.t.Helper()
	for there := false; !there; {
		select {
		case <-p.loaded:
			p.eval(fmt.Sprintf(`location.href == %q && document.readyState == "complete"`, url), &there)
		case <-time.After(patience):
			p.t.Fatalf("%s does not load", url)
		}
	}
}

// media says what the page is shown on: screen or print, light or dark.
func (p *tab) media(medium, scheme string) {
	p.t.Helper()
	p.call("Emulation.setEmulatedMedia", object{"media": medium, "features": []object{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

func (p *tab) event(m message) {
	if m.Session != p.session {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch m.Method {
	case "Page.loadEventFired":
		p.loaded <- struct{}{}
	case "Network.requestWillBeSent":
		var e struct{ Request struct{ URL string } }
		if json.Unmarshal(m.Params, &e) == nil {
			p.requests = append(p.requests, e.Request.URL)
		}
	case "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded", "Page.javascriptDialogOpening":
		p.noise = append(p.noise, m.Method+" "+string(m.Params))
	}
}

func (p *tab) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *tab) call(method string, params, result any) {
	p.t.Helper()
	p.must(p.chrome.call(p.session, method, params, result))
}

// eval has the page compute something and reads it as JSON.
func (p *tab) eval(expression string, result any) {
	p.t.Helper()
	var r struct {
		Result struct{ Value json.RawMessage }
		Except json.RawMessage `json:"exceptionDetails"`
	}
	p.call("Runtime.evaluate", object{"expression": expression, "returnByValue": true}, &r)
	if r.Except != nil {
		p.t.Fatalf("%s: %s", expression, r.Except)
	}
	p.must(json.Unmarshal(r.Result.Value, result))
}

// screenshot is the page from its top, of the given height; 0 is all of it.
func (p *tab) screenshot(height int) []byte {
	p.t.Helper()
	var size struct{ W, H int }
	p.eval(`({W: document.documentElement.clientWidth, H: document.documentElement.scrollHeight})`, &size)
	if height == 0 {
		height = size.H
	}
	var shot struct{ Data string }
	p.call("Page.captureScreenshot", object{"format": "png", "captureBeyondViewport": true,
		"clip": object{"x": 0, "y": 0, "width": size.W, "height": height, "scale": 1}}, &shot)
	data, err := base64.StdEncoding.DecodeString(shot.Data)
	p.must(err)
	return data
}
