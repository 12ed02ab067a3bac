// Calico's own policy engine over worlds of ours: objects pass its API's validation, then the conversions of its
// syncer and the calculation graph of its agent, and verdicts are read from the rules that this graph calculates.
//
// The rules are read here as Felix renders them for the kernel (felix/rules), not by app-policy/checker, which ignores
// a rule's IP version, never matches networks of /25 to /31 and knows neither type nor code of ICMP. As in the kernel
// an HTTP match is nothing: what it stands with decides. A HostEndpoint is judged when its node is called `node`, the
// one that all pods run on. Calico has no options here, and no mesh.
package main

import (
	"io"

	log "github.com/sirupsen/logrus"
)

func main() {
	log.SetOutput(io.Discard)
	log.SetLevel(log.PanicLevel)
	serve(func() engine { return newCalico() })
}
