// Package scenario is what every OSS program here shares: the specification it is given, names that resolve to
// loopback, JSON lines.
package scenario

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sort"
	"strings"
)

// Keys is one credential; Token only where it is temporary.
type Keys struct{ ID, Secret, Token string }

// Run is one signature and one addressing.
type Run struct {
	Name, Signature, Addressing, Endpoint, Bucket, Missing, Prefix, Etag string
	Keys                                                                 []string
	Credentials, Sts, Denied                                             Keys
}

// Spec is the file named on the command line.
type Spec struct {
	Big, Uploader, Key string
	Part               int
	// Late asks for the calls that the store fails after a long while.
	Late bool
	Runs []Run
}

// Seen is what a step saw.
type Seen map[string]any

// Step is one named step.
type Step struct {
	Name string
	Play func() (Seen, error)
}

// Load reads the specification.
func Load() Spec {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	var spec Spec
	if err := json.Unmarshal(text, &spec); err != nil {
		panic(err)
	}
	return spec
}

// Play runs the steps in order; an error is what the step saw, said by describe.
func Play(run Run, steps []Step, describe func(error) Seen) {
	lines := json.NewEncoder(os.Stdout)
	lines.SetEscapeHTML(false)
	for _, step := range steps {
		// What an uploader sends does not depend on where the bucket stands in the URL, and is a lot.
		if step.Name == "uploader" && run.Addressing != "path" {
			continue
		}
		seen, err := step.Play()
		if err != nil {
			seen = Seen{"failure": describe(err)}
		}
		if err := lines.Encode(map[string]any{"run": run.Name, "step": step.Name, "seen": seen}); err != nil {
			panic(err)
		}
	}
}

// HTTPClient connects every `.test` name to 127.0.0.1.
func HTTPClient() *http.Client {
	dialer := net.Dialer{}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err == nil && strings.HasSuffix(host, ".test") {
			address = net.JoinHostPort("127.0.0.1", port)
		}
		return dialer.DialContext(ctx, network, address)
	}
	return &http.Client{Transport: transport}
}

// Fetch is a client without an SDK, for presigned URLs.
func Fetch(method, url string, body []byte, contentType string) (int, []byte, error) {
	request, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := HTTPClient().Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// File reads a file of the specification.
func File(path string) []byte {
	content, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return content
}

// Sha is hex SHA-256.
func Sha(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// Pieces cuts content; the last may be shorter.
func Pieces(content []byte, size int) [][]byte {
	var pieces [][]byte
	for len(content) > size {
		pieces, content = append(pieces, content[:size]), content[size:]
	}
	return append(pieces, content)
}

// Below takes a prefix off.
func Below(prefix string, names []string) []string {
	short := []string{}
	for _, name := range names {
		short = append(short, strings.TrimPrefix(name, prefix))
	}
	return short
}

// Sorted orders by bytes.
func Sorted(names []string) []string {
	sort.Strings(names)
	return names
}

// NilIfEmpty is how an absent header is printed.
func NilIfEmpty(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// ErrUnexpected is for a call that had to fail and did not.
var ErrUnexpected = fmt.Errorf("succeeded")
