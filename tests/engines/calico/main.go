// Calico's own policy engine over worlds of ours: objects pass its API's validation, then the conversions of its
// syncer and the calculation graph of its agent, and verdicts are read from the rules that this graph calculates.
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
