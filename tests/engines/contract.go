// The contract of both programs: one world a line on standard input, one answer a line on standard output.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

type world struct {
	Objects         []json.RawMessage `json:"objects"`
	NetworkPolicies []json.RawMessage `json:"networkPolicies"`
	Namespaces      []namespace       `json:"namespaces"`
	Pods            []pod             `json:"pods"`
	Nodes           []string          `json:"nodes"`
	// Names are the domain names that an address outside the cluster was found by.
	Names map[string][]string `json:"names"`
	Flows []flow              `json:"flows"`
}

type namespace struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels"`
}

type pod struct {
	Namespace string            `json:"namespace"`
	Name      string            `json:"name"`
	Labels    map[string]string `json:"labels"`
	IP        string            `json:"ip"`
}

// A flow goes from an address to an address; a pod is known by its own. Protocol is IP's number of it, Port is the
// destination port, or the type of ICMP.
type flow struct {
	From     string `json:"from"`
	To       string `json:"to"`
	Protocol uint8  `json:"protocol"`
	Port     uint16 `json:"port"`
}

// A verdict says per direction whether the flow is allowed; null where that end is no pod.
type verdict struct {
	Egress  *bool `json:"egress"`
	Ingress *bool `json:"ingress"`
}

type rejection struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

type answer struct {
	Verdicts []verdict   `json:"verdicts"`
	Rejected []rejection `json:"rejected"`
	Error    string      `json:"error,omitempty"`
}

// An engine holds one world: its policies are taken in, then it is asked.
type engine interface {
	load(w *world) ([]rejection, error)
	allows(ingress bool, subject, other string, f flow) (bool, error)
}

func serve(fresh func() engine) {
	input, output := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	decoder, encoder := json.NewDecoder(input), json.NewEncoder(output)
	for decoder.More() {
		var w world
		if err := decoder.Decode(&w); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		given, err := judge(fresh(), &w)
		if err != nil {
			given.Error = err.Error()
		}
		if err := encoder.Encode(given); err != nil {
			os.Exit(1)
		}
		output.Flush()
	}
}

func judge(e engine, w *world) (given answer, err error) {
	given = answer{Verdicts: []verdict{}, Rejected: []rejection{}}
	rejected, err := e.load(w)
	if err != nil {
		return given, err
	}
	given.Rejected = append(given.Rejected, rejected...)
	pods := map[string]bool{}
	for _, one := range w.Pods {
		pods[one.IP] = true
	}
	for _, f := range w.Flows {
		var v verdict
		if pods[f.From] {
			if v.Egress, err = ask(e, false, f.From, f.To, f); err != nil {
				return given, err
			}
		}
		if pods[f.To] {
			if v.Ingress, err = ask(e, true, f.To, f.From, f); err != nil {
				return given, err
			}
		}
		given.Verdicts = append(given.Verdicts, v)
	}
	return given, nil
}

func ask(e engine, ingress bool, subject, other string, f flow) (*bool, error) {
	allowed, err := e.allows(ingress, subject, other, f)
	return &allowed, err
}
