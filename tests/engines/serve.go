package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"runtime/debug"
	"slices"
)

// An engine holds one world: its policies are taken in, then it is asked.
type engine interface {
	load(w *world) ([]rejection, error)
	// judges tells whether an address is that of a local pod, or of what else the plugin polices.
	judges(address string) bool
	allows(ingress bool, subject, other string, f flow) (bool, error)
}

func serve(fresh func() engine) {
	debug.SetGCPercent(400)
	input, output := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	decoder, encoder := json.NewDecoder(input), json.NewEncoder(output)
	for decoder.More() {
		var w world
		if err := decoder.Decode(&w); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		w.normalize()
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

// normalize writes every address in the one way in which engines compare them (what is no address stays as it is) and
// takes out pods with their node's network, of which no plugin knows.
func (w *world) normalize() {
	plain := func(text string) string {
		if address, err := netip.ParseAddr(text); err == nil {
			return address.Unmap().String()
		}
		return text
	}
	w.Pods = slices.DeleteFunc(w.Pods, func(one pod) bool { return one.HostNetwork })
	for i := range w.Pods {
		for j, ip := range w.Pods[i].IPs {
			w.Pods[i].IPs[j] = plain(ip)
		}
	}
	for i := range w.Nodes {
		for j, ip := range w.Nodes[i].Addresses {
			w.Nodes[i].Addresses[j] = plain(ip)
		}
	}
	names := map[string][]string{}
	for ip, found := range w.Names {
		names[plain(ip)] = append(names[plain(ip)], found...)
	}
	w.Names = names
	for i, f := range w.Flows {
		w.Flows[i].From, w.Flows[i].To = plain(f.From), plain(f.To)
	}
}

func judge(e engine, w *world) (given answer, err error) {
	given = answer{Verdicts: []verdict{}, Rejected: []rejection{}}
	rejected, err := e.load(w)
	if err != nil {
		return given, err
	}
	given.Rejected = append(given.Rejected, rejected...)
	for _, f := range w.Flows {
		var v verdict
		if e.judges(f.From) {
			if v.Egress, err = ask(e, false, f.From, f.To, f); err != nil {
				return given, err
			}
		}
		if e.judges(f.To) {
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

// A head is as much of an object as is needed to know what to do with it.
type head struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Name string `json:"name"`
	} `json:"metadata"`
}

// every hands each object with its head to one function, those of networkPolicies as of that kind. An error of it is
// the reason why the object is rejected.
func (w *world) every(take func(head, json.RawMessage) error) (rejected []rejection, err error) {
	each := func(raw json.RawMessage, kind string) error {
		var top head
		if err := json.Unmarshal(raw, &top); err != nil {
			return err
		}
		if kind != "" {
			top.Kind = kind
		}
		if err := take(top, raw); err != nil {
			rejected = append(rejected, rejection{top.Metadata.Name, err.Error()})
		}
		return nil
	}
	for _, raw := range w.Objects {
		if err := each(raw, ""); err != nil {
			return nil, err
		}
	}
	for _, raw := range w.NetworkPolicies {
		if err := each(raw, "NetworkPolicy"); err != nil {
			return nil, err
		}
	}
	return rejected, nil
}
